"""SMART Backend Services: signed assertions, few token calls, nothing sent elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from service.errors import SettingsError, SourceInvalid, SourceRefused
from service.fhir.auth import Bearer, SmartBackend
from service.fhir.client import FhirClient
from service.fhir.policy import Endpoint
from service.model.source import State
from service.sandbox.faults import Answer, Fault
from service.sandbox.manners import Access
from tests.read.chart import LINES, certificate, ids_of, pulled, sandbox

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-384")
SCOPES = "system/*.rs"


def pem(key: RSAKey | ECKey) -> str:
    return key.as_pem(private=True).decode()


def backend(key: RSAKey | ECKey = EC, **more: Any) -> SmartBackend:
    return SmartBackend("concord", pem(key), key_id="k1", scope=SCOPES, **more)


def door(key: RSAKey | ECKey, **more: Any) -> Access:
    public = key.as_dict(private=False) | {"kid": "k1", "alg": "RS384" if key is RSA else "ES384"}
    return Access(kind="smart-backend", clients={"concord": {"keys": [public]}}, **more)


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS384"), (EC, "ES384")])
def test_an_assertion_holds_for_minutes_and_never_twice(key: RSAKey | ECKey, alg: str) -> None:
    client = backend(key, clock=lambda: 1_000_000.0)
    tokens = [
        jwt.decode(client.assertion("https://ehr.example/token"), key, algorithms=[alg])
        for _ in range(50)
    ]
    assert len({one.claims["jti"] for one in tokens}) == 50
    for one in tokens:
        assert one.header["alg"] == alg
        assert one.header["kid"] == "k1"
        assert one.claims["iss"] == one.claims["sub"] == "concord"
        assert one.claims["aud"] == "https://ehr.example/token"
        assert 0 < one.claims["exp"] - 1_000_000 <= 300


@pytest.mark.parametrize("key", [RSA, EC])
def test_a_whole_read_costs_one_token(key: RSAKey | ECKey) -> None:
    app = sandbox(access=door(key))
    read = pulled(app, credentials=backend(key))
    assert certificate(read).state is State.COMPLETE, certificate(read).reasons
    assert len(ids_of(read)) == LINES
    assert sum(1 for one in app.log if one.method == "POST") == 1


def test_a_token_that_ends_in_the_middle_of_paging_is_renewed_once() -> None:
    expired = Fault(action=Answer(status=401), type="MedicationRequest", page="middle", times=1)
    app = sandbox(expired, access=door(EC))
    read = pulled(app, credentials=backend())
    assert certificate(read).state is State.COMPLETE
    assert sum(1 for one in app.log if one.method == "POST") == 2


@pytest.mark.parametrize(("granted_before", "calls"), [(True, 3), (False, 1)])
def test_a_token_refused_for_nothing_is_asked_for_again_by_who_had_one(
    granted_before: bool, calls: int
) -> None:
    """Epic answers 400 now and then; who was never granted one is not known there at all."""
    statuses = iter([200, 400, 200] if granted_before else [400])
    jtis: set[str] = set()

    def answer(asked: httpx.Request) -> httpx.Response:
        jtis.add(asked.content.decode().rpartition(".")[2])
        token = {"access_token": "t", "token_type": "bearer", "expires_in": 300}
        return httpx.Response(next(statuses), json=token)

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            own = backend(token_url="https://ehr.example/token")
            here = Endpoint.parse("https://ehr.example/fhir")
            if granted_before:
                first = await own.header(http, here)
                own.forget(first or "")
                assert await own.header(http, here) == "Bearer t"
            else:
                with pytest.raises(SourceRefused):
                    await own.header(http, here)

    asyncio.run(run())
    assert len(jtis) == calls


def test_a_narrower_grant_is_withheld_and_not_empty() -> None:
    app = sandbox(access=door(EC, scopes=("system/Patient.rs",)))
    assert certificate(pulled(app, credentials=backend())).state is State.WITHHELD


def test_an_unknown_key_is_a_refusal_with_a_reason() -> None:
    read = pulled(sandbox(access=door(RSA)), credentials=backend(EC))
    assert read.state is State.WITHHELD
    assert "token endpoint" in read.reasons[0]


def test_a_key_that_is_none_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsError, match="private_key"):
        SmartBackend("c", "no key").assertion("https://x.example")


def answered(token: dict[str, Any], configuration: dict[str, Any]) -> tuple[Any, list[str]]:
    """What `header` gives or raises against canned answers, and which hosts were asked."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        is_token = request.method == "POST"
        return httpx.Response(200, json=token if is_token else configuration)

    async def run() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await backend().header(http, Endpoint.parse("https://ehr.example/fhir"))

    try:
        return asyncio.run(run()), asked
    except (SourceInvalid, SourceRefused) as error:
        return error, asked


def test_a_token_endpoint_on_another_host_is_not_believed() -> None:
    got, asked = answered({}, {"token_endpoint": "https://evil.example/token"})
    assert isinstance(got, SourceRefused)
    assert asked == ["ehr.example"]


@pytest.mark.parametrize("life", [None, 0, -5, "300", "soon", 1e12])
def test_a_strange_lifetime_does_not_break_the_token(life: Any) -> None:
    token = {"access_token": "t", "token_type": "bearer", "expires_in": life}
    got, _ = answered(token, {"token_endpoint": "https://ehr.example/token"})
    assert got == "Bearer t"


@pytest.mark.parametrize(
    "token", [{}, {"access_token": "t", "token_type": "mac"}, {"access_token": ""}]
)
def test_an_answer_without_a_bearer_token_is_refused(token: dict[str, Any]) -> None:
    got, _ = answered(token, {"token_endpoint": "https://ehr.example/token"})
    assert isinstance(got, SourceInvalid)


def test_no_token_reaches_another_server_whatever_the_next_link_says() -> None:
    seen: list[tuple[str, str]] = []
    link = "https://evil.example/fhir/Patient?page=2"

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers.get("authorization", "")))
        page = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [{"relation": "next", "url": link}],
        }
        return httpx.Response(200, json=page)

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            client = FhirClient("https://ehr.example/fhir", Bearer("secret"), http=http)
            found = await client.search("Patient", [])
            assert found.certificate.state is State.PARTIAL
            assert "another server" in found.certificate.reasons[0]

    asyncio.run(run())
    assert {host for host, _ in seen} == {"ehr.example"}


def test_a_token_answer_in_another_encoding_is_told_and_no_crash() -> None:
    async def header() -> None:
        def answer(asked: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=b'{"access_token":"\xe4","token_type":"bearer"}')

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await backend(token_url="https://ehr.example/token").header(
                http, Endpoint.parse("https://ehr.example/fhir")
            )

    with pytest.raises(SourceInvalid, match="access_token"):
        asyncio.run(header())
