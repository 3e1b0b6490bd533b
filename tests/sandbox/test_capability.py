"""The CapabilityStatement is true to what the server does, except where it is told to lie."""

import pytest

from service.sandbox.manners import PRESETS, STRICT, Manners
from service.sandbox.parameters import RESOURCE_TYPES
from service.sandbox.server import Sandbox
from tests.sandbox.client import call, get


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_what_is_claimed_is_what_happens(name: str) -> None:
    app = Sandbox(PRESETS[name])
    statement = get(app, "metadata").json()
    assert statement["fhirVersion"] == "4.0.1"
    claimed = {r["type"]: r for r in statement["rest"][0]["resource"]}
    for type_ in RESOURCE_TYPES:
        answer = get(app, f"{type_}?_count=1")
        assert (answer.status_code == 200) is (type_ in claimed), type_
    for type_, resource in claimed.items():
        for parameter in resource["searchParam"]:
            value = "2026" if parameter["type"] == "date" else "x"
            assert get(app, f"{type_}?{parameter['name']}={value}").status_code == 200
        codes = {interaction["code"] for interaction in resource["interaction"]}
        body = {"resourceType": type_, "id": "chosen"}
        refused = call(app, "POST", type_, json=body).status_code == 405
        assert refused is ("create" not in codes), type_
    transaction = {"code": "transaction"} in statement["rest"][0]["interaction"]
    answer = call(app, "POST", "", json={"resourceType": "Bundle", "type": "transaction"})
    assert (answer.status_code == 200) is transaction


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_update_create_is_claimed_where_it_works(name: str) -> None:
    app = Sandbox(PRESETS[name])
    claimed = {r["type"]: r for r in get(app, "metadata").json()["rest"][0]["resource"]}
    body = {"resourceType": "Task", "id": "chosen", "status": "draft", "intent": "order"}
    works = call(app, "PUT", "Task/chosen", json=body).status_code == 201
    assert claimed["Task"]["updateCreate"] is works


def test_a_server_can_lie() -> None:
    app = Sandbox(Manners("liar", update_create=False, claims={"updateCreate": True}))
    assert get(app, "metadata").json()["rest"][0]["resource"][0]["updateCreate"] is True


def test_the_statement_names_the_software_and_its_address() -> None:
    statement = get(Sandbox(STRICT), "metadata").json()
    assert statement["software"]["name"]
    assert statement["implementation"]["url"] == "http://sandbox/fhir"
