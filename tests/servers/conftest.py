"""The servers, each started once for a test run that asks for it, and filled as a test wishes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.servers import build
from tests.servers.process import HOST, serving

_HAPI_S = 180.0
_MEDPLUM_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running FHIR server: the name of its vendor profile, and its base URL."""

    vendor: str
    base_url: str


def asked_for(config: pytest.Config, marker: str) -> None:
    """Skips unless `-m` names the marker: a plain run downloads and starts nothing."""
    if not re.search(rf"\b{marker}\b", config.option.markexpr or ""):
        pytest.skip(f"runs when asked for with -m {marker} (packages are downloaded once)")


@pytest.fixture(scope="session")
def medplum(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Medplum's published router and memory repository, on Node."""
    asked_for(pytestconfig, "node")
    try:
        command = build.medplum()
    except build.Missing as reason:
        pytest.skip(str(reason))
    log = tmp_path_factory.mktemp("medplum") / "stderr"
    with serving([*command, "0"], log, _MEDPLUM_S) as port:
        yield Server("medplum", f"http://{HOST}:{port}/fhir/R4")


@pytest.fixture(scope="session")
def hapi(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """HAPI FHIR's JPA server on an in-memory database."""
    asked_for(pytestconfig, "java")
    try:
        command = build.maven("hapi", "concord.hapi.Main")
    except build.Missing as reason:
        pytest.skip(str(reason))
    log = tmp_path_factory.mktemp("hapi") / "stderr"
    with serving([*command, "0"], log, _HAPI_S) as port:
        yield Server("hapi", f"http://{HOST}:{port}/fhir")


@pytest.fixture(
    params=[
        pytest.param("medplum", marks=pytest.mark.node),
        pytest.param("hapi", marks=pytest.mark.java),
    ]
)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of them in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found
