"""What a consent or a label holds back leaves no trace, and that something is held back is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.model.consent import Consent, Party, Provision
from service.model.evidence import Origin
from service.write.disclosure import NOTICE
from service.write.labels import PROTECTED
from tests.write.given import PRIMARY_CARE, PSYCHIATRY, of, planned
from tests.write.synthetic import finding, report

TOLD = replace(PRIMARY_CARE, parties=frozenset({"npi|1"}))
GP = (Party(identifiers=("npi|1",)),)
SAID = "1 item is withheld from this recipient by consent or label"


def consent(**rule: Any) -> Consent:
    return Consent(Origin("psychiatry", "Consent/4", "3"), "patient-privacy", Provision(**rule))


def labelled(*labels: str) -> dict[str, Any]:
    content = report()
    content["medications"][1]["lines"][0]["labels"] = list(labels)
    return content


def sent(*args: Any, **more: Any) -> str:
    return json.dumps([w.resource for w in planned(*args, **more) if not w.skipped])


def test_a_consent_that_refuses_a_drug_keeps_it_from_that_server_alone() -> None:
    lithium = "http://www.nlm.nih.gov/research/umls/rxnorm", "6448"
    refusal = consent(permit=False, actors=GP, data=("MedicationRequest/3",))
    told = sent(target=TOLD, consents=(refusal,))
    assert "lithium" not in told
    assert "sertraline" in told
    assert SAID in told
    assert "lithium" in sent(target=PSYCHIATRY, consents=(refusal,))
    by_code = consent(permit=False, actors=GP, codes=(lithium,))
    assert "lithium" not in sent(target=TOLD, consents=(by_code,))


def test_the_list_says_in_its_narrative_that_something_is_withheld() -> None:
    (found,) = of(planned(labelled("PSY"), TOLD), "List")
    assert SAID in found["text"]["div"]
    assert SAID in found["note"][0]["text"]
    assert len(found["entry"]) == 1
    (whole,) = of(planned(report(), TOLD), "List")
    assert "withheld" not in json.dumps(whole)


def test_a_finding_that_rests_on_a_labelled_result_stays_too() -> None:
    fact = finding("x", [])["evidence"][0] | {"reference": "Observation/9"}
    content = report(findings=[finding("f-dose", ["m-ser"], evidence=[fact])])
    labels = {("psychiatry", "Observation/9"): frozenset({"HIV"})}
    assert "Observation/9" not in sent(content, TOLD, labels=labels)
    assert "Observation/9" in sent(content, TOLD)
    assert '"HIV"' in sent(content, PSYCHIATRY, labels=labels)


def test_what_goes_by_consent_on_substance_use_carries_the_notice() -> None:
    release = consent(permit=True, actors=GP, labels=("42CFRPart2",))
    writes = planned(labelled("42CFRPart2"), TOLD, consents=(release,))
    (statement,) = [s for s in of(writes, "MedicationStatement") if "lithium" in json.dumps(s)]
    assert NOTICE in statement["note"][-1]["text"]
    (listed,) = of(writes, "List")
    assert NOTICE in listed["note"][0]["text"]
    assert NOTICE not in sent(labelled("42CFRPart2"), PSYCHIATRY)


@given(
    st.sets(st.sampled_from(sorted(PROTECTED)), min_size=1, max_size=3),
    st.lists(st.sampled_from(sorted(PROTECTED)), max_size=3),
)
def test_no_word_of_what_is_not_permitted_reaches_another_server(
    labels: set[str], permitted: list[str]
) -> None:
    held = tuple(consent(permit=True, actors=GP, labels=(one,)) for one in permitted)
    told = sent(labelled(*labels), TOLD, consents=held)
    below = {"V": {"R"}, "ETH": {"ETHUD", "OPIOIDUD"}}
    meant = set(permitted).union(*(below.get(one, set()) for one in permitted))
    covered = labels & meant
    assert ("lithium" in told) is (covered == labels)
