"""Lines whose drug nobody recognised go where the greatest weight leads, not where the first does.

A link outweighs any number of equal texts; what is linked goes together; two best places are none.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from service.model.concept import RXNORM, Coding
from service.model.medication import MatchConfidence, MedicationEntry
from service.reconcile.group import group
from tests.reconcile.builders import (
    CLOZAPINE,
    LITHIUM,
    PHARMACY,
    PRIMARY_CARE,
    SERTRALINE,
    drug,
    line,
)

LINK, TEXT = 10_000, 1
KNOWN = [drug(SERTRALINE), drug(LITHIUM), drug(CLOZAPINE)]
TEXTS = ("", "blue pill", "white pill")


@st.composite
def charts(draw: st.DrawFn) -> list[MedicationEntry]:
    """Up to six orders of known drugs, and up to four unread lines linked to any of them."""
    orders = [
        line(
            PHARMACY, f"Known/{n}", draw(st.sampled_from(KNOWN)), text=draw(st.sampled_from(TEXTS))
        )
        for n in range(draw(st.integers(1, 6)))
    ]
    references = [one.origin.reference for one in orders]
    several = st.lists(st.sampled_from(references), max_size=3, unique=True)
    return orders + [
        line(
            PHARMACY,
            f"Unread/{n}",
            None,
            text=draw(st.sampled_from(TEXTS)),
            links=tuple(draw(several)),
        )
        for n in range(draw(st.integers(1, 4)))
    ]


def weight(one: MedicationEntry, medication: str, known: dict[str, MedicationEntry]) -> int:
    """What speaks for one unread line under one drug: its links to it, and equal texts."""
    named = [k for k in known.values() if k.ingredients[0].rxcui == medication]
    links = sum(k.origin.reference in one.links for k in named)
    return LINK * links + TEXT * bool(one.text and any(k.text == one.text for k in named))


@settings(max_examples=200)
@given(charts())
def test_a_linked_line_stands_where_no_other_choice_weighs_more(
    entries: list[MedicationEntry],
) -> None:
    known = {e.origin.reference: e for e in entries if e.ingredients}
    drugs = sorted({e.ingredients[0].rxcui for e in known.values()})
    placed = {
        entry.origin.reference: one.ingredients[0].rxcui if one.ingredients else ""
        for one in group(entries)
        for entry, _ in one.lines
    }
    bundles = bundled([e for e in entries if not e.ingredients])
    for bundle in bundles:
        if not any(e.links for e in bundle):
            continue
        total = {d: sum(weight(e, d, known) for e in bundle) for d in drugs}
        best = max(total.values())
        choices = [d for d in drugs if total[d] == best]
        expected = choices[0] if len(choices) == 1 else ""
        assert {placed[e.origin.reference] for e in bundle} == {expected}


def bundled(lines: list[MedicationEntry]) -> list[list[MedicationEntry]]:
    """Lines that name a same order, however far the chain."""
    reached: dict[str, set[str]] = defaultdict(set)
    for one, other in product(lines, lines):
        if one is other or set(one.links) & set(other.links):
            reached[one.origin.reference].add(other.origin.reference)
    changed = True
    while changed:
        changed = False
        for some in reached.values():
            more = set().union(*(reached[name] for name in some))
            changed = changed or not more <= some
            some.update(more)
    by_name = {one.origin.reference: one for one in lines}
    unique = {tuple(sorted(some)) for some in reached.values()}
    return [[by_name[name] for name in some] for some in unique]


def test_two_lines_of_one_text_each_stay_with_their_own_link() -> None:
    entries = [
        line(PHARMACY, "Order/1", KNOWN[0], text="sertraline"),
        line(PHARMACY, "Order/2", KNOWN[1], text="lithium"),
        line(PHARMACY, "Fill/1", None, text="see label", links=("Order/1",)),
        line(PHARMACY, "Fill/2", None, text="see label", links=("Order/2",)),
        line(PRIMARY_CARE, "Order/1", None, text="see label"),
    ]
    rows = [{f"{e.origin.source} {e.origin.reference}" for e, _ in g.lines} for g in group(entries)]
    assert {"pharmacy Order/1", "pharmacy Fill/1"} in rows
    assert {"pharmacy Order/2", "pharmacy Fill/2"} in rows
    assert {"primary-care Order/1"} in rows


def test_a_code_that_no_table_carries_leads_to_the_line_whose_words_name_the_drug() -> None:
    code = Coding(RXNORM, "999999")
    entries = [
        line(PHARMACY, "Order/1", KNOWN[0], codings=(code,)),
        line(PRIMARY_CARE, "Order/1", None, text="999999", codings=(code,)),
        line(PRIMARY_CARE, "Order/2", None, codings=(Coding(RXNORM, "", "no code"),)),
        line(PRIMARY_CARE, "Order/3", None, codings=(Coding("urn:local", "999999"),)),
    ]
    (row,) = [one for one in group(entries) if one.ingredients]
    told = {f"{e.origin.source} {e.origin.reference}": m for e, m in row.lines}
    assert told.keys() == {"pharmacy Order/1", "primary-care Order/1"}
    assert {match.confidence for match in told.values()} == {MatchConfidence.CONFIRM}


def test_a_code_that_leads_to_two_drugs_leads_to_none() -> None:
    code = Coding(RXNORM, "999999")
    entries = [
        line(PHARMACY, "Order/1", KNOWN[0], codings=(code,)),
        line(PHARMACY, "Order/2", KNOWN[1], codings=(code,)),
        line(PRIMARY_CARE, "Order/1", None, codings=(code,)),
    ]
    assert len(group(entries)) == 3
