"""Who may be told what: refusals win, sensitive labels need permission, doubt withholds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model.consent import Consent, Party, Provision
from service.model.evidence import Origin
from service.model.source import RawResource, Role, SourceRead
from service.normalize.consent import consents, security_labels
from service.write.disclosure import (
    NOT_TO_PATIENT,
    REFUSED,
    UNPERMITTED,
    UNREADABLE,
    UNSURE,
    Audience,
    Item,
    Recipient,
    disclosure,
)
from service.write.labels import PROTECTED

DAY = date(2026, 3, 10)
NPI = "http://hl7.org/fhir/sid/us-npi"
GP = Recipient("primary-care", frozenset({f"{NPI}|111", "psychiatry:Organization/5"}))
ITEM = Item("psychiatry", "MedicationRequest/3", frozenset(), frozenset({("rx", "6448")}), DAY)
SECRET = replace(ITEM, labels=frozenset({"42CFRPart2"}))
TO_GP = (Party("psychiatry:Organization/5", (), "IRCP"),)
TO_OTHER = (Party("psychiatry:Organization/9", (f"{NPI}|999",), "IRCP"),)
TO_UNKNOWN = (Party("psychiatry:Organization/9", (), "IRCP"),)


def consent(**rule: Any) -> Consent:
    return Consent(Origin("psychiatry", "Consent/1", "1"), "patient-privacy", Provision(**rule))


def reason(item: Item, *held: Consent, recipient: Recipient = GP) -> str:
    return disclosure(item, recipient, held, DAY).reason


RELEASE = consent(permit=True, actors=TO_GP, labels=("42CFRPart2",))


def test_what_nobody_protects_goes_and_what_a_label_protects_stays() -> None:
    assert reason(ITEM) == ""
    for label in PROTECTED:
        assert reason(replace(ITEM, labels=frozenset({label}))) == UNPERMITTED
    assert reason(replace(ITEM, labels=frozenset({"N"}))) == ""


def test_a_server_gets_its_own_back_whatever_is_refused() -> None:
    own = Recipient("psychiatry")
    assert reason(SECRET, consent(permit=False), recipient=own) == ""


def test_a_permission_names_the_label_and_the_recipient() -> None:
    told = disclosure(SECRET, GP, (RELEASE,), DAY)
    assert (told.reason, told.consents) == ("", (RELEASE.origin,))
    assert reason(SECRET, consent(permit=True, actors=TO_GP)) == UNPERMITTED
    assert reason(SECRET, consent(permit=True, labels=("42CFRPart2",))) == UNPERMITTED
    assert reason(SECRET, consent(permit=True, actors=TO_GP, labels=("HIV",))) == UNPERMITTED
    assert reason(SECRET, consent(permit=True, actors=TO_OTHER, labels=("42CFRPart2",))) != ""
    nested = consent(
        permit=True, actors=TO_GP, nested=(Provision(permit=True, labels=("42CFRPart2",)),)
    )
    assert reason(SECRET, nested) == ""


def test_every_label_needs_a_permission_of_its_own() -> None:
    both = replace(SECRET, labels=frozenset({"42CFRPart2", "HIV"}))
    assert reason(both, RELEASE) == UNPERMITTED
    hiv = consent(permit=True, actors=TO_GP, labels=("HIV",))
    assert reason(both, RELEASE, hiv) == ""


def test_a_refusal_wins_over_any_permission_beside_it() -> None:
    refusal = consent(permit=False, actors=TO_GP)
    assert reason(SECRET, RELEASE, refusal) == REFUSED
    assert reason(SECRET, refusal, RELEASE) == REFUSED
    beside = consent(
        nested=(
            Provision(permit=True, actors=TO_GP, labels=("42CFRPart2",)),
            Provision(permit=False, labels=("42CFRPart2",)),
        )
    )
    assert reason(SECRET, beside) == REFUSED
    assert reason(ITEM, beside) == ""


def test_a_refusal_by_actor_holds_back_what_carries_no_label() -> None:
    assert reason(ITEM, consent(permit=False, actors=TO_GP)) == REFUSED
    assert reason(ITEM, consent(permit=False, actors=TO_OTHER)) == ""
    assert reason(ITEM, consent(permit=False)) == REFUSED


def test_an_exception_decides_before_the_rule_around_it() -> None:
    but_gp = consent(permit=False, nested=(Provision(permit=True, actors=TO_GP),))
    assert reason(ITEM, but_gp) == ""
    assert reason(ITEM, but_gp, recipient=Recipient("x", frozenset({f"{NPI}|2"}))) != ""
    all_but_gp = consent(permit=True, nested=(Provision(permit=False, actors=TO_GP),))
    assert reason(ITEM, all_but_gp) == REFUSED


def test_whom_a_refusal_means_and_cannot_be_told_is_refused_and_said() -> None:
    unknown = Recipient("primary-care")
    assert reason(ITEM, consent(permit=False, actors=TO_OTHER), recipient=unknown) == UNSURE
    assert reason(ITEM, consent(permit=False, actors=TO_UNKNOWN)) == UNSURE
    assert reason(SECRET, RELEASE, recipient=unknown) == UNPERMITTED
    person = (Party("psychiatry:Practitioner/1", (f"{NPI}|999",)),)
    assert reason(ITEM, consent(permit=False, actors=person)) == UNSURE


@pytest.mark.parametrize(
    ("rule", "held_back"),
    [
        ({"end": DAY}, True),
        ({"end": DAY - timedelta(days=1)}, False),
        ({"start": DAY}, True),
        ({"start": DAY + timedelta(days=1)}, False),
        ({"actions": ("disclose",)}, True),
        ({"actions": ("collect", "correct")}, False),
        ({"purposes": ("TREAT",)}, True),
        ({"purposes": ("HMARKT",)}, False),
        ({"classes": ("MedicationRequest",)}, True),
        ({"classes": ("Observation",)}, False),
        ({"classes": ("some-document-type",)}, True),
        ({"codes": (("rx", "6448"),)}, True),
        ({"codes": (("atc", "N05"),)}, True),
        ({"data": ("MedicationRequest/3",)}, True),
        ({"data": ("MedicationRequest/4",)}, False),
        ({"data": ("Encounter/4",), "related": True}, True),
        ({"data_start": DAY}, True),
        ({"data_end": DAY - timedelta(days=1)}, False),
        ({"labels": ("PSY",)}, False),
        ({"actors": (Party("psychiatry:Organization/1", (f"{NPI}|7",), "CST"),)}, True),
    ],
)
def test_a_refusal_reaches_as_far_as_its_sides(rule: dict[str, Any], held_back: bool) -> None:
    assert bool(reason(ITEM, consent(permit=False, **rule))) is held_back


def test_a_refusal_that_names_another_holder_is_about_that_holder_only() -> None:
    elsewhere = (Party("psychiatry:Organization/1", (f"{NPI}|7",), "CST"),)
    known = replace(GP, held_by=(("psychiatry", frozenset({f"{NPI}|8"})),))
    assert reason(ITEM, consent(permit=False, actors=elsewhere), recipient=known) == ""


def test_an_ended_consent_neither_refuses_nor_allows_with_all_its_exceptions() -> None:
    ended = DAY - timedelta(days=1)
    inner = (Provision(permit=False, actors=TO_GP),)
    assert reason(ITEM, consent(permit=True, end=ended, nested=inner)) == ""
    assert reason(SECRET, replace(RELEASE, provision=replace(RELEASE.provision, end=ended))) != ""


def test_confidentiality_is_a_high_water_mark() -> None:
    def up_to(label: str) -> Consent:
        return consent(permit=True, actors=TO_GP, labels=(label,))

    restricted = replace(ITEM, labels=frozenset({"R"}))
    assert reason(restricted, up_to("R")) == reason(restricted, up_to("V")) == ""
    assert reason(restricted, up_to("N")) == UNPERMITTED
    assert reason(restricted, consent(permit=False, labels=("V",))) == REFUSED


def test_what_is_not_about_privacy_is_no_word_on_it() -> None:
    treatment = replace(consent(permit=False), scope="treatment")
    assert reason(ITEM, treatment) == ""
    assert reason(SECRET, replace(RELEASE, scope="research")) == UNPERMITTED


RULES: st.SearchStrategy[Provision] = st.recursive(
    st.builds(
        Provision,
        permit=st.sampled_from([True, False, None]),
        actors=st.sampled_from([(), TO_GP, TO_OTHER, TO_UNKNOWN]),
        labels=st.sampled_from([(), ("42CFRPart2",), ("HIV",), ("R",)]),
        classes=st.sampled_from([(), ("MedicationRequest",), ("x",)]),
        end=st.sampled_from([None, DAY, DAY - timedelta(days=1)]),
    ),
    lambda inner: st.builds(
        Provision,
        permit=st.sampled_from([True, False, None]),
        actors=st.sampled_from([(), TO_GP]),
        nested=st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=6,
)
HELD = st.lists(RULES.map(lambda rule: replace(consent(), provision=rule)), max_size=3)
ITEMS = st.sampled_from([ITEM, SECRET, replace(ITEM, labels=frozenset({"R", "HIV"}))])


@given(ITEMS, HELD, HELD)
def test_another_consent_that_refuses_everything_always_wins(
    item: Item, before: list[Consent], after: list[Consent]
) -> None:
    assert reason(item, *before, consent(permit=False), *after) == REFUSED


@given(ITEMS, HELD)
def test_the_order_of_consents_decides_nothing(item: Item, held: list[Consent]) -> None:
    assert reason(item, *held) == reason(item, *reversed(held))


@given(HELD)
def test_a_recipient_nobody_knows_is_told_nothing_sensitive(held: list[Consent]) -> None:
    assert reason(SECRET, *held, recipient=Recipient("primary-care")) != ""


@given(ITEMS, HELD)
def test_one_consent_that_cannot_be_read_keeps_everything_back(
    item: Item, held: list[Consent]
) -> None:
    assert reason(item, replace(consent(permit=True), whole=False), *held) in {
        UNREADABLE,
        REFUSED,
        UNSURE,
    }


def read(*bodies: dict[str, Any]) -> SourceRead:
    raws = tuple(
        RawResource(body["resourceType"], body["id"], "1", json.dumps(body).encode())
        for body in bodies
    )
    return SourceRead("psychiatry", Role.PSYCHIATRY, resources=raws)


FHIR_CONSENT = {
    "resourceType": "Consent",
    "id": "1",
    "status": "active",
    "scope": {"coding": [{"code": "patient-privacy"}]},
    "policyRule": {"coding": [{"code": "OPTIN"}]},
    "provision": {
        "provision": [
            {
                "type": "deny",
                "actor": [
                    {
                        "role": {"coding": [{"code": "IRCP"}]},
                        "reference": {"reference": "Organization/5"},
                    }
                ],
                "class": [{"code": "MedicationRequest"}],
            }
        ]
    },
}
ORGANIZATION = {
    "resourceType": "Organization",
    "id": "5",
    "identifier": [{"system": NPI, "value": "111"}],
}


def test_a_consent_is_read_with_the_identifiers_of_whom_it_names() -> None:
    held = consents(read(FHIR_CONSENT, ORGANIZATION))
    by_number = Recipient("primary-care", frozenset({f"{NPI}|111"}))
    assert disclosure(ITEM, by_number, held, DAY).reason == REFUSED
    other = Recipient("primary-care", frozenset({f"{NPI}|112"}))
    assert disclosure(ITEM, other, held, DAY).reason == ""
    assert disclosure(replace(ITEM, reference="Observation/1"), by_number, held, DAY).reason == ""


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive"])
def test_a_consent_that_is_not_active_says_nothing(status: str) -> None:
    assert consents(read(FHIR_CONSENT | {"status": status})) == ()


@pytest.mark.parametrize(
    "spoiled",
    [
        {"modifierExtension": [{"url": "urn:x"}]},
        {"provision": {"type": "perhaps"}},
        {"provision": {"type": "permit", "actor": "everybody"}},
        {"provision": {"provision": [{"type": "permit", "modifierExtension": [{"url": "u"}]}]}},
        {"except": [{"type": "deny"}]},
    ],
)
def test_a_consent_that_is_not_understood_keeps_everything_back(spoiled: dict[str, Any]) -> None:
    body = {name: value for name, value in FHIR_CONSENT.items() if name != "policyRule"}
    held = consents(read(body | {"provision": {}} | spoiled))
    assert disclosure(ITEM, GP, held, DAY).reason == UNREADABLE


def test_labels_of_any_resource_are_known_by_its_place() -> None:
    labelled = {
        "resourceType": "Observation",
        "id": "9",
        "meta": {"security": [{"code": "ETH"}, {"code": "R"}]},
    }
    assert security_labels(read(labelled, ORGANIZATION)) == {
        ("psychiatry", "Observation/9"): frozenset({"ETH", "R"})
    }


@pytest.mark.parametrize(
    ("refused", "carried", "held"),
    [
        ("ETH", "OPIOIDUD", True),
        ("SUD", "42CFRPart2", True),
        ("BH", "PSY", True),
        ("SPI", "PSYTHPN", True),
        ("PSY", "HIV", False),
        ("R", "HIV", True),
        ("N", "R", True),
        ("HIV", "R", False),
    ],
)
def test_a_refusal_means_what_stands_below_its_label(
    refused: str, carried: str, *, held: bool
) -> None:
    item = replace(ITEM, labels=frozenset({carried}))
    release = consent(permit=True, actors=TO_GP, labels=(carried,))
    assert reason(item, release) == ""
    refusal = consent(permit=False, labels=(refused,))
    assert reason(item, release, refusal) == (REFUSED if held else "")


def test_a_permission_means_less_than_a_refusal_of_the_same_label() -> None:
    def release(label: str) -> Consent:
        return consent(permit=True, actors=TO_GP, labels=(label,))

    alcohol = replace(ITEM, labels=frozenset({"ETHUD"}))
    notes = replace(ITEM, labels=frozenset({"PSYTHPN"}))
    assert reason(alcohol, release("ETH")) == ""
    assert reason(alcohol, release("BH")) == UNPERMITTED
    assert reason(notes, release("PSY")) == UNPERMITTED
    assert reason(notes, release("V")) == UNPERMITTED
    assert reason(notes, release("PSYTHPN")) == ""


def test_a_caveat_that_asks_for_a_consent_is_met_by_any_that_names_the_recipient() -> None:
    caveat = replace(ITEM, labels=frozenset({"NORDSCLCD"}))
    assert reason(caveat) == UNPERMITTED
    assert reason(caveat, consent(permit=True)) == UNPERMITTED
    assert reason(caveat, consent(permit=True, actors=TO_GP)) == ""
    both = replace(ITEM, labels=frozenset({"NORDSCLCD", "42CFRPart2"}))
    assert reason(both, consent(permit=True, actors=TO_GP)) == UNPERMITTED
    assert reason(both, RELEASE) == ""


def test_the_patient_is_told_what_is_his_own_unless_a_label_keeps_it_back() -> None:
    patient = Recipient("", audience=Audience.PATIENT)
    assert reason(SECRET, consent(permit=False), recipient=patient) == ""
    kept = replace(ITEM, labels=frozenset({"NOPAT"}))
    assert reason(kept, recipient=patient) == NOT_TO_PATIENT
    assert reason(kept, recipient=Recipient("", audience=Audience.HOUSE)) == ""
