"""Raw bytes into structs: wrong elements are left out one by one, and named."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from service.normalize.decode import decoded, mended
from service.normalize.wire.clinical import Observation
from service.normalize.wire.medication import Directions, MedicationRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ELEMENTS = st.sampled_from(
    ["status", "dosageInstruction", "category", "requester", "contained", "meta", "authoredOn"]
)


def test_decimals_keep_their_digits() -> None:
    found, wrong = decoded(b'{"valueQuantity": {"value": 1.50}}', Observation)
    assert found is not None
    assert found.value_quantity is not None
    assert str(found.value_quantity.value) == "1.50"
    assert wrong == ()


def test_a_wrong_element_is_left_out_with_its_path_and_the_rest_is_kept() -> None:
    body = {
        "status": "active",
        "dosageInstruction": [{"text": 5, "sequence": 1}, {"text": "1 daily"}],
        "authoredOn": ["2026"],
    }
    found, wrong = decoded(json.dumps(body).encode(), MedicationRequest)
    assert found is not None
    assert found.status == "active"
    directions = msgspec.json.decode(found.dosage_instruction, type=Directions)
    assert [one.text for one in directions] == ["", "1 daily"]
    assert directions[0].sequence == 1
    assert sorted(what.split(" ")[0] for what in wrong) == [
        "authoredOn",
        "dosageInstruction[0].text",
    ]


def test_a_wrong_element_of_a_part_that_is_kept_as_bytes_is_left_out_alone() -> None:
    body = {
        "status": "active",
        "medicationCodeableConcept": {"text": "Lithium", "coding": [{"code": 6448}]},
        "dosageInstruction": [{"text": "1 daily", "sequence": "first", "timing": None}],
        "reasonCode": "mood",
    }
    found, wrong = mended(json.dumps(body).encode(), MedicationRequest)
    assert found is not None
    assert json.loads(bytes(found.medication_codeable_concept)) == {
        "text": "Lithium",
        "coding": [{}],
    }
    assert json.loads(bytes(found.dosage_instruction)) == [{"text": "1 daily"}]
    assert sorted(what.split(" ")[0] for what in wrong) == [
        "dosageInstruction[0].sequence",
        "medicationCodeableConcept.coding[0].code",
        "reasonCode",
    ]


def test_decimals_survive_beside_a_wrong_element() -> None:
    found, wrong = decoded(
        b'{"status": 5, "valueQuantity": {"value": 0.10, "unit": "mg"}}', Observation
    )
    assert found is not None
    assert found.value_quantity is not None
    assert found.value_quantity.value == Decimal("0.10")
    assert len(wrong) == 1


def test_null_is_absent_without_a_word() -> None:
    found, wrong = decoded(b'{"status": null, "code": {"text": "Lithium"}}', Observation)
    assert found is not None
    assert found.code is not None
    assert wrong == ()


def test_what_is_no_json_object_is_said_to_be_unreadable() -> None:
    for body in (b"", b"[]", b"<html>", b'{"status": "act', b"\xff\xfe", b"[" * 100_000):
        found, wrong = decoded(body, MedicationRequest)
        assert found is None
        assert any("could not be read, raw kept" in what for what in wrong)


@given(st.dictionaries(ELEMENTS, JSON, max_size=4))
def test_no_content_makes_decoding_fail(content: dict[str, object]) -> None:
    found, wrong = decoded(json.dumps(content).encode(), MedicationRequest)
    assert found is not None or wrong
