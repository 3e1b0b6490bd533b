"""What holds for any lists: order does not matter, nothing is lost, time grows with the lines.

`CONCORD_TEST_SCALE=full` tries twenty times as many lists.
"""

import os
import time
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from service.model.concept import AdministrationClass, Ingredient
from service.model.finding import Finding
from service.model.medication import Change, Kind, MedicationEntry, ReconciledEntry
from service.model.record import Reconciliation, SourceRecord
from service.model.signed import SignedList, SignedMedication
from service.model.source import State
from tests.reconcile.builders import (
    CLOZAPINE,
    LITHIUM,
    PATIENT,
    PHARMACY,
    PRIMARY_CARE,
    PSYCHIATRY,
    QUETIAPINE,
    SERTRALINE,
    TODAY,
    VENLAFAXINE,
    bare,
    drug,
    instruction,
    line,
    reconciled,
    record,
)

SCALE = 20 if os.environ.get("CONCORD_TEST_SCALE") == "full" else 1
SOURCES = (PSYCHIATRY, PRIMARY_CARE, PHARMACY, PATIENT)
DRUGS = (
    drug(SERTRALINE, strength="50"),
    drug(SERTRALINE, strength="100", brand="Zoloft"),
    drug(LITHIUM, strength="300", release="ER"),
    drug(CLOZAPINE),
    drug(QUETIAPINE),
    drug(
        QUETIAPINE,
        form="injection",
        route="intramuscular",
        administration=AdministrationClass.DEPOT,
    ),
    bare(QUETIAPINE),
    None,
)


@st.composite
def entries(draw: st.DrawFn, source: str, number: int) -> MedicationEntry:
    kind = draw(st.sampled_from(Kind))
    concept = draw(st.sampled_from(DRUGS))
    supply = kind in (Kind.DISPENSE, Kind.ADMINISTRATION)
    days_ago = draw(st.integers(0, 500))
    return line(
        source,
        f"Resource/{number}",
        concept,
        kind=kind,
        text=concept.name if concept else draw(st.sampled_from(["", "blue pill", "Vitamin  X"])),
        dose=draw(st.sampled_from([None, "50", "100", "500"])),
        status="completed"
        if supply
        else draw(st.sampled_from(["active", "stopped", "on-hold", "completed", "unknown"])),
        prn=draw(st.booleans()),
        dosage=draw(st.sampled_from([instruction(), instruction("2"), instruction(when=("HS",))])),
        authored=TODAY - timedelta(days=days_ago),
        supplied_on=TODAY - timedelta(days=days_ago) if supply else None,
        days_supply=draw(st.sampled_from([None, Decimal(30), Decimal(90)])) if supply else None,
        requester=draw(st.sampled_from(["", "Ada Braun", "Dr. Carl Diaz"])),
        dispenser=draw(st.sampled_from(["", "Corner Pharmacy", "Main Pharmacy"])),
        links=draw(st.sampled_from([(), (f"Resource/{number - 1}",)])),
        identifiers=draw(st.sampled_from([(), ("urn:rx|1",)])),
        end=draw(st.sampled_from([None, TODAY - timedelta(days=3)])),
    )


@st.composite
def charts(draw: st.DrawFn) -> list[SourceRecord]:
    chosen = draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=4, unique=True))
    return [
        record(
            source,
            *(draw(entries(source, n)) for n in range(draw(st.integers(0, 5)))),
            state=draw(st.sampled_from([State.COMPLETE, State.COMPLETE, State.PARTIAL])),
        )
        for source in chosen
    ]


def shuffled(records: list[SourceRecord], random: object) -> list[SourceRecord]:
    mixed = []
    for one in records:
        lines = list(one.entries)
        random.shuffle(lines)
        mixed.append(SourceRecord(read=one.read, entries=tuple(lines)))
    random.shuffle(mixed)
    return mixed


@settings(max_examples=150 * SCALE)
@given(charts(), st.randoms(use_true_random=False))
def test_the_order_of_sources_and_lines_changes_nothing(
    records: list[SourceRecord], random: object
) -> None:
    assert reconciled(*records) == reconciled(*shuffled(records, random))


@settings(max_examples=100 * SCALE)
@given(charts())
def test_every_line_stands_under_exactly_one_medication(records: list[SourceRecord]) -> None:
    result = reconciled(*records)
    placed = [x.entry.origin for m in result.medications for x in m.lines]
    given_lines = [e.origin for r in records for e in r.entries]
    assert sorted(placed, key=str) == sorted(given_lines, key=str)
    assert len({m.id for m in result.medications}) == len(result.medications)
    assert len({f.id for f in result.findings}) == len(result.findings)


@settings(max_examples=100 * SCALE)
@given(charts())
def test_findings_name_only_medications_and_sources_of_the_report(
    records: list[SourceRecord],
) -> None:
    result = reconciled(*records)
    medications = {m.id for m in result.medications}
    sources = {r.read.name for r in records}
    for finding in result.findings:
        assert set(finding.medications) <= medications
        assert set(finding.sources) <= sources
        assert finding.message
        assert finding.evidence
        assert bool(finding.reason) is (finding.bucket.value != "shown")


@settings(max_examples=60 * SCALE)
@given(charts())
def test_a_type_speaks_once_for_a_medication_and_bucket(records: list[SourceRecord]) -> None:
    result = reconciled(*records)
    spoken = [(f.type, f.medications, f.sources, f.bucket) for f in result.findings]
    assert len(spoken) == len(set(spoken))


@settings(max_examples=60 * SCALE)
@given(charts())
def test_a_source_that_is_not_complete_is_never_said_to_lack_a_drug(
    records: list[SourceRecord],
) -> None:
    result = reconciled(*records)
    incomplete = {r.read.name for r in records if r.read.state is not State.COMPLETE}
    for finding in result.findings:
        if finding.type.startswith("omission") and finding.bucket.value == "shown":
            assert not incomplete & set(finding.sources)


@settings(max_examples=80 * SCALE)
@given(charts())
def test_a_list_that_was_signed_as_it_stands_has_not_moved(records: list[SourceRecord]) -> None:
    """Reconciling again what was just signed says the same, and that nothing changed."""
    first = reconciled(*records)
    signed = SignedList(
        TODAY, tuple(SignedMedication(m.id, m.state, m.daily_doses) for m in first.medications)
    )
    again = reconciled(*records, previous=signed)
    assert {m.change for m in again.medications} <= {Change.UNCHANGED}
    assert [structs.replace(m, change=None) for m in again.medications] == list(first.medications)
    assert again.findings == first.findings


@settings(max_examples=80 * SCALE)
@given(charts(), st.integers(0, 3))
def test_another_drug_on_a_list_changes_nothing_that_is_said_of_the_rest(
    records: list[SourceRecord], place: int
) -> None:
    """More lines say more, never other things: what is told of a drug rests on its own lines."""
    chosen = records[place % len(records)]
    source = chosen.read.name
    added = line(source, "Added/1", drug(VENLAFAXINE), requester="Eve Novak")
    more = [
        SourceRecord(read=one.read, entries=(*one.entries, added)) if one is chosen else one
        for one in records
    ]
    before, after = reconciled(*records), reconciled(*more)
    assert set(before.medications) == {m for m in after.medications if added not in entries_of(m)}
    about = {m.id for m in after.medications if added in entries_of(m)}
    assert of_one_drug(before) == {f for f in of_one_drug(after) if not about & set(f.medications)}


def entries_of(medication: ReconciledEntry) -> list[MedicationEntry]:
    return [line.entry for line in medication.lines]


def of_one_drug(result: Reconciliation) -> set[Finding]:
    """Findings but the one that lists all drugs without a reason."""
    return {f for f in result.findings if not f.title.endswith("without a stated reason")}


def test_swapping_the_names_of_two_equal_sources_swaps_them_in_the_finding() -> None:
    low, high = drug(SERTRALINE), drug(SERTRALINE, strength="100")
    for left, right in permutations(("a", "b")):
        result = reconciled(
            record(left, line(left, "MedicationRequest/1", low, dose="50")),
            record(right, line(right, "MedicationRequest/1", high, dose="100")),
        )
        (finding,) = [f for f in result.findings if f.type == "dose-mismatch"]
        said = {f.source: f.reference for f in finding.evidence}
        assert said.keys() == {"a", "b"}


def crowd(drugs: int) -> list[SourceRecord]:
    names = ("a", "b", "c", "d", "e")
    return [
        record(
            name,
            *(
                line(
                    name,
                    f"MedicationRequest/{n}",
                    drug(Ingredient(str(n), f"drug {n:05}")),
                    authored=date(2026, 1, 1 + n % 28),
                )
                for n in range(drugs)
            ),
        )
        for name in names
    ]


def seconds(records: list[SourceRecord]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        result: Reconciliation = reconciled(*records)
        best = min(best, time.process_time() - start)
    assert sum(len(m.lines) for m in result.medications) == sum(len(r.entries) for r in records)
    return best


def test_ten_times_the_lines_cost_about_ten_times_the_time() -> None:
    few, many = seconds(crowd(40)), seconds(crowd(400))
    assert many <= few * 40  # a hundred times, were it quadratic


def test_many_lines_of_one_drug_stay_linear() -> None:
    def pile(lines: int) -> list[SourceRecord]:
        return [
            record(name, *(line(name, f"R/{n}", drug(SERTRALINE)) for n in range(lines)))
            for name in ("a", "b", "c")
        ]

    few, many = seconds(pile(100)), seconds(pile(1000))
    assert many <= few * 40  # a hundred times, were it quadratic


def test_an_order_of_another_person_each_does_not_compare_everybody_with_everybody() -> None:
    """Names of which nothing but a title and an initial is left say no two people apart."""
    tablet = drug(SERTRALINE)
    lines = [
        line(
            PSYCHIATRY,
            f"MedicationRequest/{number}",
            tablet,
            authored=TODAY - timedelta(days=number),
            requester=f"Dr N{number}",
        )
        for number in range(2_000)
    ]
    start = time.process_time()
    result = reconciled(record(PSYCHIATRY, *lines))
    assert time.process_time() - start < 2
    assert sum(len(one.lines) for one in result.medications) == len(lines)
