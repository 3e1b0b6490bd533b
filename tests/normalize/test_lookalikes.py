"""Names that look alike are never taken for each other, nor for anything between them."""

from __future__ import annotations

import csv
import gzip
import os
import random
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from service.mappings.rxnorm_words import other_words
from service.mappings.sourcing import UNVERIFIED, unverified
from service.model.concept import DrugConcept, ResolvedBy, TermType
from service.model.record import SourceRecord
from service.normalize.drug import resolve
from service.normalize.drug_rows import folded
from service.normalize.drug_spelling import distance, spelled
from tests.normalize.drug_tables import MAPPINGS, drug_table
from tests.normalize.given import record, request

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
REFERENCE = os.environ.get("CONCORD_REFERENCE_DATA", "")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CLOSE = 3
OURS = "Concord (2026)"
OF_PSYCHIATRY = (
    *[("amitriptyline", "nortriptyline"), ("desipramine", "imipramine"), ("celexa", "zyprexa")],
    *[("desvenlafaxine", "venlafaxine"), ("fluoxetine", "fluvoxamine"), ("effexor", "enablex")],
    *[("flavoxate", "fluvoxamine"), ("fluphenazine", "fluvoxamine"), ("zocor", "zoloft")],
    *[("dexmethylphenidate", "methylphenidate"), ("methadone", "metolazone")],
    *[("dextroamphetamine", "lisdexamfetamine"), ("clonazepam", "klonopin")],
    *[("iloperidone", "paliperidone"), ("iloperidone", "risperidone"), ("lexapro", "loxapine")],
    *[("paliperidone", "risperidone"), ("nefazodone", "trazodone"), ("proscar", "prozac")],
    *[("nizatidine", "tizanidine"), ("tiagabine", "tizanidine"), ("zaleplon", "zolpidem")],
    *[("thioridazine", "thiothixene"), ("serzone", "sinequan"), ("tegretol", "trental")],
)
"""Names of psychiatry that look alike and stand in no list here: both in use, or far apart."""


def by_text(text: str) -> DrugConcept | None:
    return resolve((), text, drug_table()).drug


def listed() -> list[tuple[str, str]]:
    """Every pair of lookalikes.toml of which the table knows both names."""
    table = drug_table()
    pairs = {tuple(sorted(pair)) for pair in table.lookalikes}
    known = [
        (a, b) for a, b in pairs if table.by_ingredient_name(a) and table.by_ingredient_name(b)
    ]
    return sorted(known)


def in_scope() -> list[str]:
    """Single-word names of the ingredients in scope."""
    lines = (MAPPINGS / "rxnorm" / "scope.tsv").read_text(encoding="utf-8").splitlines()[1:]
    names = {folded(line.split("\t")[1]) for line in lines}
    return sorted(name for name in names if name.isalpha() and len(name) >= 6)


def alike() -> list[tuple[str, str]]:
    """Pairs of names in scope that are within three letters of each other."""
    return [
        (one, other)
        for one, other in combinations(in_scope(), 2)
        if distance(one, other, CLOSE) <= CLOSE
    ]


def meant(name: str) -> set[frozenset[str]]:
    concepts = drug_table().by_ingredient_name(name)
    return {frozenset(i.rxcui for i in concept.ingredients) for concept in concepts}


PAIRS = sorted({*listed(), *alike(), *OF_PSYCHIATRY})


def test_the_matrix_has_several_hundred_pairs() -> None:
    assert len(listed()) >= 80
    assert len(PAIRS) >= 300


@pytest.mark.parametrize("written", ["{} 10 mg", "{} tablet", "{} hcl 25mg tab", "{}"])
def test_each_of_two_names_is_read_as_itself(written: str) -> None:
    for pair in PAIRS:
        for name in pair:
            found = by_text(written.format(name.upper()))
            assert found is not None, name
            assert frozenset(i.rxcui for i in found.ingredients) in meant(name), name


def test_two_lines_of_two_names_have_no_ingredient_in_common() -> None:
    names = sorted({name for pair in PAIRS for name in pair})
    lines = [
        request(id=f"r{n}", medicationCodeableConcept={"text": f"{name} 10 mg"})
        for n, name in enumerate(names)
    ]
    found: SourceRecord = record(*lines)
    read = {
        name: {i.rxcui for i in entry.ingredients}
        for name, entry in zip(names, sorted(found.entries, key=number), strict=True)
    }
    for one, other in PAIRS:
        if meant(one) & meant(other):
            continue  # two brands of one drug
        together = read[one] & read[other]
        shared = {i for s in meant(one) for i in s} & {i for s in meant(other) for i in s}
        assert together <= shared, (one, other)


def number(entry: object) -> int:
    return int(entry.origin.reference.rpartition("r")[2])  # type: ignore[attr-defined]


def slips(name: str) -> Iterator[str]:
    """Every word that one wrong, missing, added or swapped letter makes of a name."""
    for place in range(len(name) + 1):
        before, after = name[:place], name[place:]
        yield from (before + letter + after for letter in LETTERS)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in LETTERS)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


def test_a_slip_of_one_name_is_never_read_as_the_other() -> None:
    """Every slip of every name of a pair (a seeded slice of them; all under full scale), read once
    for all names that it may be mistaken for."""
    table = drug_table()
    rng = random.Random(20261122)
    mistaken = defaultdict[str, list[set[frozenset[str]]]](list)
    for one, other in PAIRS if FULL else PAIRS[::3]:
        if not meant(one) & meant(other):
            mistaken[one].append(meant(other))
            mistaken[other].append(meant(one))
    tried = 0
    for name, others in mistaken.items():
        every = sorted(set(slips(name)))
        for slip in every if FULL else rng.sample(every, len(others)):
            if slip in table.names:
                continue
            tried += 1
            found = by_text(f"{slip} 10 mg")
            if found is not None:
                read = frozenset(i.rxcui for i in found.ingredients)
                assert not any(read in other for other in others), slip
    assert tried > 100


def test_a_word_halfway_between_two_names_is_left_to_a_person() -> None:
    """Words one letter from both names of a pair: there is no right reading."""
    between = []
    for one, other in PAIRS if FULL else PAIRS[::4]:
        if meant(one) & meant(other) or distance(one, other, 2) > 2:
            continue
        for slip in set(slips(one)) - drug_table().names.keys():
            if len(slip) >= 6 and distance(slip, other, 1) == 1:
                between.append(slip)
                assert by_text(f"{slip} 10 mg") is None, (slip, one, other)
    assert len(between) >= 10


def test_names_in_use_or_far_apart_are_kept_apart_by_computation_and_need_no_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A list of all of them changes no slip's reading (a seeded slice; all under full scale)."""
    table = drug_table()
    pairs = [*OF_PSYCHIATRY, *(alike() if FULL else alike()[::6])]
    names = sorted({name for pair in pairs for name in pair})
    rng = random.Random(20261122)
    tried = {}
    for name in names:
        every = sorted(set(slips(name)))
        tried.update(dict.fromkeys(every if FULL else rng.sample(every, 4), name))
    readings = []
    for listed_pairs in ((), (*pairs, *((other, one) for one, other in pairs))):
        monkeypatch.setattr(table, "lookalikes", frozenset(listed_pairs))
        spelled.cache_clear()
        readings.append({slip: spelled(slip, table) for slip in tried})
    spelled.cache_clear()
    unlisted, listing = readings
    assert unlisted == listing
    assert sum(unlisted[slip] == name for slip, name in tried.items()) > 100


def test_a_pair_of_our_own_choice_is_close_and_one_of_its_names_is_a_brand_out_of_use() -> None:
    table = drug_table()
    entries = tomllib.loads((MAPPINGS / "lookalikes.toml").read_text(encoding="utf-8"))["pair"]
    ours = [entry["names"] for entry in entries if entry["source"].startswith(OURS)]
    assert ours
    for one, other in ours:
        assert distance(one, other, CLOSE) <= CLOSE
        old = [
            name
            for name in (one, other)
            if all(
                concept.tty is TermType.BN and not table.is_current(concept.rxcui)
                for concept in table.by_ingredient_name(name)
            )
        ]
        assert len(old) == 1, (one, other)


def test_every_pair_says_where_it_was_found_and_check_mappings_counts_the_others() -> None:
    entries = tomllib.loads((MAPPINGS / "lookalikes.toml").read_text(encoding="utf-8"))["pair"]
    pairs = [tuple(sorted(entry["names"])) for entry in entries]
    assert len(pairs) == len(set(pairs))
    doubtful = [entry for entry in entries if entry["source"].startswith(UNVERIFIED)]
    assert len(entries) - len(doubtful) >= 50
    assert unverified(MAPPINGS).get("lookalikes.toml", 0) == len(doubtful)
    for entry in entries:
        year = any(str(one) in entry["source"] for one in range(1998, 2027))
        joint = entry["source"].startswith("Joint Commission")
        assert year or joint or entry["source"] == UNVERIFIED, entry


def test_a_real_drug_that_the_table_does_not_carry_is_no_misspelling_of_one_it_does() -> None:
    for text in ("insulin, protamine zinc, beef", "Dettol", "butobarbital 100 mg", "Leukine"):
        found = resolve((), text, drug_table())
        assert found.by is not ResolvedBy.SPELLING, text
        assert found.drug is None, text
    regular = by_text("Regular insulin 100 units/mL")
    assert regular is not None
    assert regular.ingredients[0].name == "insulin, regular, human"


@pytest.mark.skipif(not REFERENCE, reason="CONCORD_REFERENCE_DATA is not set")
def test_no_name_of_the_whole_of_rxnorm_is_read_by_its_spelling() -> None:
    file = Path(REFERENCE) / "rxnorm" / "rxnorm_concepts.tsv.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = {row["name"] for row in rows if row["tty"] in {"IN", "PIN", "BN"}}
    table = drug_table()
    slice_ = sorted(names) if FULL else sorted(names)[::8]
    unknown = [name for name in slice_ if not table.by_ingredient_name(folded(name))]
    assert len(unknown) > (5000 if FULL else 600)
    misread = [name for name in unknown if resolve((), name, table).by is ResolvedBy.SPELLING]
    assert misread == []
    assert set(other_words(slice_, table)) <= set(table.other_words)


def test_brands_and_ingredients_of_one_name_stay_what_they_are() -> None:
    for pair in listed():
        for name in pair:
            kinds = {concept.tty for concept in drug_table().by_ingredient_name(name)}
            assert kinds <= {TermType.IN, TermType.PIN, TermType.MIN, TermType.BN}
