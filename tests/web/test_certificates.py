"""The end of a source's TLS certificate is seen without a request of its own, and said in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client, identified
from service.model.review import User, UserRole
from service.web.operations.certificates import certificate
from tests.read.chart import sandbox
from tests.read.transport import behind_tls, identity, server_context
from tests.web.office import Office, in_office

IT = User("u-it", "Ida Tee", UserRole.IT)
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
SAME = {"Sec-Fetch-Site": "same-origin"}


def test_what_a_server_showed_when_it_was_asked_is_known_and_nothing_before(tmp_path: Path) -> None:
    own = identity(tmp_path, "server", ends=timedelta(days=12))

    async def use() -> tuple[datetime | None, datetime | None]:
        trust = identified(own.certificate, own.key)
        trust.load_verify_locations(own.certificate)
        async with behind_tls(sandbox(), server_context(own)) as base, http_client(trust) as http:
            client = FhirClient(base, http=http)
            before = client.certificate_ends
            await client.capabilities()
            return before, client.certificate_ends

    before, ends = asyncio.run(use())
    assert before is None
    assert ends is not None
    assert timedelta(days=11) < ends - datetime.now(UTC) <= timedelta(days=12)


@pytest.mark.parametrize(
    ("days", "words", "soon"),
    [
        (31, "its certificate expires in 31 days (2026-04-10)", False),
        (30, "▲ its certificate expires in 30 days (2026-04-09)", True),
        (1, "▲ its certificate expires in 1 day (2026-03-11)", True),
        (0.5, "▲ its certificate expires within a day (2026-03-10)", True),
        (-2, "▲ its certificate expired on 2026-03-08", True),
    ],
)
def test_from_thirty_days_before_it_is_a_warning(days: float, words: str, soon: bool) -> None:
    told = certificate(NOW + timedelta(days=days), NOW)
    assert told is not None
    assert (told.words, told.soon) == (words, soon)
    assert certificate(None, NOW) is None


def test_the_page_of_sources_the_connection_test_and_the_metrics_tell_it() -> None:
    ends = NOW + timedelta(days=12)

    async def use(office: Office) -> None:
        for ask, path in (
            (office.client.get, "/operations"),
            (office.client.post, "/operations/sources/psychiatry/test"),
        ):
            page = await ask(path, headers=office.bearer(IT) | SAME)
            assert page.status_code == 200
            assert 'unread">▲ its certificate expires in 12 days (2026-03-22)' in page.text
        metrics = await office.client.get("/metrics", headers=office.bearer(IT))
        name = 'concord_source_certificate_expiry_timestamp_seconds{source="psychiatry"}'
        (line,) = [one for one in metrics.text.splitlines() if one.startswith(name)]
        assert float(line.split()[1]) == ends.timestamp()

    in_office(
        use,
        sources={"psychiatry": "https://psychiatry.test/fhir"},
        certificates=lambda: {"psychiatry": ends},
    )
