"""Moments stand in the reader's own zone, and the zone stands beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from service.web.clock import COOKIE, day, moment
from tests.web.office import Office, in_office
from tests.write.synthetic import PHARMACIST, PSYCHIATRIST

SAME = {"Sec-Fetch-Site": "same-origin"}
AT = datetime(2026, 1, 10, 23, 30, tzinfo=UTC)


def test_a_moment_names_its_zone_and_may_stand_on_another_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert moment(AT) == "2026-01-10 23:30 UTC"
    assert moment(AT, berlin) == "2026-01-11 00:30 CET"
    assert (day(AT), day(AT, berlin)) == ("2026-01-10", "2026-01-11")
    assert moment(None) == day(None) == ""


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/New_York", "05:30 EDT"),
        ("", "09:30 UTC"),
        ("Nowhere/AtAll", "09:30 UTC"),
        ("../../etc/passwd", "09:30 UTC"),
        ("x" * 500, "09:30 UTC"),
    ],
)
def test_a_signature_is_told_in_the_zone_that_the_browser_names(zone: str, shown: str) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        for item in ("m-ser", "m-li"):
            await office.decide(review, item, {"decision": "continue"})
        await office.decide(review, "f-dose", {"decision": "accept"})
        path = f"/api/reviews/{review}/sign"
        signed = await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
        assert signed.status_code == 202, signed.text
        headers = office.bearer() | {"Cookie": f"{COOKIE}={zone}"}
        page = await office.client.get(f"/patients/{patient}", headers=headers)
        assert f"on 2026-03-10 {shown}" in page.text
        sheet = await office.client.get(f"/patients/{patient}/prints/comparison", headers=headers)
        assert f"printed 2026-03-10 {shown}" in sheet.text

    in_office(use)


def test_a_persons_own_choice_counts_in_every_browser_until_it_is_taken_back() -> None:
    async def use(office: Office) -> None:
        await office.sign_in(PHARMACIST)
        office.client.cookies.set(COOKIE, "America/New_York")
        assert "05:30 EDT" in (await office.client.get("/zone")).text
        kept = await office.client.post("/zone", data={"zone": "Asia/Kolkata"}, headers=SAME)
        assert kept.status_code == 303
        assert "15:00 IST" in (await office.client.get("/zone")).text
        office.client.cookies.clear()
        await office.sign_in(PSYCHIATRIST)
        assert "09:30 UTC" in (await office.client.get("/zone")).text
        office.client.cookies.clear()
        await office.sign_in(PHARMACIST)
        office.client.cookies.set(COOKIE, "America/New_York")
        page = (await office.client.get("/zone")).text
        assert "15:00 IST" in page
        assert "<option selected>Asia/Kolkata</option>" in page
        assert "Times in Asia/Kolkata" in (await office.client.get("/patients")).text
        await office.client.post("/zone", data={"zone": ""}, headers=SAME)
        assert "05:30 EDT" in (await office.client.get("/zone")).text

    in_office(use)


@pytest.mark.parametrize("zone", ["Nowhere/AtAll", "../../etc/passwd", "<b>", "x" * 500])
def test_a_zone_that_there_is_not_is_not_kept(zone: str) -> None:
    async def use(office: Office) -> None:
        await office.sign_in(PHARMACIST)
        refused = await office.client.post("/zone", data={"zone": zone}, headers=SAME)
        assert refused.status_code == 409
        assert zone not in refused.text
        assert "09:30 UTC" in (await office.client.get("/zone")).text

    in_office(use)
