"""Views of the worklist that a person keeps: by name, for that person alone, one opened first."""

from __future__ import annotations

import httpx
import pytest

from service.model.review import User, UserRole
from service.store.terms import Wanted
from service.store.views import SavedView
from service.web.worklist.saved_views import EVERYBODY, address, wanted_of
from tests.web.office import Office, in_office
from tests.write.synthetic import PHARMACIST, PSYCHIATRIST

SAME = {"Sec-Fetch-Site": "same-origin"}


async def keep(office: Office, user: User = PHARMACIST, **fields: str) -> httpx.Response:
    return await office.client.post("/views", data=fields, headers=office.bearer(user) | SAME)


def test_a_view_leads_to_what_it_looks_for() -> None:
    assert address(Wanted(drug="lithium & co")) == "/patients?drug=lithium+%26+co"
    assert address(Wanted()) == EVERYBODY
    kept = SavedView("Mine", {"drug": "lithium", "a field of an older version": "x"}, False)
    assert wanted_of(kept) == Wanted(drug="lithium")


def test_a_view_is_kept_shown_and_forgotten_by_its_person_alone() -> None:
    async def use(office: Office) -> None:
        await office.patient()
        kept = await keep(office, view="  Lithium   people ", drug="lithium")
        assert kept.headers["location"] == "/patients?drug=lithium"
        mine = await office.client.get("/patients", headers=office.bearer())
        assert "Lithium people" in mine.text
        theirs = await office.client.get("/patients", headers=office.bearer(PSYCHIATRIST))
        assert "Lithium people" not in theirs.text
        opened = await office.client.get("/patients?drug=lithium", headers=office.bearer())
        assert 'aria-current="page">Lithium people' in opened.text
        await office.client.post(
            "/views/forget", data={"view": "Lithium people"}, headers=office.bearer() | SAME
        )
        mine = await office.client.get("/patients", headers=office.bearer())
        assert "Lithium people" not in mine.text

    in_office(use)


def test_the_first_view_opens_by_itself_and_everybody_stays_in_reach() -> None:
    async def use(office: Office) -> None:
        await keep(office, view="Urgent", state="urgent", first="yes")
        start = await office.client.get("/patients", headers=office.bearer())
        assert start.headers["location"] == "/patients?state=urgent"
        everybody = await office.client.get(EVERYBODY, headers=office.bearer())
        assert everybody.status_code == 200
        await keep(office, view="New", state="unsigned", first="yes")
        start = await office.client.get("/patients", headers=office.bearer())
        assert start.headers["location"] == "/patients?state=unsigned"
        await keep(office, view="New", state="unsigned")
        assert (await office.client.get("/patients", headers=office.bearer())).status_code == 200

    in_office(use)


@pytest.mark.parametrize("view", ["", "   ", "x" * 61])
def test_a_view_without_a_fitting_name_is_refused(view: str) -> None:
    async def use(office: Office) -> None:
        answer = await keep(office, view=view, drug="lithium")
        assert answer.status_code in {409, 422}

    in_office(use)


def test_a_name_that_somebody_looked_for_rests_packed() -> None:
    async def use(office: Office) -> None:
        await keep(office, view="One", name="Zebulon")
        async with office.store.read() as look:
            rows = (await look.exec_driver_sql("SELECT wanted FROM saved_views")).all()
        assert len(rows) == 1
        assert b"Zebulon" not in bytes(rows[0][0])

    in_office(use)


FIRST_PAGES = {
    UserRole.PHARMACIST: "/patients",
    UserRole.THERAPIST: "/patients",
    UserRole.IT: "/operations",
    UserRole.ADMIN: "/operations",
}


@pytest.mark.parametrize("role", FIRST_PAGES)
def test_each_role_begins_on_a_page_that_it_may_see(role: UserRole) -> None:
    async def use(office: Office) -> None:
        headers = office.bearer(User("u-1", "Somebody", role))
        start = await office.client.get("/", headers=headers)
        assert start.headers["location"] == FIRST_PAGES[role]
        assert (await office.client.get(FIRST_PAGES[role], headers=headers)).status_code == 200

    in_office(use)
