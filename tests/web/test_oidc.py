"""Signing in at an OpenID provider: only what was made for us, now, in answer to this browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.model.review import UserRole
from service.web.people.auth import Issuer
from service.web.people.issuers import Roles
from tests.web.at_provider import ORIGIN, SAME_ORIGIN, at_provider, leave, sign_in
from tests.web.identity_provider import (
    IdentityProvider,
    ec,
    rsa,
    signed_with_the_public_key,
    unsigned,
)
from tests.web.office import Office, in_office
from tests.write.synthetic import AT, PHARMACIST


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


def test_our_own_public_keys_are_there_for_everybody_and_hold_nothing_private() -> None:
    keys = {"keys": [ec("ours").as_dict(private=False)]}

    async def use(office: Office) -> None:
        answer = await office.client.get("/.well-known/jwks.json")
        assert answer.json() == keys
        assert not {"d", "p", "q", "k"} & answer.json()["keys"][0].keys()

    in_office(use, public_keys=lambda: keys)
