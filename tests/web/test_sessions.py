"""How long somebody stays signed in, what a session is known by, and how it ends."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.store import sessions as session_rows
from service.web.people import sessions
from service.web.templating import FOLDER
from tests.web.at_provider import ORIGIN, SAME_ORIGIN, at_provider, sign_in
from tests.web.identity_provider import (
    IdentityProvider,
)
from tests.web.office import Office, in_office


def session_of(answer: httpx.Response) -> str:
    for header in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(header).items():
            if name.endswith("concord-session"):
                return morsel.value
    raise AssertionError("no session")


def test_an_id_that_a_browser_brought_along_is_never_adopted() -> None:
    async def use(office: Office) -> None:
        office.client.cookies.set("concord-session", "chosen-by-an-attacker", domain="127.0.0.1")
        answer = await office.sign_in()
        assert session_of(answer) != "chosen-by-an-attacker"
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=office.app),
            base_url="http://127.0.0.1",
            headers={"Cookie": "concord-session=chosen-by-an-attacker"},
        ) as attacker:
            assert (await attacker.get("/api/patients")).status_code == 401

    in_office(use)


def test_signing_in_again_draws_a_new_id_and_ends_the_old_session() -> None:
    async def use(office: Office) -> None:
        first = session_of(await office.sign_in())
        second = session_of(await office.sign_in())
        assert first != second
        assert len(first) >= 43
        headers = {"Cookie": f"concord-session={first}"}
        office.client.cookies.clear()
        assert (await office.client.get("/api/patients", headers=headers)).status_code == 401

    in_office(use)


def test_the_store_keeps_no_id_with_which_a_session_could_be_taken_over() -> None:
    async def use(office: Office) -> None:
        identity = session_of(await office.sign_in())
        async with office.store.read() as look:
            assert await session_rows.get(look, identity) is None

    in_office(use)


def test_fifteen_idle_minutes_end_a_session_and_work_keeps_it() -> None:
    async def use(office: Office) -> None:
        await office.sign_in()
        for _ in range(3):
            office.later(minutes=14)
            assert (await office.client.get("/api/patients")).status_code == 200
        office.later(minutes=15)
        assert (await office.client.get("/api/patients")).status_code == 401

    in_office(use)


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in() -> None:
    async def use(office: Office) -> None:
        await office.sign_in()
        for minutes in (5, 5):
            office.later(minutes=minutes)
            answer = await office.client.get("/api/patients", headers={"X-Background": "1"})
            assert answer.status_code == 200
        office.later(minutes=5)
        assert (await office.client.get("/api/patients")).status_code == 401

    in_office(use)


def test_every_request_that_a_page_makes_by_itself_says_so() -> None:
    for template in (FOLDER / "templates").rglob("*.html"):
        for element in re.findall(r"<[^>]*hx-trigger=[^>]*>", template.read_text("utf-8")):
            assert sessions.BACKGROUND in element.lower(), template.name


def test_twelve_hours_end_a_session_however_busy() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        await sign_in(office, provider)
        for _ in range(12 * 6 - 1):
            office.later(minutes=10)
            assert (await office.client.get("/sign-in")).status_code == 200
            assert (await office.client.get("/openapi.json")).status_code == 200
        office.later(minutes=10)
        assert (await office.client.get("/api/patients")).status_code == 401

    at_provider(use, IdentityProvider())


def test_a_session_from_a_token_ends_with_the_token() -> None:
    async def use(office: Office) -> None:
        await office.sign_in()
        for _ in range(5):
            office.later(minutes=10)
            assert (await office.client.get("/api/patients")).status_code == 200
        office.later(minutes=10)
        assert (await office.client.get("/api/patients")).status_code == 401

    in_office(use)


def test_logging_off_ends_the_session_here_and_clears_the_browser() -> None:
    async def use(office: Office) -> None:
        identity = session_of(await office.sign_in())
        refused = await office.client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
        assert refused.status_code == 403
        assert (await office.client.get("/api/patients")).status_code == 200
        answer = await office.client.post("/sign-out", headers=SAME_ORIGIN)
        assert answer.headers["location"] == "/sign-in"
        assert answer.headers["clear-site-data"] == '"cache", "cookies", "storage"'
        headers = {"Cookie": f"concord-session={identity}"}
        assert (await office.client.get("/api/patients", headers=headers)).status_code == 401
        acts = [row.action for row in await office.audited()]
        assert "sign-out" in acts

    in_office(use)


END = "https://login.test/end?theme=calm"


def test_logging_off_leads_on_to_the_providers_own_end_where_it_offers_one() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.metadata = {"end_session_endpoint": END}
        await sign_in(office, provider)
        answer = await office.client.post("/sign-out", headers=SAME_ORIGIN)
        assert answer.status_code == 200
        assert answer.headers["clear-site-data"]
        (away,) = re.findall(r'content="0;url=([^"]+)"', answer.text)
        away = away.replace("&amp;", "&")
        query = {k: v[0] for k, v in parse_qs(urlsplit(away).query).items()}
        assert away.startswith(END)
        assert query["theme"] == "calm"
        assert query["client_id"] == provider.client_id
        assert query["post_logout_redirect_uri"] == f"{ORIGIN}/sign-in"
        assert query["id_token_hint"].count(".") == 2
        assert (await office.client.get("/patients")).headers["location"] == "/sign-in"

    at_provider(use, IdentityProvider())


@pytest.mark.parametrize(
    "metadata",
    [{}, {"end_session_endpoint": "http://login.test/end"}, {"end_session_endpoint": 7}],
)
def test_without_a_safe_place_to_end_a_session_it_ends_here_alone(metadata: dict[str, Any]) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.metadata = metadata
        await sign_in(office, provider)
        answer = await office.client.post("/sign-out", headers=SAME_ORIGIN)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        async with office.store.read() as look:
            assert (await look.exec_driver_sql("SELECT * FROM sessions")).all() == []

    at_provider(use, IdentityProvider())


def test_the_proof_for_the_provider_rests_packed_and_only_while_it_is_of_use() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.metadata = {"end_session_endpoint": END}
        await sign_in(office, provider)
        async with office.store.read() as look:
            (row,) = (await look.exec_driver_sql("SELECT proof FROM sessions")).all()
        assert row.proof is not None
        assert b"eyJ" not in bytes(row.proof)

    at_provider(use, IdentityProvider())
