"""Signing in at an OpenID provider: only what was made for us, now, in answer to this browser."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.fhir.exchange import JsonExchange
from service.model.review import UserRole
from service.store import sessions as session_rows
from service.web.people import sessions
from service.web.people.auth import Issuer
from service.web.people.code_flow import Client, CodeFlow
from service.web.people.id_token import Keys
from service.web.people.issuers import Launcher, Launches, Metadata, OpenId, Roles
from service.web.templating import FOLDER
from tests.web.identity_provider import (
    SECRET,
    IdentityProvider,
    ec,
    rsa,
    signed_with_the_public_key,
    unsigned,
)
from tests.web.office import Office, in_office, report
from tests.write.synthetic import AT, PHARMACIST

ORIGIN = "https://concord.test"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
Use = Callable[[Office, IdentityProvider], Awaitable[None]]


def at_provider(
    use: Use,
    provider: IdentityProvider,
    *,
    roles: Roles | None = None,
    secret: str = SECRET,
    **more: Any,
) -> None:
    """Runs a test with a provider at which people sign in, and an EHR that may launch us."""
    now = [AT]
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=provider.app()))
    exchange = JsonExchange(http)
    keys = Keys(exchange, lambda: now[0])
    flow = CodeFlow(b"k" * 32, lambda: now[0], exchange, keys)
    metadata = Metadata(exchange, lambda: now[0])
    issuer = more.pop("issuer", provider.base)
    openid = OpenId(
        flow,
        metadata,
        issuer,
        Client(provider.client_id, secret, f"{ORIGIN}/sign-in/openid/back", "openid profile"),
        roles or Roles("roles"),
        "organization",
        frozenset(more.pop("require_amr", ())),
    )
    launcher = Launcher(
        "psychiatry",
        "https://login.test/fhir",
        Client(provider.client_id, secret, f"{ORIGIN}/launched", "launch openid fhirUser"),
        roles or Roles(otherwise=UserRole.PSYCHIATRIST),
    )

    async def run(office: Office) -> None:
        office.now = now
        await use(office, provider)
        await http.aclose()

    in_office(
        run,
        base_url=ORIGIN,
        clock=now,
        openid=openid,
        launches=Launches(flow, metadata, {"psychiatry": launcher}),
        hosts=("concord.test",),
        origin=ORIGIN,
        **more,
    )


async def leave(office: Office, path: str = "/sign-in/openid", **query: str) -> str:
    answer = await office.client.get(path, params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def sign_in(office: Office, provider: IdentityProvider) -> httpx.Response:
    away = await leave(office)
    return await office.client.get(f"/sign-in/openid/back?{provider.consent(away)}")


def test_the_way_out_carries_what_binds_the_way_back_to_this_browser() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        first, second = await leave(office), await leave(office)
        for away in (first, second):
            assert away.startswith("https://login.test/authorize?")
            query = {k: v[0] for k, v in parse_qs(urlsplit(away).query).items()}
            assert query["response_type"] == "code"
            assert query["code_challenge_method"] == "S256"
            assert len(query["code_challenge"]) == 43
            assert len(query["state"]) >= 43
            assert query["redirect_uri"] == f"{ORIGIN}/sign-in/openid/back"
        one, other = (parse_qs(urlsplit(away).query) for away in (first, second))
        assert all(one[key] != other[key] for key in ("state", "nonce", "code_challenge"))

    at_provider(use, IdentityProvider())


def test_a_person_who_signed_in_there_works_here_under_that_name_and_role() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.person = {
            "sub": "u-7",
            "name": "Piet Psych",
            "roles": ["staff", "psychiatrist"],
            "organization": "South Clinic",
        }
        arrived = await sign_in(office, provider)
        assert arrived.status_code == 200
        assert 'content="0;url=/"' in arrived.text
        cookies = arrived.headers.get_list("set-cookie")
        assert [c.split("=")[0] for c in cookies] == [
            "__Host-concord-session",
            "__Host-concord-leaving",
        ]
        page = await office.client.get("/patients")
        assert page.status_code == 200
        assert "Piet Psych" in page.text
        rows = [row for row in await office.audited() if row.action == "sign-in"]
        assert [(row.who, row.role, row.subject) for row in rows] == [
            ("u-7", "psychiatrist", "openid")
        ]
        assert "code_verifier" in provider.exchanged[0]
        assert "client_secret" not in provider.exchanged[0]

    at_provider(use, IdentityProvider())


WRONG_TOKENS: dict[str, Callable[[IdentityProvider], object]] = {
    "another issuer": lambda p: setattr(p, "made", lambda c: c | {"iss": "https://evil.test"}),
    "another audience": lambda p: setattr(p, "made", lambda c: c | {"aud": "other"}),
    "several audiences, not for us": lambda p: setattr(
        p, "made", lambda c: c | {"aud": ["concord", "other"]}
    ),
    "made for another party": lambda p: setattr(p, "made", lambda c: c | {"azp": "other"}),
    "another nonce": lambda p: setattr(p, "made", lambda c: c | {"nonce": "x"}),
    "no nonce": lambda p: setattr(
        p, "made", lambda c: {k: v for k, v in c.items() if k != "nonce"}
    ),
    "expired": lambda p: setattr(p, "made", lambda c: c | {"exp": c["iat"] - 61}),
    "no end": lambda p: setattr(p, "made", lambda c: {k: v for k, v in c.items() if k != "exp"}),
    "from the future": lambda p: setattr(p, "made", lambda c: c | {"iat": c["iat"] + 3600}),
    "no subject": lambda p: setattr(
        p, "made", lambda c: {k: v for k, v in c.items() if k != "sub"}
    ),
    "unsigned": lambda p: setattr(p, "token", unsigned),
    "signed with the public key as a secret": lambda p: setattr(
        p, "token", signed_with_the_public_key(p)
    ),
    "signed with a key of its own": lambda p: setattr(p, "published", [ec("k1")]),
    "a key in the token itself": lambda p: (
        setattr(p, "header", {"jwk": p.key.as_dict(private=False)}),
        setattr(p, "published", [ec("k1")]),
    ),
    "keys from an address in the token": lambda p: (
        setattr(p, "header", {"jku": "https://login.test/keys", "kid": "../k1"}),
        setattr(p, "published", [ec("k2")]),
    ),
    "not a token": lambda p: setattr(p, "token", lambda _: "a.b.c"),
    "no role": lambda p: setattr(p, "person", {"sub": "u-1", "name": "N", "roles": ["cook"]}),
}


@pytest.mark.parametrize("wrong", WRONG_TOKENS)
def test_a_token_that_is_not_for_us_signs_nobody_in(wrong: str) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        WRONG_TOKENS[wrong](provider)
        answer = await sign_in(office, provider)
        assert answer.status_code == 403
        assert "concord-session" not in str(answer.headers.get_list("set-cookie"))
        assert (await office.client.get("/api/patients")).status_code == 401
        rows = [row.action for row in await office.audited()]
        assert rows == ["refuse-sign-in"]

    at_provider(use, IdentityProvider())


def test_another_browser_cannot_walk_the_way_back_and_nobody_can_walk_it_twice() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        back = provider.consent(await leave(office))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=office.app), base_url=ORIGIN
        ) as other:
            assert (await other.get(f"/sign-in/openid/back?{back}")).status_code == 403
            await other.get("/sign-in/openid")
            assert (await other.get(f"/sign-in/openid/back?{back}")).status_code == 403
        assert provider.exchanged == []
        assert (await office.client.get(f"/sign-in/openid/back?{back}")).status_code == 200
        assert (await office.client.get(f"/sign-in/openid/back?{back}")).status_code == 403

    at_provider(use, IdentityProvider())


@pytest.mark.parametrize(
    "change",
    [
        {"state": "other"},
        {"state": ""},
        {"code": ""},
        {"iss": "https://evil.test"},
        {"error": "access_denied", "code": ""},
    ],
)
def test_an_answer_that_does_not_belong_to_the_question_is_refused(change: dict[str, str]) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        query = parse_qs(provider.consent(await leave(office)))
        given = {key: values[0] for key, values in query.items()} | change
        answer = await office.client.get("/sign-in/openid/back", params=given)
        assert answer.status_code == 403
        assert provider.exchanged == []

    at_provider(use, IdentityProvider())


@pytest.mark.parametrize("promised", [True, False])
def test_an_answer_without_the_name_that_its_issuer_promised_is_refused(promised: bool) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        query = parse_qs(provider.consent(await leave(office)))
        nameless = {key: values[0] for key, values in query.items() if key != "iss"}
        answer = await office.client.get("/sign-in/openid/back", params=nameless)
        assert (answer.status_code == 403) is promised
        assert bool(provider.exchanged) is not promised

    says = {"authorization_response_iss_parameter_supported": promised}
    at_provider(use, IdentityProvider(metadata=says))


def test_who_takes_longer_than_ten_minutes_there_starts_again() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        back = provider.consent(await leave(office))
        office.later(minutes=10)
        assert (await office.client.get(f"/sign-in/openid/back?{back}")).status_code == 403

    at_provider(use, IdentityProvider())


def test_keys_are_kept_and_read_again_when_the_issuer_changes_them() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        assert (await sign_in(office, provider)).status_code == 200
        assert (await sign_in(office, provider)).status_code == 200
        assert provider.asked.count("keys") == 1
        assert provider.asked.count("metadata") == 1
        provider.rotate("k2")
        assert (await sign_in(office, provider)).status_code == 403
        office.later(seconds=31)
        assert (await sign_in(office, provider)).status_code == 200
        assert provider.asked.count("keys") == 2

    at_provider(use, IdentityProvider())


def test_unknown_keys_do_not_make_us_ask_the_issuer_without_end() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.header = {"kid": "never published"}
        for _ in range(5):
            assert (await sign_in(office, provider)).status_code == 403
        assert provider.asked.count("keys") == 1

    at_provider(use, IdentityProvider())


def test_rsa_keys_are_as_good() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        assert (await sign_in(office, provider)).status_code == 200

    at_provider(use, IdentityProvider(key=rsa("r1"), algorithm="RS256"))


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": None},
        {"jwks_uri": ""},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_metadata_of_another_issuer_or_without_pkce_are_not_followed(
    metadata: dict[str, Any],
) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        answer = await office.client.get("/sign-in/openid")
        assert answer.status_code == 403
        assert "location" not in answer.headers

    at_provider(use, IdentityProvider(metadata=metadata))


def test_a_code_is_never_sent_over_an_unencrypted_way() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        assert (await sign_in(office, provider)).status_code == 502
        assert provider.exchanged == []

    at_provider(use, IdentityProvider(metadata={"token_endpoint": "http://login.test/token"}))


def test_a_wrong_client_secret_signs_nobody_in() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        assert (await sign_in(office, provider)).status_code == 502

    at_provider(use, IdentityProvider(), secret="wrong")


def test_a_site_may_ask_for_a_second_factor() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        assert (await sign_in(office, provider)).status_code == 403
        provider.person |= {"amr": ["pwd"]}
        assert (await sign_in(office, provider)).status_code == 403
        provider.person |= {"amr": ["pwd", "mfa"]}
        assert (await sign_in(office, provider)).status_code == 200

    at_provider(use, IdentityProvider(), require_amr=("mfa", "hwk"))


def test_roles_come_from_the_claim_that_the_site_names() -> None:
    roles = Roles(
        "realm_access.roles",
        {"CN=Admins": UserRole.ADMIN, "CN=Pharmacists": UserRole.PHARMACIST},
    )

    async def use(office: Office, provider: IdentityProvider) -> None:
        for given, status in {
            ("CN=Pharmacists",): 200,
            ("pharmacist",): 403,
            ("CN=Pharmacists", "CN=Admins"): 200,
        }.items():
            provider.person = {
                "sub": "u-9",
                "name": "P",
                "roles": ["pharmacist"],
                "realm_access": {"roles": list(given)},
            }
            assert (await sign_in(office, provider)).status_code == status
        rows = [row.role for row in await office.audited() if row.action == "sign-in"]
        assert rows == ["pharmacist", "admin"]

    at_provider(use, IdentityProvider(), roles=roles)


def test_where_people_sign_in_at_an_issuer_the_form_for_tokens_is_closed() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        page = await office.client.get("/sign-in")
        assert "/sign-in/openid" in page.text
        assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]
        token = Issuer(office.store.key, lambda: AT).token(PHARMACIST)
        answer = await office.client.post("/sign-in", data={"token": token}, headers=SAME_ORIGIN)
        assert answer.status_code == 403
        script = await office.client.get("/api/patients", headers=office.bearer())
        assert script.status_code == 200

    at_provider(use, IdentityProvider())


# Sessions


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


# SMART App Launch


async def launched(office: Office, provider: IdentityProvider, away: str) -> httpx.Response:
    return await office.client.get(f"/launched?{provider.consent(away)}")


def test_a_launch_from_the_ehr_opens_the_very_patient_that_is_open_there() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.person = {"sub": "s", "name": "Dr Launch", "fhirUser": "Practitioner/5"}
        away = await leave(office, "/launch", iss="https://login.test/fhir", launch="xyz")
        query = {k: v[0] for k, v in parse_qs(urlsplit(away).query).items()}
        assert query["aud"] == "https://login.test/fhir"
        assert query["launch"] == "xyz"
        assert query["scope"].split()[0] == "launch"
        arrived = await launched(office, provider, away)
        assert arrived.status_code == 200
        (kind, patient) = office.queued[0]
        assert kind == "reconcile"
        assert f"url=/patients/{patient}" in arrived.text
        await office.keep(patient, report())
        page = await office.client.get(f"/patients/{patient}")
        assert page.status_code == 200
        rows = [row for row in await office.audited() if row.action == "sign-in"]
        assert [(r.who, r.role) for r in rows] == [("psychiatry:Practitioner/5", "psychiatrist")]
        again = await leave(office, "/launch", iss="https://login.test/fhir/", launch="abc")
        await launched(office, provider, again)
        assert {subject for _, subject in office.queued} == {patient}

    at_provider(use, IdentityProvider(patient="17"), only_related=frozenset(UserRole))


def test_a_standalone_launch_lets_the_ehr_choose_the_patient() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        away = await leave(office, "/launch/psychiatry")
        query = parse_qs(urlsplit(away).query)
        assert "launch/patient" in query["scope"][0].split()
        assert "launch" not in query
        assert (await launched(office, provider, away)).status_code == 200

    at_provider(use, IdentityProvider(patient="17"))


@pytest.mark.parametrize("iss", ["https://evil.test/fhir", "https://login.test", ""])
def test_an_ehr_that_nobody_named_is_not_asked_anything(iss: str) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        answer = await office.client.get("/launch", params={"iss": iss, "launch": "x"})
        assert answer.status_code == 403
        assert provider.asked == []
        assert (await office.client.get("/launch/evil")).status_code == 403

    at_provider(use, IdentityProvider())


@pytest.mark.parametrize("patient", [None, "../1", "a/b", "x" * 65, "17?y"])
def test_a_launch_without_a_patient_opens_nothing(patient: str | None) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        away = await leave(office, "/launch", iss="https://login.test/fhir", launch="x")
        assert (await launched(office, provider, away)).status_code == 403
        assert office.queued == []
        assert (await office.client.get("/api/patients")).status_code == 401

    at_provider(use, IdentityProvider(patient=patient))


def test_the_way_back_of_one_issuer_is_not_the_way_back_of_the_other() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        away = await leave(office)
        assert (await launched(office, provider, away)).status_code == 403
        away = await leave(office, "/launch", iss="https://login.test/fhir", launch="x")
        back = f"/sign-in/openid/back?{provider.consent(away)}"
        assert (await office.client.get(back)).status_code == 403

    at_provider(use, IdentityProvider(patient="17"))


def test_our_own_public_keys_are_there_for_everybody_and_hold_nothing_private() -> None:
    keys = {"keys": [ec("ours").as_dict(private=False)]}

    async def use(office: Office) -> None:
        answer = await office.client.get("/.well-known/jwks.json")
        assert answer.json() == keys
        assert not {"d", "p", "q", "k"} & answer.json()["keys"][0].keys()

    in_office(use, public_keys=lambda: keys)
