"""How old what is shown is: on the patient's page, for those who run the service, in metrics."""

from __future__ import annotations

from datetime import timedelta

from service.model.review import User, UserRole
from service.store import notices, syncs, worklist
from service.store.notices import Channel
from service.web.senders import sender
from tests.web.office import Office, in_office
from tests.write.synthetic import PHARMACIST

IT = User("u-it", "Ida Tee", UserRole.IT)
SECRET = "a-secret-of-more-than-sixteen-characters"


async def seen(office: Office, patient: str, source: str, **hours_ago: float) -> None:
    at = office.now[0]
    values = {name: at - timedelta(hours=hours) for name, hours in hours_ago.items()}
    async with office.store.transaction() as tx:
        await syncs.put(tx, patient, source, **values)


def test_a_source_that_nobody_read_for_a_day_is_shown_as_stale_until_it_is_read() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()

        async def page() -> str:
            headers = office.bearer(PHARMACIST)
            return (await office.client.get(f"/patients/{patient}", headers=headers)).text

        await seen(office, patient, "psychiatry", seen_at=23)
        assert "psychiatry is stale" not in await page()
        office.later(hours=2)
        assert "psychiatry is stale" in await page()
        assert "nobody has read it again for 25 hours" in await page()
        await seen(office, patient, "psychiatry", seen_at=0)
        assert "psychiatry is stale" not in await page()

    in_office(use)


def test_scripts_are_told_how_old_the_signed_list_and_its_sources_are_as_the_page_tells() -> None:
    async def use(office: Office) -> None:
        signed, never = [await office.patient(number) for number in (1, 2)]
        async with office.store.transaction() as tx:
            await worklist.mark_signed(tx, signed, at=office.now[0] - timedelta(days=12))
        await seen(office, signed, "psychiatry", seen_at=30)
        told = (await office.client.get("/api/patients", headers=office.bearer())).json()
        rows = {row["id"]: row for row in told["patients"]}
        assert rows[signed]["signed_days_ago"] == 12
        assert rows[signed]["not_complete"] == ["psychiatry"]
        assert rows[never]["signed_days_ago"] is rows[never]["since_signed"] is None
        assert rows[never]["not_complete"] == []
        assert sum(told["counts"].values()) == 2
        page = (await office.client.get("/patients", headers=office.bearer())).text
        assert "12 days ago" in page
        assert "psychiatry not complete" in page

    in_office(use)


def test_the_report_itself_stays_byte_for_byte_as_it_was_made() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        headers = office.bearer(PHARMACIST)
        before = await office.client.get(f"/api/patients/{patient}/report", headers=headers)
        await seen(office, patient, "psychiatry", seen_at=100)
        after = await office.client.get(f"/api/patients/{patient}/report", headers=headers)
        assert (before.content, before.headers["etag"]) == (after.content, after.headers["etag"])

    in_office(use)


def test_who_runs_the_service_sees_last_next_failures_and_notifications() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        await seen(office, patient, "psychiatry", seen_at=30, due_at=2)
        async with office.store.transaction() as tx:
            await syncs.put(tx, patient, "psychiatry", failures=3)
            told = Channel("psychiatry", "s1", 7, "error", office.now[0], 9, 5, 4, 1)
            await notices.put(tx, told)
        page = (await office.client.get("/operations", headers=office.bearer(IT))).text
        for words in ("every 60 min and when it notifies", "1 late", "1 failing", "1 stale"):
            assert words in page, words
        for words in ("Subscription s1", "9 received", "5 of our patients", "1 gap"):
            assert words in page, words
        assert patient not in page
        metrics = (await office.client.get("/metrics")).text
        for line in (
            'concord_source_patients{source="psychiatry",state="late"} 1.0',
            'concord_source_patients{source="psychiatry",state="stale"} 1.0',
            'concord_notifications_total{outcome="gaps",source="psychiatry"} 1.0',
        ):
            assert line in metrics, line
        assert "concord_source_last_read_timestamp_seconds" in metrics
        assert patient not in metrics

    in_office(
        use,
        every={"psychiatry": timedelta(hours=1)},
        senders={"psychiatry": sender("Authorization", SECRET)},
    )
