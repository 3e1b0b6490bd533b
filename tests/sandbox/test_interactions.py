"""Read, history, create, update, transaction and batch, by the manners of the servers."""

from dataclasses import replace
from typing import Any

import pytest

from service.sandbox.manners import PHARMACY, PRIMARY_CARE, STRICT, WEAK, Manners
from service.sandbox.server import Sandbox
from service.sandbox.storage import Storage
from tests.sandbox.client import BASE, Clock, call, found, get, patient, request, task

CONDITION = {"If-None-Exist": "identifier=urn:concord|1"}


def create(app: Sandbox, body: dict[str, Any], **headers: str) -> Any:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(app, "POST", body["resourceType"], json=body, headers=headers)


def put(app: Sandbox, body: dict[str, Any], **headers: str) -> Any:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{body['resourceType']}/{body['id']}"
    return call(app, "PUT", url, json=body, headers=headers)


def test_a_create_answers_with_version_location_and_the_server_s_own_meta() -> None:
    app = Sandbox(STRICT)
    answer = create(app, task(id="chosen", meta={"versionId": "77", "tag": [{"code": "draft"}]}))
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Location"] == f"{BASE}/Task/{made['id']}/_history/1"
    assert made["id"] != "chosen"
    assert made["meta"]["versionId"] == "1"
    assert made["meta"]["tag"] == [{"code": "draft"}]
    assert get(app, f"Task/{made['id']}").json() == made


def test_every_version_can_be_read_again() -> None:
    app = Sandbox(STRICT)
    made = create(app, task()).json()
    changed = {**made, "status": "completed"}
    answer = put(app, changed, If_Match='W/"1"')
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    assert get(app, f"Task/{made['id']}/_history/1").json()["status"] == "requested"
    assert get(app, f"Task/{made['id']}").json()["status"] == "completed"
    history = get(app, f"Task/{made['id']}/_history").json()
    assert history["total"] == 2
    assert [e["response"]["etag"] for e in history["entry"]] == ['W/"2"', 'W/"1"']
    assert [e["request"]["method"] for e in history["entry"]] == ["PUT", "POST"]
    assert get(app, f"Task/{made['id']}/_history/3").status_code == 404


def test_a_read_of_the_version_that_is_known_answers_304() -> None:
    app = Sandbox(STRICT)
    app.load([patient()])
    etag = get(app, "Patient/1").headers["ETag"]
    assert get(app, "Patient/1", headers={"If-None-Match": etag}).status_code == 304


def test_unknown_is_404_and_deleted_is_410_with_an_outcome() -> None:
    app = Sandbox(STRICT)
    app.load([patient()])
    app.storage.delete("Patient", "1")
    for url, status in (("Patient/1", 410), ("Patient/2", 404), ("Nothing/1", 404), ("x", 404)):
        answer = get(app, url)
        assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert found(app, "Patient?_id=1") == set()


def test_conditional_create_writes_once_and_refuses_when_several_match() -> None:
    app = Sandbox(STRICT)
    first = create(app, task(), **CONDITION)
    again = create(app, task(status="accepted"), **CONDITION)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    create(app, task())
    several = create(app, task(), **CONDITION)
    assert several.status_code == 412
    assert several.json()["issue"][0]["code"] == "multiple-matches"
    assert app.storage.count("Task") == 2


def test_a_condition_without_a_known_parameter_is_refused() -> None:
    app = Sandbox(Manners("any", unknown_parameter="drop"))
    assert create(app, task(), If_None_Exist="colour=blue").status_code == 412
    assert app.storage.count("Task") == 0


def test_a_weak_server_creates_twice_while_its_index_lags() -> None:
    clock = Clock()
    app = Sandbox(WEAK, Storage(clock))
    assert [create(app, task(), **CONDITION).status_code for _ in range(2)] == [201, 201]
    app = Sandbox(WEAK, Storage(clock))
    create(app, task(), **CONDITION)
    clock.pass_by(1)
    assert create(app, task(), **CONDITION).status_code == 200


def test_an_update_of_a_version_that_is_no_longer_current_is_refused() -> None:
    app = Sandbox(STRICT)
    made = create(app, task()).json()
    put(app, made, If_Match='W/"1"')
    stale = put(app, {**made, "status": "completed"}, If_Match='W/"1"')
    assert (stale.status_code, stale.json()["resourceType"]) == (412, "OperationOutcome")
    assert get(app, f"Task/{made['id']}").json()["status"] == "requested"
    old_style = Sandbox(replace(STRICT, stale_status=409))
    made = create(old_style, task()).json()
    assert put(old_style, made, If_Match='W/"9"').status_code == 409


def test_an_update_without_a_version_is_refused_by_strict_and_taken_by_weak() -> None:
    strict, weak = Sandbox(STRICT), Sandbox(WEAK)
    assert put(strict, create(strict, task()).json()).status_code == 400
    made = create(weak, task()).json()
    assert put(weak, made).status_code == 200
    assert put(weak, made, If_Match='W/"1"').status_code == 200


def test_update_as_create_is_a_manner() -> None:
    chosen = task(id="chosen")
    strict = Sandbox(STRICT)
    assert put(strict, chosen, If_None_Match="*").status_code == 201
    assert put(strict, chosen, If_None_Match="*").status_code == 412
    refusing = Sandbox(PRIMARY_CARE)
    assert put(refusing, chosen).status_code == 405
    assert get(refusing, "Task/chosen").status_code == 404


def test_the_body_of_an_update_must_have_the_id_of_its_address() -> None:
    app = Sandbox(STRICT)
    assert call(app, "PUT", "Task/a", json=task(id="b")).status_code == 400


def test_nothing_is_deleted_or_patched() -> None:
    app = Sandbox(STRICT)
    app.load([patient()])
    for method in ("DELETE", "PATCH"):
        assert call(app, method, "Patient/1").status_code == 405
    assert get(app, "Patient/1").status_code == 200


def test_what_may_not_be_written_is_refused() -> None:
    app = Sandbox(PHARMACY)
    assert create(app, task()).status_code == 201
    assert create(app, request("x")).status_code == 405
    assert call(app, "POST", "CarePlan", json={"resourceType": "CarePlan"}).status_code == 404
    assert app.storage.count("MedicationRequest") == 0


@pytest.mark.parametrize(
    ("resource", "expression"),
    [
        (task(status=None), "Task.status"),
        (task(status="taking"), "Task.status"),
        ({"resourceType": "List", "status": "current"}, "List.mode"),
        (
            {
                "resourceType": "List",
                "status": "current",
                "mode": "snapshot",
                "entry": [{"date": "2026-01-01", "item": {"reference": "MedicationStatement/1"}}],
            },
            "List.entry.date",
        ),
        ({"resourceType": "DetectedIssue", "severity": "high"}, "DetectedIssue.status"),
        ({"resourceType": "CarePlan", "status": "active", "intent": "plan"}, "CarePlan.subject"),
        (
            {
                "resourceType": "Provenance",
                "target": [{"reference": "List/1"}],
                "recorded": "2026-01-01T00:00:00Z",
                "agent": [{"type": {"text": "author"}}],
            },
            "Provenance.agent[0]",
        ),
        (
            {"resourceType": "Communication", "status": "completed", "payload": [{"id": "1"}]},
            "Communication.payload[0]",
        ),
    ],
)
def test_a_resource_that_lacks_what_r4_requires_is_refused_with_the_place(
    resource: dict[str, Any], expression: str
) -> None:
    app = Sandbox(Manners("any"))
    answer = create(app, resource)
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == [expression]
    assert app.storage.count(resource["resourceType"]) == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"id": "1"}', b"[" * 100_000])
def test_a_body_that_is_no_resource_is_refused(body: bytes) -> None:
    assert call(Sandbox(STRICT), "POST", "Task", content=body).status_code == 400


def test_references_are_checked_as_the_server_s_manners_say() -> None:
    elsewhere = task(focus={"reference": "https://other.example/fhir/List/1"})
    missing = task(focus={"reference": "List/none"})
    assert create(Sandbox(PRIMARY_CARE), elsewhere).status_code == 400
    assert create(Sandbox(PRIMARY_CARE), missing).status_code == 201
    assert create(Sandbox(STRICT), elsewhere).status_code == 201
    assert create(Sandbox(STRICT), missing).status_code == 400


def test_a_server_may_drop_elements_without_a_word() -> None:
    app = Sandbox(Manners("any", drops=frozenset({"identifier", "extension"})))
    made = create(app, task(extension=[{"url": "urn:x", "valueString": "y"}])).json()
    assert "extension" not in made
    assert "identifier" not in made


def test_a_server_may_add_elements_of_its_own_and_keeps_what_was_sent() -> None:
    app = Sandbox(Manners("any", adds={"language": "en-US", "priority": "routine"}))
    assert create(app, task()).json()["language"] == "en-US"
    assert create(app, task(priority="urgent")).json()["priority"] == "urgent"


def test_a_server_without_versions_gives_none_away() -> None:
    app = Sandbox(Manners("any", versioned=False))
    answer = create(app, task())
    assert "ETag" not in answer.headers
    assert "_history" not in answer.headers["Location"]
    assert answer.json()["meta"] == {}
    assert get(app, f"Task/{answer.json()['id']}/_history").status_code == 404


def test_decimals_keep_their_digits() -> None:
    app = Sandbox(STRICT)
    body = (
        b'{"resourceType":"Observation","status":"final","code":{},"valueQuantity":{"value":1.50}}'
    )
    body = body.replace(b'"code":{}', b'"code":{"text":"lithium"}')
    made = call(app, "POST", "Observation", content=body)
    assert b'"value":1.50}' in get(app, f"Observation/{made.json()['id']}").content


def test_return_minimal_answers_without_a_body() -> None:
    answer = create(Sandbox(STRICT), task(), Prefer="return=minimal")
    assert (answer.status_code, answer.content) == (201, b"")


def bundle(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def posting(resource: dict[str, Any], name: str = "", **request: str) -> dict[str, Any]:
    entry = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    entry["request"].update(request)
    return {"fullUrl": f"urn:uuid:{name}", **entry} if name else entry


def test_a_transaction_replaces_its_own_names_by_the_ids_it_gives() -> None:
    app = Sandbox(STRICT)
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": "urn:uuid:a"}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"display": "A. Pharmacist"}}],
    }
    answer = call(app, "POST", "", json=bundle(posting(provenance), posting(task(), "a")))
    assert answer.status_code == 200
    sent = [entry["response"] for entry in answer.json()["entry"]]
    assert [response["status"] for response in sent] == ["201 Created", "201 Created"]
    assert "/Provenance/" in sent[0]["location"]
    target = get(app, sent[0]["location"]).json()["target"][0]["reference"]
    assert sent[1]["location"].startswith(f"{BASE}/{target}/")


def test_an_atomic_transaction_stores_all_or_nothing() -> None:
    app = Sandbox(STRICT)
    app.load([task(id="known")])
    changed = {**task(id="known"), "status": "completed"}
    update = {
        "resource": changed,
        "request": {"method": "PUT", "url": "Task/known", "ifMatch": 'W/"1"'},
    }
    answer = call(app, "POST", "", json=bundle(posting(task()), update, posting(task(status="?"))))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[2]"]
    assert app.storage.count("Task") == 1
    assert get(app, "Task/known").headers["ETag"] == 'W/"1"'
    assert call(app, "POST", "", json=bundle(posting(task()), update)).status_code == 200
    assert get(app, "Task/known").json()["status"] == "completed"


def test_a_transaction_with_conditions_repeated_changes_nothing() -> None:
    app = Sandbox(STRICT)
    condition = {"ifNoneExist": "identifier=urn:concord|1"}
    focused = task("2", focus={"reference": "urn:uuid:a"})
    whole = bundle(
        posting(task(), "a", **condition),
        posting(focused, "b", ifNoneExist="identifier=urn:concord|2"),
    )
    first = call(app, "POST", "", json=whole).json()
    second = call(app, "POST", "", json=whole).json()
    places = [[e["response"]["location"] for e in answer["entry"]] for answer in (first, second)]
    assert places[0] == places[1]
    assert [e["response"]["status"] for e in second["entry"]] == ["200 OK", "200 OK"]
    assert app.storage.count("Task") == 2


def test_a_weak_transaction_keeps_what_worked() -> None:
    app = Sandbox(WEAK)
    answer = call(app, "POST", "", json=bundle(posting(task()), posting(task(status="?"))))
    assert answer.status_code == 200
    statuses = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
    assert statuses == ["201", "422"]
    assert app.storage.count("Task") == 1
    too_many = bundle(*(posting(task(str(n))) for n in range(101)))
    assert call(app, "POST", "", json=too_many).status_code == 413


def test_a_batch_answers_each_entry_for_itself() -> None:
    app = Sandbox(PHARMACY)
    app.load([patient()])
    reading = {"request": {"method": "GET", "url": "Patient?_id=1"}}
    whole = bundle(posting(request("x")), reading, posting(task()), kind="batch")
    entries = call(app, "POST", "", json=whole).json()["entry"]
    assert [entry["response"]["status"][:3] for entry in entries] == ["405", "200", "201"]
    assert entries[1]["resource"]["total"] == 1
    assert call(app, "POST", "", json=bundle(posting(task()))).status_code == 405
