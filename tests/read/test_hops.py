"""A read waits for as few answers in a row as FHIR allows, and asks for nothing twice."""

from __future__ import annotations

from typing import Any

from joserfc.jwk import ECKey

from service.model.source import State
from service.read.pull import SEARCHED_TYPES
from service.read.server import ServerReader
from service.read.source import PatientQuery
from service.sandbox.faults import Answer, Fault
from service.sandbox.manners import Access, Manners
from service.sandbox.server import Sandbox
from tests.read.chart import chart, request
from tests.read.hops import hops

KEY = ECKey.generate_key("P-384")
PEM = KEY.as_pem(private=True).decode()
WHO = PatientQuery(identifiers=(("urn:mrn", "7"),))


def server(*more: dict[str, Any], **manners: Any) -> Sandbox:
    keys = {"keys": [KEY.as_dict(private=False) | {"kid": "k", "alg": "ES384"}]}
    access = Access(kind="smart-backend", clients={"concord": keys}, token_lifetime_s=3600)
    app = Sandbox(Manners("timed", latency_s=1.0, access=access, **manners))
    patient, *rest = chart()
    app.load([patient | {"identifier": [{"system": "urn:mrn", "value": "7"}]}, *rest, *more])
    return app


async def find(reader: ServerReader) -> None:
    found = await reader.find(WHO)
    assert [one.id for one in found.patients] == ["1"]


async def pull(reader: ServerReader) -> None:
    assert (await reader.pull(("1",))).state is State.COMPLETE


async def find_and_pull(reader: ServerReader) -> None:
    await find(reader)
    await pull(reader)


def test_a_cold_read_waits_for_four_answers_and_a_warm_one_for_one() -> None:
    app = server()
    assert hops(app, find_and_pull, pull, key=PEM) == [4.0, 1.0]


def test_a_record_that_is_known_is_read_in_one_answer_less_than_it_is_found() -> None:
    assert hops(server(), find, pull, pull, key=PEM) == [3.0, 1.0, 1.0]


def test_nothing_is_asked_twice() -> None:
    app = server()
    hops(app, find_and_pull, key=PEM)
    cold = [(one.method, one.path, str(one.query)) for one in app.log]
    assert len(cold) == len(set(cold)) == len(SEARCHED_TYPES) + 5
    app.log.clear()
    hops(app, find_and_pull, pull, key=PEM)
    assert len(app.log) - len(cold) == len(SEARCHED_TYPES) + 1


def people(number: int) -> list[dict[str, Any]]:
    """Requests of as many practitioners, and one in a role with an organization behind it."""
    asked_by = [f"Practitioner/practitioner-number-{one}" for one in range(number)] + [
        "PractitionerRole/r"
    ]
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"reference": "Practitioner/behind"},
        "organization": {"reference": "Organization/o"},
    }
    return [
        *(request(f"by-{n}", requester={"reference": who}) for n, who in enumerate(asked_by)),
        *(
            {"resourceType": "Practitioner", "id": f"practitioner-number-{one}"}
            for one in range(number)
        ),
        {"resourceType": "Practitioner", "id": "behind"},
        {"resourceType": "Organization", "id": "o"},
        role,
    ]


def test_people_cost_one_answer_more_and_those_behind_a_role_another() -> None:
    app = server(*people(12))
    assert hops(app, find_and_pull, pull, key=PEM) == [6.0, 3.0]
    by_id = [one for one in app.log if one.path == "/fhir/Practitioner"]
    assert [len(dict(one.query)["_id"].split(",")) for one in by_id] == [12, 12]


def test_many_people_are_asked_for_in_addresses_that_a_server_takes() -> None:
    app = server(*people(150), max_count=200)
    assert hops(app, find_and_pull, key=PEM) == [6.0]
    by_id = [dict(one.query)["_id"] for one in app.log if one.path == "/fhir/Practitioner"]
    assert max(len(one) for one in by_id) <= 1500
    assert {name for one in by_id for name in one.split(",")} >= {
        f"practitioner-number-{n}" for n in range(150)
    }


def test_where_they_cannot_be_asked_for_together_they_are_read_one_by_one() -> None:
    app = server(*people(12))
    app.faults.add(Fault(action=Answer(status=400), path="/Practitioner$", times=0))
    assert hops(app, find_and_pull, key=PEM) == [7.0]
