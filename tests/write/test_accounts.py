"""Provenance and audit events: every written resource accounted for, by reference and version."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.fhir.release import check
from service.model.consent import Consent, Party, Provision
from service.model.evidence import Origin
from service.write import gate
from service.write.audit_event import CREATE, READ, UPDATE, act, event
from service.write.identity import full_url
from service.write.target import ORDER
from tests.write.given import PRIMARY_CARE, PSYCHIATRY, of, planned
from tests.write.synthetic import AT, PHARMACIST, report

READ_AT = datetime(2026, 3, 10, 8, tzinfo=UTC)


def test_every_written_resource_is_a_target_of_the_provenance() -> None:
    writes = [w for w in planned() if not w.skipped]
    (provenance,) = of(tuple(writes), "Provenance")
    told = {one["reference"] for one in provenance["target"]}
    kinds = {"Provenance", "AuditEvent"}
    assert told == {full_url(w.key) for w in writes if w.type not in kinds}
    assert all(agent["onBehalfOf"] for agent in provenance["agent"])


def test_every_line_and_fact_is_a_source_in_the_version_that_was_seen() -> None:
    content = report()
    fact = content["findings"][0]["evidence"][0]
    content["findings"][0]["evidence"].append(
        fact | {"reference": "Observation/9", "version": "5", "path": "value"}
    )
    (provenance,) = of(planned(content), "Provenance")
    seen = {one["what"].get("reference", "") for one in provenance["entity"]}
    assert {"MedicationRequest/1/_history/2", "Observation/9/_history/5"} <= seen
    assert all("_history/" in json.dumps(one["what"]) for one in provenance["entity"])


def test_the_consent_by_which_something_goes_is_a_source_too() -> None:
    content = report()
    content["medications"][1]["lines"][0]["labels"] = ["PSY"]
    told = replace(PRIMARY_CARE, parties=frozenset({"npi|1"}))
    rule = Provision(permit=True, actors=(Party(identifiers=("npi|1",)),), labels=("PSY",))
    consent = Consent(Origin("psychiatry", "Consent/4", "3"), "patient-privacy", rule)
    (provenance,) = of(planned(content, told, consents=(consent,)), "Provenance")
    assert "Consent/4/_history/3" in json.dumps(provenance["entity"])


def test_audit_events_go_only_where_they_are_switched_on() -> None:
    assert of(planned(target=replace(PSYCHIATRY, allowed=frozenset(ORDER))), "AuditEvent") == []
    assert len(of(planned(), "AuditEvent")) == 2
    unable = replace(PSYCHIATRY, offered=frozenset(ORDER))
    reasons = {w.type: w.skipped for w in planned(target=unable) if w.skipped}
    assert "does not take AuditEvent" in reasons["AuditEvent"]


def test_what_was_read_and_what_was_written_is_told_by_reference_alone() -> None:
    writes = planned(read_at={"psychiatry": READ_AT})
    read, created = of(writes, "AuditEvent")
    assert (read["action"], created["action"]) == ("R", "C")
    assert read["recorded"] == "2026-03-10T08:00:00+00:00"
    said = json.dumps([read, created])
    for word in ("sertraline", "lithium", "Paula", "doses", "mg", PHARMACIST.name):
        assert word not in said
    named = {one["what"].get("reference") for one in created["entity"]}
    assert named >= {full_url(w.key) for w in writes if w.type in ORDER[:-1] and not w.skipped}
    assert "MedicationRequest/1/_history/2" in {
        one["what"].get("reference") for one in read["entity"]
    }
    assert gate.problems(writes) == ()


@pytest.mark.parametrize("spoil", [{"text": {"div": "<div/>"}}, {"outcomeDesc": "lithium"}])
def test_the_gate_stops_an_audit_event_with_words(spoil: dict[str, Any]) -> None:
    writes = [
        replace(w, resource=w.resource | spoil) if w.type == "AuditEvent" and not w.skipped else w
        for w in planned()
    ]
    assert any("references only" in problem for problem in gate.problems(writes))


@pytest.mark.parametrize("what", [READ, CREATE, UPDATE])
def test_an_event_names_client_server_person_patient_and_data(what: Any) -> None:
    found = event(
        what,
        recorded=AT,
        by=PHARMACIST,
        version="1",
        server="https://psy.example/fhir",
        patient={"reference": "Patient/17", "display": "Ada Lovelace"},
        data=[{"reference": "List/1"}],
    )
    assert check(found) == ()
    roles = [agent["type"]["coding"][0]["code"] for agent in found["agent"]]
    assert roles[:2] == (["110152", "110153"] if what is READ else ["110153", "110152"])
    assert [agent["requestor"] for agent in found["agent"]] == [False, False, True]
    assert [one["role"]["code"] for one in found["entity"]] == ["1", "4"]
    assert "Ada" not in json.dumps(found)


def test_an_act_of_the_trail_is_sound_and_holds_ids_only() -> None:
    found = act(
        "sign-all",
        recorded=AT,
        by="u-ph",
        version="1",
        patient="p-1",
        subject="sg-1",
        outcome="0",
    )
    assert check(found) == ()
    assert {found["subtype"][0]["code"], found["action"]} == {"sign-all", "E"}
