"""The privacy officer's page: who broke the glass, why, until when, and who has looked at it."""

from __future__ import annotations

from service.model.review import User, UserRole
from service.store import access
from tests.web.office import Office, in_office

SAME = {"Sec-Fetch-Site": "same-origin"}
THERAPIST = User("u-th", "Thea Talk", UserRole.THERAPIST)
ADMIN = User("u-ad", "Ada Min", UserRole.ADMIN)
CONFINED = frozenset({UserRole.THERAPIST})
WORDS = "found unconscious at home"


async def broken(office: Office) -> str:
    patient = await office.patient()
    answer = await office.client.post(
        "/emergency",
        data={"patient": patient, "reason_code": "emergency", "reason": WORDS},
        headers=office.bearer(THERAPIST) | SAME,
    )
    assert answer.headers["location"] == f"/patients/{patient}"
    return patient


def test_an_alert_waits_until_somebody_has_looked_and_says_who_did() -> None:
    async def use(office: Office) -> None:
        patient = await broken(office)
        await office.client.get(f"/patients/{patient}", headers=office.bearer(THERAPIST))
        page = await office.client.get("/alerts", headers=office.bearer(ADMIN))
        for said in ("1 not looked at yet", "u-th", "A medical emergency", patient, "open now"):
            assert said in page.text
        assert "2 acts in the audit" in page.text
        assert WORDS not in page.text
        seen = await office.client.post("/alerts/1/seen", headers=office.bearer(ADMIN) | SAME)
        assert seen.headers["location"] == "/alerts"
        office.later(hours=5)
        page = await office.client.get("/alerts", headers=office.bearer(ADMIN))
        assert "all looked at" in page.text
        assert "Ada Min" in page.text
        assert "open now" not in page.text

    in_office(use, only_related=CONFINED)


def test_who_looked_first_stays_and_only_an_alert_can_be_looked_at() -> None:
    async def use(office: Office) -> None:
        patient = await broken(office)
        async with office.store.transaction() as tx:
            await access.grant(tx, patient, "u-x", access.How.ASKED, at=office.now[0])
        second = User("u-ad2", "Adam Second", UserRole.ADMIN)
        for who in (ADMIN, second):
            await office.client.post("/alerts/1/seen", headers=office.bearer(who) | SAME)
        told = await office.client.get("/api/alerts", headers=office.bearer(ADMIN))
        assert [one["seen_by"] for one in told.json()["alerts"]] == ["Ada Min"]
        other = await office.client.post("/alerts/2/seen", headers=office.bearer(ADMIN) | SAME)
        assert other.status_code == 404

    in_office(use, only_related=CONFINED)


def test_who_sees_every_patient_is_told_that_no_emergency_access_is_needed() -> None:
    async def use(office: Office) -> None:
        free = await office.client.get("/emergency", headers=office.bearer())
        assert "you need no emergency access" in free.text
        bound = await office.client.get("/emergency", headers=office.bearer(THERAPIST))
        assert "you need no emergency access" not in bound.text

    in_office(use, only_related=CONFINED)
