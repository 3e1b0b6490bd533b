"""What all tests share: options of the command line, and how properties are tried."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import new_store as new_store
from tests.postgres import postgres_server as postgres_server
from tests.postgres import store_url as store_url

settings.register_profile(
    "concord",
    deadline=None,  # no test is about time
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CONCORD_TEST_SCALE") != "full",
)
settings.load_profile("concord")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write fixtures/patients/*/expected/report.json anew; the diff is then reviewed",
    )
    parser.addoption(
        "--update-docs",
        action="store_true",
        help="write the tables in docs/ that a test run generates; the diff is then reviewed",
    )
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="a test that would be skipped fails: what was asked for was not proven",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.config.getoption("--no-skips"):
        _unskipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if collector.config.getoption("--no-skips"):
        _unskipped(report)
    return report


def _unskipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure with the same reason; an expected failure stays one."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"--no-skips: {reason}"


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden copies are rewritten in this run instead of compared."""
    return bool(request.config.getoption("--update-golden"))
