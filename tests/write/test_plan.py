"""What a signature leads to, per server; what is never written; the gate."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.release import check
from service.model.concept import RXNORM
from service.model.consent import Consent, Party, Provision
from service.model.evidence import Origin
from service.model.review import (
    MEDICATION_DISPOSITIONS,
    Decision,
    Disposition,
    PlannedWrite,
    Review,
    Target,
)
from service.write import gate
from service.write.codes import RECONCILED_LIST
from service.write.draft import draft_bundle
from service.write.identity import identifier_value
from service.write.known import Known
from service.write.labels import PROTECTED
from service.write.plan import plan
from service.write.target import ORDER, WRITTEN, Signing, Standing, WriteTarget
from tests.write.synthetic import (
    AT,
    PHARMACIST,
    all_decided,
    decision,
    finding,
    line,
    medication,
    report,
    reviewed,
)

KEY = b"k" * 32
PSYCHIATRY = WriteTarget(
    "psychiatry", "https://psy.example/fhir", frozenset(ORDER), transactions=True
)
PRIMARY_CARE = replace(PSYCHIATRY, name="primary-care", base_url="https://pc.example/fhir")
ALL = Signing("sg-1", PHARMACIST, AT, "all")


def planned(
    content: dict[str, Any] | None = None,
    review: Review | None = None,
    targets: tuple[WriteTarget, ...] = (PSYCHIATRY,),
    signing: Signing = ALL,
    **more: Any,
) -> tuple[PlannedWrite, ...]:
    chosen = review or reviewed(*all_decided())
    return plan(chosen, content or report(), targets, signing, key=KEY, version="0.1.0", **more)


def of(writes: tuple[PlannedWrite, ...], kind: str) -> list[dict[str, Any]]:
    return [dict(write.resource) for write in writes if write.type == kind and not write.skipped]


def skipped(writes: tuple[PlannedWrite, ...]) -> dict[str, str]:
    return {write.type: write.skipped for write in writes if write.skipped}


def test_everything_planned_is_sound_r4b_and_passes_the_gate() -> None:
    content = report()
    content["findings"].append(finding("f-visit", ["m-ser"], type="follow-up-missing"))
    judged = decision("f-visit", Disposition.ACCEPT, assigned_to="Dr Gita Pract")
    review = reviewed(*all_decided(), judged)
    writes = planned(content, review, targets=(PSYCHIATRY, PRIMARY_CARE))
    assert {write.type for write in writes} == set(ORDER)
    assert gate.problems(writes) == ()
    for write in writes:
        assert check(write.resource) == ()


def test_the_same_review_leads_to_the_same_bytes() -> None:
    first, second = planned(), planned()
    assert json.dumps([w.resource for w in first]) == json.dumps([w.resource for w in second])


def test_the_signed_list_claims_reconciliation_with_a_human_source() -> None:
    (found,) = of(planned(), "List")
    assert found["code"]["coding"] == [RECONCILED_LIST.coding()]
    assert found["mode"] == "working"
    assert found["source"]["type"] == "Practitioner"
    assert len(found["entry"]) == 2


@pytest.mark.parametrize("state", ["partial", "unavailable", "withheld", "stale"])
def test_with_an_incomplete_source_no_list_is_written_and_tasks_say_so(state: str) -> None:
    content = report()
    content["sources"][0]["state"] = state
    writes = planned(content)
    assert {w.type for w in writes if not w.skipped} == {"DetectedIssue", "Task", "Provenance"}
    assert state in skipped(writes)["List"]
    assert all("incomplete" in json.dumps(task["meta"]) for task in of(writes, "Task"))


@pytest.mark.parametrize("grade", ["probable", "possible"])
def test_while_a_link_is_in_doubt_nothing_is_written_anywhere(grade: str) -> None:
    content = report()
    content["patient"]["records"][0]["grade"] = grade
    writes = planned(content, targets=(PSYCHIATRY, PRIMARY_CARE))
    assert [write for write in writes if not write.skipped] == []


def test_an_undecided_medication_keeps_the_list_back_and_is_not_written() -> None:
    made = [one for one in all_decided() if one.item != "m-li"]
    writes = planned(review=reviewed(*made))
    assert "undecided" in skipped(writes)["List"]
    assert len(of(writes, "MedicationStatement")) == 1
    assert "completed" not in {task["status"] for task in of(writes, "Task")}


def test_no_decision_makes_a_medication_stopped_and_no_order_is_touched() -> None:
    stop = decision("m-ser", Disposition.PROPOSE_STOP, reason="side effects")
    writes = planned(review=reviewed(*all_decided()[1:], stop))
    statements = of(writes, "MedicationStatement")
    assert {one["status"] for one in statements} <= {"active", "on-hold", "intended", "unknown"}
    assert of(writes, "MedicationRequest") == []
    (ask,) = [task for task in of(writes, "Task") if "stopping" in task.get("description", "")]
    assert "must not end at once" in ask["description"]
    assert (ask["status"], ask["intent"]) == ("requested", "proposal")


def test_a_change_is_a_proposal_with_the_finding_that_led_to_it() -> None:
    (proposal,) = of(planned(), "MedicationRequest")
    assert (proposal["status"], proposal["intent"]) == ("draft", "proposal")
    assert proposal["priorPrescription"] == {"reference": "MedicationRequest/1"}
    assert len(proposal["detectedIssue"]) == 1


@pytest.mark.parametrize("label", sorted(PROTECTED))
def test_labelled_data_goes_to_no_other_server_and_leaves_no_trace_there(label: str) -> None:
    content = report()
    content["medications"][1]["lines"][0]["labels"] = [label]
    writes = planned(content, targets=(PRIMARY_CARE,))
    sent = json.dumps([write.resource for write in writes if not write.skipped])
    assert "lithium" not in sent
    assert "MedicationRequest/3" not in sent
    assert "6448" not in sent
    assert "withheld" in sent
    assert any("label protects it" in write.skipped for write in writes)
    home = planned(content, targets=(PSYCHIATRY,))
    assert label in json.dumps([s["meta"] for s in of(home, "MedicationStatement")])
    told = replace(PRIMARY_CARE, parties=frozenset({"npi|1"}))
    rule = Provision(permit=True, actors=(Party(identifiers=("npi|1",)),), labels=(label,))
    consent = Consent(Origin("psychiatry", "Consent/1", "3"), "patient-privacy", rule)
    agreed = planned(content, targets=(told,), known=Known(consents=(consent,)))
    assert len(of(agreed, "MedicationStatement")) == 2


def test_foreign_resources_are_named_by_identifier_and_own_ones_by_reference() -> None:
    writes = planned(targets=(PRIMARY_CARE,))
    sent = json.dumps([w.resource for w in writes if not w.skipped])
    assert '"reference": "MedicationRequest/' not in sent
    (provenance,) = of(writes, "Provenance")
    seen = {entity["what"]["identifier"]["value"] for entity in provenance["entity"]}
    assert "psychiatry/MedicationRequest/1/_history/2" in seen
    (home,) = of(planned(targets=(PSYCHIATRY,)), "Provenance")
    own = {entity["what"].get("reference") for entity in home["entity"]}
    assert "MedicationRequest/1/_history/2" in own


def test_provenance_names_person_and_software_each_on_behalf_of_somebody() -> None:
    (provenance,) = of(planned(), "Provenance")
    roles = [agent["type"]["coding"][0]["code"] for agent in provenance["agent"]]
    assert roles == ["author", "verifier", "assembler"]
    assert all(agent["onBehalfOf"] for agent in provenance["agent"])
    assert provenance["agent"][2]["who"]["type"] == "Device"


def test_every_hostile_text_is_escaped_in_narratives() -> None:
    hostile = "<script>alert(1)</script>&\x00\x1f"
    content = report()
    for one in content["medications"]:
        one["display"] = hostile
    content["findings"][0] |= {"title": hostile, "message": hostile}
    for write in planned(content):
        if "text" in write.resource:
            text: Any = write.resource["text"]
            assert "<script" not in text["div"]
            assert not re.search(
                r"[\x00-\x08\x0b\x0c\x0e-\x1f]", json.loads(json.dumps(text["div"]))
            )
    assert gate.problems(planned(content)) == ()


def test_identifiers_need_the_key_and_never_hold_a_record_number() -> None:
    values = {write.key for write in planned()}
    others = {
        w.key
        for w in plan(
            reviewed(*all_decided()), report(), (PSYCHIATRY,), ALL, key=b"x" * 32, version="1"
        )
    }
    assert values.isdisjoint(others)
    assert all(re.fullmatch(r"[0-9a-f]{32}", value) for value in values)


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_different_parts_never_share_an_identifier(first: list[str], second: list[str]) -> None:
    same = identifier_value(KEY, *first) == identifier_value(KEY, *second)
    assert same == (first == second)


def test_an_earlier_resource_of_ours_is_updated_on_the_version_that_was_seen() -> None:
    (listed,) = [w for w in planned() if w.type == "List"]
    earlier = {("psychiatry", listed.key): Standing("List/77", "4")}
    (again,) = [w for w in planned(earlier=earlier) if w.type == "List"]
    assert (again.reference, again.if_match, again.resource["id"]) == ("List/77", "4", "77")
    blind = {("psychiatry", listed.key): Standing("List/77", None)}
    writes = planned(earlier=blind)
    assert "version" in skipped(writes)["List"]


def test_read_only_is_the_default_and_each_refusal_says_why() -> None:
    closed = replace(PSYCHIATRY, allowed=frozenset())
    unable = replace(PSYCHIATRY, offered=frozenset({"Task"}))
    silent = replace(PSYCHIATRY, unreachable="timeout")
    assert all("switched on" in reason for reason in skipped(planned(targets=(closed,))).values())
    writes = planned(targets=(unable,))
    assert {w.type for w in writes if not w.skipped} == {"Task"}
    assert "does not take List" in skipped(writes)["List"]
    assert gate.problems(writes) == ()
    assert all("timeout" in reason for reason in skipped(planned(targets=(silent,))).values())


def test_a_server_without_a_certain_record_of_the_person_gets_nothing() -> None:
    content = report()
    content["patient"]["records"] = content["patient"]["records"][:1]
    assert all(w.skipped for w in planned(content, targets=(PSYCHIATRY,)))


def test_two_products_are_never_one_concept() -> None:
    system = "http://www.nlm.nih.gov/research/umls/rxnorm"
    one = [{"system": system, "code": "312938", "display": "sertraline 100 MG Oral Tablet"}]
    two = [{"system": system, "code": "312941", "display": "sertraline 50 MG Oral Tablet"}]
    content = report()
    content["medications"][0]["lines"][0]["coding"] = one
    content["medications"][0]["lines"][1]["coding"] = two
    (differing, _) = of(planned(content), "MedicationStatement")
    assert [c["code"] for c in differing["medicationCodeableConcept"]["coding"]] == ["36437"]
    content["medications"][0]["lines"][1]["coding"] = one
    (same, _) = of(planned(content), "MedicationStatement")
    assert [c["code"] for c in same["medicationCodeableConcept"]["coding"]] == ["312938"]


def test_a_drug_that_could_not_be_coded_is_listed_in_its_own_words() -> None:
    unknown = medication(
        "m-x", "", "", [line("psychiatry", 8)], ingredients=[], display="blue pill"
    )
    content = report(medications=[unknown], findings=[])
    writes = planned(content, reviewed(decision("m-x", Disposition.NOT_SURE)))
    (statement,) = of(writes, "MedicationStatement")
    assert statement["medicationCodeableConcept"] == {"text": "blue pill"}


@pytest.mark.parametrize("disposition", sorted(MEDICATION_DISPOSITIONS))
def test_no_code_is_written_for_a_drug_that_is_known_by_its_name_alone(
    disposition: Disposition,
) -> None:
    herbal = medication("m-k", "name:kava", "kava", [line("psychiatry", 8)])
    content = report(medications=[herbal], findings=[])
    writes = planned(content, reviewed(decision("m-k", disposition, to=Target("kava 50 mg"))))
    written = json.dumps([write.resource for write in writes])
    assert "name:kava" not in written
    codes = [
        coding["code"]
        for found in objects(json.loads(written))
        for coding in (found.get("coding") or ())
        if coding.get("system") == RXNORM
    ]
    assert codes == []


def objects(content: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in some content, however deep."""
    if isinstance(content, dict):
        yield content
    for inner in content.values() if isinstance(content, dict) else content:
        if isinstance(inner, dict | list):
            yield from objects(inner)


@pytest.mark.parametrize(
    "spoil",
    [
        {"status": "stopped"},
        {"status": "completed"},
        {"identifier": []},
        {"subject": {"reference": "https://elsewhere.example/Patient/1"}},
        {"derivedFrom": [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}]},
        {"subject": None},
        {"effectivePeriod": None},
        {"text": None},
    ],
)
def test_the_gate_stops_a_plan_with_one_unsound_resource(spoil: dict[str, Any]) -> None:
    writes = list(planned())
    at = next(n for n, write in enumerate(writes) if write.type == "MedicationStatement")
    spoiled = {k: v for k, v in (writes[at].resource | spoil).items() if v is not None}
    writes[at] = replace(writes[at], resource=spoiled)
    assert gate.problems(writes)


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("MedicationRequest", {"intent": "order"}),
        ("MedicationRequest", {"status": "active"}),
        ("List", {"source": {"type": "Device"}}),
        ("List", {"mode": "snapshot"}),
        ("CarePlan", {"activity": [{"detail": {"status": "scheduled"}}]}),
        ("CarePlan", {"supportingInfo": []}),
        ("Provenance", {"agent": [{"who": {"display": "somebody"}}]}),
    ],
)
def test_the_gate_knows_what_may_never_leave(kind: str, spoil: dict[str, Any]) -> None:
    writes = [
        replace(w, resource=w.resource | spoil) if w.type == kind and not w.skipped else w
        for w in planned()
    ]
    assert gate.problems(writes)


def test_a_draft_claims_nothing_and_is_sound() -> None:
    bundle = draft_bundle(report())
    assert check(bundle) == ()
    assert RECONCILED_LIST.code not in json.dumps(bundle)
    issues = [
        e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DetectedIssue"
    ]
    assert {issue["status"] for issue in issues} == {"preliminary"}
    assert {issue["author"]["type"] for issue in issues} == {"Device"}
    assert draft_bundle(report()) == bundle


DECISIONS = st.fixed_dictionaries(
    {
        "m-ser": st.sampled_from(
            [
                None,
                decision("m-ser", Disposition.CONTINUE, patient_answer="not"),
                decision("m-ser", Disposition.CHANGE, to=Target("50 mg"), reason="r"),
                decision("m-ser", Disposition.HOLD, reason="r"),
                decision("m-ser", Disposition.NOT_SURE, assigned_to="Dr X"),
            ]
        ),
        "m-li": st.sampled_from([None, decision("m-li", Disposition.CONTINUE)]),
        "f-dose": st.sampled_from(
            [
                None,
                decision("f-dose", Disposition.ACCEPT),
                decision("f-dose", Disposition.OVERRIDE, reason_code="intended"),
                decision("f-dose", Disposition.DEFER, assigned_to="Dr X"),
            ]
        ),
    }
)


@settings(max_examples=60)
@given(
    DECISIONS,
    st.sets(st.sampled_from(ORDER)),
    st.sampled_from(["all", "mine"]),
    st.sampled_from(["current", "held", "conflict", "stopped", "unknown", "planned"]),
)
def test_whatever_is_decided_and_allowed_the_plan_is_sound(
    made: dict[str, Decision | None], types: set[str], scope: str, state: str
) -> None:
    content = report()
    content["medications"][0]["state"] = state
    review = reviewed(*(one for one in made.values() if one is not None))
    target = replace(PSYCHIATRY, allowed=frozenset(types))
    writes = planned(content, review, (target,), replace(ALL, scope=scope))
    assert gate.problems(writes) == ()
    assert {write.type for write in writes if not write.skipped} <= types
    covered = {item for item, one in made.items() if one is not None}
    assert {write.item for write in writes if write.item} <= covered
    keys = [write.key for write in writes if not write.skipped]
    assert len(keys) == len(set(keys))


def test_agreeing_findings_lead_to_no_issue() -> None:
    same = finding("f-same", ["m-ser"], "none", type="confirmed-match")
    content = report(findings=[same])
    writes = planned(content, reviewed(decision("f-same", Disposition.ACCEPT)))
    assert of(writes, "DetectedIssue") == []


def without(*kinds: str) -> WriteTarget:
    """A server that does not take these types, on which everything is switched on."""
    offered = frozenset(WRITTEN) - frozenset(kinds)
    return replace(PSYCHIATRY, allowed=frozenset(WRITTEN), offered=offered)


def test_a_server_without_tasks_gets_their_words_as_messages() -> None:
    full, poor = planned(targets=(without(),)), planned(targets=(without("Task"),))
    messages = of(poor, "Communication")
    open_tasks = [task for task in of(full, "Task") if task["intent"] == "proposal"]
    assert len(messages) == len(open_tasks) > 0
    words = " ".join(m["payload"][0]["contentString"] for m in messages)
    assert all(task["description"] in words for task in open_tasks)
    assert of(full, "Communication") == []
    assert "a Communication goes instead" in skipped(poor)["Task"]
    assert gate.problems(poor) == ()


def test_a_server_without_list_and_plan_gets_one_document_that_says_both() -> None:
    writes = planned(targets=(without("List", "CarePlan"),))
    (document,) = of(writes, "DocumentReference")
    page = b64decode(document["content"][0]["attachment"]["data"]).decode()
    assert "sertraline" in page
    assert "<script>" not in page
    assert {"List", "CarePlan"} <= skipped(writes).keys()
    assert gate.problems(writes) == ()


@pytest.mark.parametrize("kind", ["Task", "List", "CarePlan"])
def test_nothing_goes_instead_where_the_site_did_not_switch_it_on(kind: str) -> None:
    target = replace(without(kind), allowed=frozenset(ORDER))
    writes = planned(targets=(target,))
    assert of(writes, "Communication") == of(writes, "DocumentReference") == []
    assert "does not take" in skipped(writes)[kind]
    assert "instead" not in skipped(writes)[kind]


def test_a_list_that_cannot_be_claimed_is_no_document_either() -> None:
    content = report()
    content["sources"][0]["state"] = "partial"
    writes = planned(content, targets=(without("List", "CarePlan"),))
    assert of(writes, "DocumentReference") == []


@pytest.mark.parametrize(
    ("rxcui", "sex", "birth_date", "flagged"),
    [
        ("6448", "male", "1950-01-01", True),
        ("2626", None, None, True),
        ("36437", "female", "1990-01-01", False),
        ("40254", "female", "1990-01-01", True),
        ("40254", "female", "2014-03-10", True),
        ("40254", "female", "2014-03-11", False),
        ("40254", "female", "1970-03-11", True),
        ("40254", "female", "1970-03-10", False),
        ("40254", "male", "1990-01-01", False),
        ("40254", None, None, True),
    ],
)
def test_a_flag_stands_for_a_standing_risk_only(
    rxcui: str, sex: str | None, birth_date: str | None, flagged: bool
) -> None:
    content = report(medications=[medication("m-ser", rxcui, "x", [line("psychiatry", 1)])])
    content["patient"] |= {"sex": sex, "birth_date": birth_date}
    review = reviewed(decision("m-ser", Disposition.CONTINUE))
    writes = planned(content, review)
    assert bool(of(writes, "Flag")) is flagged
    assert gate.problems(writes) == ()


def test_the_agreed_amount_is_structured_and_a_disagreement_is_not() -> None:
    agreed = of(planned(), "MedicationStatement")
    amounts = [one["dosage"][0]["doseAndRate"][0]["rateRatio"] for one in agreed]
    assert all(amount["numerator"]["value"] == 100 for amount in amounts)
    assert all(amount["denominator"]["code"] == "d" for amount in amounts)
    content = report()
    for one in content["medications"]:
        one["daily_dose"] = None
    for one in of(planned(content), "MedicationStatement"):
        assert "doseAndRate" not in one["dosage"][0]


def test_a_difference_that_was_meant_says_so_in_a_code() -> None:
    meant = decision(
        "f-dose", Disposition.OVERRIDE, reason_code="intended", intentional=True, number=2
    )
    coded = of(planned(review=reviewed(*all_decided(), meant)), "DetectedIssue")
    codes = [{c["code"] for c in one["code"]["coding"]} for one in coded]
    assert [("10000003" in one) for one in codes] == [True, False]
