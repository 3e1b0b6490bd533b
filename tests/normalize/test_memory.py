"""What is remembered of words: bounded, and nothing that would be read otherwise."""

from __future__ import annotations

import json

import pytest

from service.model.source import RawResource
from service.normalize.content import contents
from service.normalize.memory import Memory
from tests.normalize.given import Json, record, request, tables


def test_words_are_read_once() -> None:
    asked: list[bytes] = []

    def read(words: bytes) -> int:
        asked.append(words)
        return len(words)

    memory = Memory(read, len)
    assert [memory[words] for words in (b"one", b"three", b"one")] == [3, 5, 3]
    assert asked == [b"one", b"three"]


def test_a_full_memory_forgets_the_oldest_quarter_and_reads_it_again() -> None:
    asked: list[int] = []

    def read(words: int) -> int:
        asked.append(words)
        return -words

    memory = Memory(read, lambda _: 1, most=8)
    for words in range(9):
        assert memory[words] == -words
    assert sorted(memory) == [2, 3, 4, 5, 6, 7, 8]
    assert memory[0] == 0
    assert memory[8] == -8
    assert asked == [*range(9), 0]


def test_words_longer_than_a_memory_keeps_are_read_and_not_kept() -> None:
    memory = Memory(len, len, longest=4)
    assert memory[b"12345"] == 5
    assert not memory


def test_what_cannot_be_read_is_not_remembered() -> None:
    memory: Memory[bytes, int] = Memory(int, len)
    with pytest.raises(ValueError, match="invalid literal"):
        memory[b"x"]
    assert not memory


def test_no_memory_of_lines_holds_a_reference_to_the_patient_or_the_resource() -> None:
    known = contents(tables())
    order: Json = request(
        subject={"reference": "Patient/patient-known-by-name"},
        dosageInstruction=[{"text": "1 tablet every morning for the memory test"}],
        requester={"reference": "Practitioner/practitioner-known-by-name"},
        identifier=[{"system": "urn:x", "value": "prescription-known-by-number"}],
        id="order-known-by-id",
    )
    assert record(order).entries
    kept = [
        memory
        for memory in (known.requests, known.directions, known.reasons, known.categories)
        if memory
    ]
    assert any("memory test" in repr(memory) for memory in kept)
    assert not [memory for memory in kept if "known-by" in repr(memory)]


def test_a_line_with_other_white_space_reads_alike() -> None:
    order: Json = request(
        dosageInstruction=[{"text": "take 2 tablets daily", "timing": {"repeat": {}}}],
    )
    close, wide = (
        RawResource("MedicationRequest", "r1", None, json.dumps(order, indent=indent).encode())
        for indent in (None, 4)
    )
    assert record(close).entries == record(wide).entries
    assert record(close).entries[0].daily_doses
