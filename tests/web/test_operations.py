"""What those who run the service see: servers, deliveries, the trail, and no patient."""

from __future__ import annotations

from datetime import UTC, datetime

from service.model.review import User, UserRole
from service.model.source import State
from service.store.overview import SourceReads
from service.web.operations.page import sources
from service.write.target import WriteTarget
from tests.web.office import Office, in_office
from tests.write.synthetic import PHARMACIST

IT = User("u-it", "Ida Tee", UserRole.IT)
ADMIN = User("u-ad", "Ada Min", UserRole.ADMIN)
AT = datetime(2026, 11, 15, 12, tzinfo=UTC)


def test_a_server_that_does_not_answer_is_said_with_its_reason() -> None:
    targets = [
        WriteTarget("pharmacy", "http://pharmacy.test", unreachable="it refused the connection"),
        WriteTarget("psychiatry", "http://psychiatry.test", frozenset({"Task"})),
    ]
    read = [
        SourceReads("psychiatry", State.COMPLETE, 20, AT),
        SourceReads("psychiatry", State.PARTIAL, 1, AT),
        SourceReads("gone", State.STALE, 2, AT),
    ]
    gone, pharmacy, psychiatry = sources(targets, read)
    assert (gone["answers"], gone["why"]) == (False, "it is not configured any more")
    assert (pharmacy["answers"], pharmacy["why"]) == (False, "it refused the connection")
    assert psychiatry["answers"]
    assert [(one["state"], one["patients"]) for one in psychiatry["reads"]] == [
        ("complete", 20),
        ("partial", 1),
    ]


def test_the_page_shows_the_servers_and_no_patient() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        page = await office.client.get("/operations", headers=office.bearer(IT))
        assert page.status_code == 200
        assert "http://psychiatry.test/fhir" in page.text
        assert "No delivery waits for a person." in page.text
        assert patient not in page.text

    in_office(use)


def test_a_delivery_that_nobody_gave_up_cannot_be_sent_again() -> None:
    async def use(office: Office) -> None:
        path = "/operations/deliveries/no-such-one/replay"
        answer = await office.client.post(path, headers=office.bearer(IT))
        assert answer.status_code == 404
        assert office.queued == []

    in_office(use)


def test_the_trail_is_narrowed_down_and_goes_on_where_it_ended() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for _ in range(3):
            await office.client.get(f"/patients/{patient}", headers=office.bearer(PHARMACIST))
        headers = office.bearer(ADMIN)
        theirs = await office.client.get(f"/audit?who={PHARMACIST.id}", headers=headers)
        assert theirs.text.count(f"<td>{PHARMACIST.id}</td>") >= 3
        nobody = await office.client.get("/audit?who=nobody", headers=headers)
        assert "Nothing like this." in nobody.text
        wild = await office.client.get("/audit?action=%25", headers=headers)
        assert "Nothing like this." in wild.text

    in_office(use)
