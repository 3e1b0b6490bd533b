"""What all tests share: options of the command line."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write fixtures/patients/*/expected/report.json anew; the diff is then reviewed",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden copies are rewritten in this run instead of compared."""
    return bool(request.config.getoption("--update-golden"))
