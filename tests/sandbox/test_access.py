"""Who may ask: bearer, basic, and SMART Backend Services with signed assertions."""

from itertools import count
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from service.sandbox.access import ASSERTION_TYPE, allows
from service.sandbox.manners import Access, Manners, offering
from service.sandbox.server import Sandbox
from service.sandbox.storage import Storage
from tests.sandbox.client import Clock, call, get, patient

RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa-1", "alg": "RS384"})
EC = ECKey.generate_key("P-384", parameters={"kid": "ec-1", "alg": "ES384"})
STRANGER = ECKey.generate_key("P-384", parameters={"kid": "ec-1", "alg": "ES384"})
NUMBERS = count()
KEYS = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}


def smart(clock: Clock, scopes: tuple[str, ...] | None = None) -> Sandbox:
    access = Access("smart-backend", clients={"concord": KEYS}, scopes=scopes, token_lifetime_s=60)
    types = offering(["Patient", "MedicationRequest"], writable=["Task"])
    app = Sandbox(Manners("guarded", types=types, access=access), Storage(clock))
    app.load([patient()])
    return app


def endpoint(app: Sandbox) -> str:
    return str(get(app, ".well-known/smart-configuration").json()["token_endpoint"])


def ask_token(
    app: Sandbox, clock: Clock, *, key: Any = EC, scope: str = "system/*.rs", **changes: Any
) -> Any:
    """The token endpoint's answer to an assertion that is good but for `changes`."""
    now = int(clock().timestamp())
    claims = {
        "iss": "concord",
        "sub": "concord",
        "aud": endpoint(app),
        "exp": now + 300,
        "jti": f"jti-{next(NUMBERS)}",
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    algorithm = "RS384" if key is RSA else "ES384"
    assertion = jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, [algorithm])
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return call(app, "POST", endpoint(app), data=form)


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS384", "ES384"])
def test_a_signed_assertion_gets_a_token_that_works_until_it_ends(key: Any) -> None:
    clock = Clock()
    app = smart(clock)
    answer = ask_token(app, clock, key=key)
    assert (answer.status_code, answer.json()["expires_in"]) == (200, 60)
    assert answer.headers["Cache-Control"] == "no-store"
    token = bearing(answer.json()["access_token"])
    assert get(app, "Patient/1", headers=token).status_code == 200
    clock.pass_by(60)
    late = get(app, "Patient/1", headers=token)
    assert (late.status_code, late.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "changes",
    [
        {"key": STRANGER},
        {"exp": 10**10},
        {"exp": 1},
        {"exp": None},
        {"jti": None},
        {"aud": "https://other.example/token"},
        {"iss": "somebody", "sub": "somebody"},
        {"sub": "somebody"},
    ],
    ids=str,
)
def test_an_assertion_that_is_not_right_in_everything_gets_no_token(
    changes: dict[str, Any],
) -> None:
    clock = Clock()
    answer = ask_token(smart(clock), clock, **changes)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


def test_an_assertion_is_good_once() -> None:
    clock = Clock()
    app = smart(clock)
    assert ask_token(app, clock, jti="same").status_code == 200
    assert ask_token(app, clock, jti="same").json() == {"error": "invalid_client"}
    assert ask_token(app, clock, jti="other").status_code == 200


def test_less_than_was_asked_may_be_granted_and_binds() -> None:
    clock = Clock()
    app = smart(clock, scopes=("system/Patient.rs",))
    granted = ask_token(app, clock).json()
    assert granted["scope"] == "system/Patient.rs"
    token = bearing(granted["access_token"])
    assert get(app, "Patient?_id=1", headers=token).status_code == 200
    assert get(app, "MedicationRequest?patient=1", headers=token).status_code == 403
    body = {"resourceType": "Task", "status": "draft", "intent": "order"}
    assert call(app, "POST", "Task", json=body, headers=token).status_code == 403
    entry = {"resource": body, "request": {"method": "POST", "url": "Task"}}
    whole = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert call(app, "POST", "", json=whole, headers=token).status_code == 403
    assert ask_token(app, clock, scope="system/Task.c").json() == {"error": "invalid_scope"}


def test_metadata_and_discovery_need_no_token_and_nothing_else_goes_without() -> None:
    app = smart(Clock())
    assert get(app, "metadata").status_code == 200
    assert get(app, "Patient/1").status_code == 401
    assert get(app, "Patient/1", headers=bearing("guessed")).status_code == 401
    assert call(app, "POST", endpoint(app), data={}).status_code == 400


def test_tokens_can_be_taken_back() -> None:
    clock = Clock()
    app = smart(clock)
    token = bearing(ask_token(app, clock).json()["access_token"])
    app.gate.revoke()
    assert get(app, "Patient/1", headers=token).status_code == 401


def test_a_fixed_bearer_token_and_basic_are_checked() -> None:
    bearer = Sandbox(Manners("bearer", access=Access("bearer", token="right")))
    assert get(bearer, "Patient", headers=bearing("right")).status_code == 200
    assert get(bearer, "Patient", headers=bearing("wrong")).status_code == 401
    basic = Sandbox(Manners("basic", access=Access("basic", user="ann", password="right")))
    assert get(basic, "Patient", auth=("ann", "right")).status_code == 200
    assert get(basic, "Patient", auth=("ann", "wrong")).status_code == 401
    assert get(basic, "Patient", headers={"Authorization": "Basic ***"}).status_code == 401


@pytest.mark.parametrize(
    ("scope", "letter", "allowed"),
    [
        ("system/*.read", "s", True),
        ("system/*.read", "c", False),
        ("system/Task.write", "u", True),
        ("system/Task.*", "d", True),
        ("system/Task.cu", "c", True),
        ("system/Task.rs?status=draft", "r", True),
        ("system/List.cruds", "r", False),
    ],
)
def test_scopes_of_both_versions_are_understood(scope: str, letter: str, allowed: bool) -> None:
    assert allows((scope,), "Task", letter) is allowed
