"""The pieces of a population run: spans, sorted look-ups, shuffled rows, settled persons."""

from __future__ import annotations

import gzip
import tempfile
from datetime import date
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import SourceInvalid
from service.link.grade import Weights
from service.mappings.folder import mappings_folder
from service.mappings.matching import load_weights
from service.model.evidence import Origin
from service.model.patient import Identifier, MatchGrade, PatientRecord
from service.population import exports, partition, people
from service.population.exports import Span, lines
from service.population.index import ROW, Lookup, hashed, sort_rows
from service.population.people import Union, settled
from service.population.shuffle import Writer, rows
from service.population.summary import pattern

WEIGHTS: Weights = load_weights(mappings_folder())
HASHES = st.integers(min_value=0, max_value=2**64 - 1)


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b".").replace(b"\r", b"."))),
    st.integers(min_value=1, max_value=50),
    st.booleans(),
)
@settings(max_examples=60)
def test_spans_of_any_size_give_every_line_once_and_in_order(
    texts: list[bytes], step: int, ended: bool
) -> None:
    body = b"\n".join(texts) + (b"\n" if ended else b"")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "all.ndjson")
        path.write_bytes(body)
        reasons: list[str] = []
        found = [
            line
            for start in range(0, len(body), step)
            for line in lines(
                Span("a", path.name, str(path), start, min(start + step, len(body)), False), reasons
            )
        ]
    expected = [line.strip() for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    assert found == [line for line in expected if line]
    assert reasons == []


@pytest.mark.parametrize("cut", [1, 30])
def test_a_compressed_file_that_is_cut_off_says_so(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "all.ndjson.gz"
    packed = gzip.compress(b'{"resourceType":"Patient"}\n' * 500)
    path.write_bytes(packed[:-cut])
    reasons: list[str] = []
    list(lines(Span("a", path.name, str(path), 0, len(packed), True), reasons))
    assert reasons == ["all.ndjson.gz: the compressed file is broken or cut off"]


def test_a_line_longer_than_the_cap_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LINE_CAP", 50)
    monkeypatch.setattr(exports, "_PIECE", 8)
    body = b"first\n" + b"x" * 500 + b"\nlast\n"
    path = tmp_path / "all.ndjson"
    path.write_bytes(body)
    for step in (len(body), 60, 7):
        reasons: list[str] = []
        found = [
            line
            for start in range(0, len(body), step)
            for line in lines(
                Span("a", "f", str(path), start, min(start + step, len(body)), False), reasons
            )
        ]
        assert found == [b"first", b"last"]
        assert len(reasons) == 1


@given(st.lists(st.tuples(HASHES, HASHES, HASHES), max_size=200), HASHES)
@settings(max_examples=40)
def test_a_sorted_file_finds_what_a_dictionary_finds(
    given_rows: list[tuple[int, int, int]], other: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        half = len(given_rows) // 2
        for name, part in (("a", given_rows[:half]), ("b", given_rows[half:])):
            Path(folder, name).write_bytes(b"".join(ROW.pack(*row) for row in part))
        target = Path(folder, "sorted")
        assert sort_rows([Path(folder, "a"), Path(folder, "b")], target) == len(given_rows)
        lookup = Lookup(target)
        for key in {row[0] for row in given_rows} | {other}:
            expected = sorted(row[1:] for row in given_rows if row[0] == key)
            assert list(lookup.rows(key)) == expected
        assert {path.name for path in Path(folder).iterdir()} == {"a", "b", "sorted"}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 30))), st.integers(1, 9))
@settings(max_examples=40)
def test_records_that_share_a_key_meet_once_however_the_rows_are_divided(
    given_rows: list[tuple[int, int]], step: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keys")
        path.write_bytes(b"".join(ROW.pack(key, 0, number) for key, number in sorted(given_rows)))
        found = [
            group
            for start in range(0, len(given_rows), step)
            for group in people.groups(path, (100,), start, min(start + step, len(given_rows)))
        ]
    expected = [
        sorted(100 + number for key, number in given_rows if key == wanted)
        for wanted in sorted({key for key, _ in given_rows})
    ]
    assert found == [group for group in expected if len(group) > 1]


@given(st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=30))), st.integers(1, 100))
@settings(max_examples=40)
def test_shuffled_rows_come_back_by_part_in_the_order_of_writing(
    given_rows: list[tuple[int, bytes]], fill: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder, "rows"), 7, fill)
        for part, row in given_rows:
            writer.add(part, row)
        writer.close()
        files = sorted(Path(folder).iterdir())
        for part in range(7):
            assert list(rows(files, part)) == [row for of, row in given_rows if of == part]


_REFERENCES = st.one_of(
    st.none(),
    st.integers(),
    st.sampled_from(
        ["Patient/1", "https://h.example/fhir/Patient/2", "Group/3", "urn:uuid:4", ""]
    ).map(lambda one: {"reference": one}),
    st.just({"reference": 7}),
    st.just({"display": "somebody"}),
    st.lists(st.just({"reference": "Patient/5"}), max_size=1),
)


@given(
    st.fixed_dictionaries(
        {"resourceType": st.sampled_from(["Patient", "Observation", "Appointment", "x", ""])},
        optional={
            "id": st.sampled_from(["1", "a b", "", None, 5, "a" * 300]),
            "meta": st.sampled_from([None, {}, {"versionId": "3"}, {"versionId": 3}, "x"]),
            "participant": st.sampled_from(
                [None, [], [{"actor": {"reference": "Patient/6"}}, {"actor": None}], [{"actor": 1}]]
            ),
            **dict.fromkeys(
                ("subject", "patient", "for", "beneficiary", "individual"), _REFERENCES
            ),
        },
    )
)
@settings(max_examples=300)
def test_a_line_parsed_at_once_says_what_its_elements_say_one_by_one(content: object) -> None:
    line = msgspec.json.encode(content)
    try:
        apart = partition._told_apart(line)
    except SourceInvalid:
        with pytest.raises(SourceInvalid):
            partition.told(line)
    else:
        assert partition.told(line) == apart


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39))))
@settings(max_examples=60)
def test_joined_numbers_form_the_sets_that_their_pairs_connect(
    count: int, pairs: list[tuple[int, int]]
) -> None:
    pairs = [(a % count, b % count) for a, b in pairs]
    union = Union(count)
    union.join([number for pair in pairs for number in pair])
    expected = {number: {number} for number in range(count)}
    for a, b in pairs:
        whole = expected[a] | expected[b]
        for number in whole:
            expected[number] = whole
    sets = {tuple(sorted(one)) for one in expected.values() if len(one) > 1}
    assert {tuple(one) for one in union.sets()} == sets


def record(source: str, id_: str, given_name: str = "anna", **more: object) -> PatientRecord:
    known = {
        "family": ("beispiel",),
        "birth_date": date(1970, 2, 3),
        "sex": "female",
        "postal_code": "00100",
        **more,
    }
    return PatientRecord(Origin(source, f"Patient/{id_}"), given=(given_name,), **known)  # type: ignore[arg-type]


def test_persons_are_the_same_in_whatever_order_their_records_come() -> None:
    number = (Identifier("http://hl7.org/fhir/sid/us-ssn", "123456789", "SS"),)
    everyone = [
        record("a", "1", identifiers=number),
        record("b", "2", identifiers=number),
        record("b", "3", "berta"),
        record("c", "4", "berta"),
    ]
    first = settled(everyone, WEIGHTS)
    assert [{o.reference for o in one.members} for one in first] == [
        {"Patient/1", "Patient/2"},
        {"Patient/3", "Patient/4"},
    ]
    for order in permutations(everyone):
        assert settled(order, WEIGHTS) == first


def test_nobody_is_two_persons_and_nobody_is_lost() -> None:
    everyone = [record(source, str(n)) for n, source in enumerate("aabbcc")]
    found = settled(everyone, WEIGHTS)
    members = [origin for person in found for origin in person.members]
    assert sorted(members) == sorted(one.origin for one in everyone)
    # Two records of one name in one source may be two people: each names those that it may be.
    assert all(
        any(link.grade is not MatchGrade.CERTAIN for link in person.links) for person in found
    )


def test_more_alike_records_than_can_be_told_apart_stay_apart() -> None:
    everyone = [record("a", str(n)) for n in range(people.MOST_ALIKE + 1)]
    found = settled(everyone, WEIGHTS)
    assert [len(person.members) for person in found] == [1] * len(everyone)
    assert all(person.links[-1].grade is MatchGrade.POSSIBLE for person in found)


def test_reasons_that_differ_in_their_values_count_as_one() -> None:
    one, other = "authoredOn '2026-13-01' is no date", "authoredOn 'gestern' is no date"
    assert pattern(one) == pattern(other)
    assert pattern("5.25 mg are 3 tablets") == pattern("7 mg are 12 tablets")
    assert pattern("has no dose") != pattern("has no date")


def test_hashes_tell_words_apart_by_their_borders() -> None:
    assert hashed("ab", "c") != hashed("a", "bc")
    assert hashed("a", "b") == hashed("a", "b")
