"""mappings/classes, labs and conditions -> the named sets that rules speak of.

They are CSV, because they are read on every start: `members.csv` names a drug by RxCUI and name, or
another class ("classes/ssri") that it takes in whole.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.errors import MappingError

CLASSES, MEMBERS = "classes/classes.csv", "classes/members.csv"
WASHOUT = "classes/washout.csv"
LABS, LAB_CODES, LAB_UNITS = "labs/labs.csv", "labs/codes.csv", "labs/units.csv"
CONDITIONS, CONDITION_CODES = "conditions/conditions.csv", "conditions/codes.csv"
SYSTEMS = {
    "snomed": "http://snomed.info/sct",
    "icd-10-cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "loinc": "http://loinc.org",
    "loinc-answer": "http://loinc.org",
    "act": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "interpretation": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
}


@dataclass(frozen=True, slots=True)
class ValueSets:
    """Every named set by its name in rule files, and each drug's own washout in days."""

    classes: dict[str, DrugClass]
    labs: dict[str, Laboratory]
    code_sets: dict[str, CodeSet]
    washout: dict[str, int]


def load_value_sets(folder: Path) -> ValueSets:
    """The value sets of a mappings folder.

    Raises: MappingError for a missing file or column, a set used before it is declared, a class
    that takes in itself, a number that is none.
    """
    return ValueSets(_classes(folder), _labs(folder), _code_sets(folder), _washout(folder))


def rows(folder: Path, name: str, *columns: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of a CSV whose header must be exactly these columns."""
    path = folder / name
    if not path.is_file():
        raise MappingError(name, "file", "must exist")
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        if next(reader, None) != list(columns):
            raise MappingError(name, "row 1", f"the header {','.join(columns)}")
        for cells in reader:
            if len(cells) != len(columns):
                raise MappingError(name, f"row {reader.line_num}", f"{len(columns)} cells")
            yield reader.line_num, cells


def _classes(folder: Path) -> dict[str, DrugClass]:
    titles: dict[str, str] = {}
    for number, (id, title, sources) in rows(folder, CLASSES, "class", "title", "sources"):
        if id in titles:
            raise MappingError(CLASSES, f"row {number}", f"{id} only once")
        if not sources:
            raise MappingError(CLASSES, f"row {number}", "a source for the class")
        titles[id] = title
    direct: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for number, (id, rxcui, name) in rows(folder, MEMBERS, "class", "rxcui", "name"):
        if id not in titles or (rxcui.startswith("classes/") and rxcui not in titles):
            raise MappingError(MEMBERS, f"row {number}", f"classes that {CLASSES} declares")
        direct[id].append((rxcui, name))
    whole: dict[str, dict[str, str]] = {}
    for id in titles:
        _gather(id, direct, whole, ())
    return {id: DrugClass(id, title, whole[id].items()) for id, title in titles.items()}


def _gather(
    id: str,
    direct: dict[str, list[tuple[str, str]]],
    whole: dict[str, dict[str, str]],
    above: tuple[str, ...],
) -> dict[str, str]:
    if id in above:
        raise MappingError(MEMBERS, id, "a class that does not take in itself")
    if id not in whole:
        members: dict[str, str] = {}
        for rxcui, name in direct[id]:
            if rxcui.startswith("classes/"):
                members |= _gather(rxcui, direct, whole, (*above, id))
            else:
                members[rxcui] = name
        whole[id] = members
    return whole[id]


def _labs(folder: Path) -> dict[str, Laboratory]:
    codes: dict[str, list[str]] = defaultdict(list)
    for _, (lab, code, _name) in rows(folder, LAB_CODES, "lab", "code", "name"):
        codes[lab].append(code)
    factors: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for number, (lab, unit, factor) in rows(folder, LAB_UNITS, "lab", "unit", "factor"):
        try:
            factors[lab][unit] = Decimal(factor)
        except InvalidOperation as error:
            raise MappingError(LAB_UNITS, f"row {number}", "a decimal factor") from error
    labs = {
        id: Laboratory(id, title, unit, codes[id], factors.get(id, {}))
        for _, (id, title, unit) in rows(folder, LABS, "lab", "title", "unit")
    }
    for name, used in ((LAB_CODES, codes), (LAB_UNITS, factors)):
        for id in used.keys() - labs.keys():
            raise MappingError(name, id, f"a test that {LABS} declares")
    return labs


def _code_sets(folder: Path) -> dict[str, CodeSet]:
    codes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    starts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    words: dict[str, list[str]] = defaultdict(list)
    columns = ("set", "system", "code", "name")
    for number, (id, system, code, name) in rows(folder, CONDITION_CODES, *columns):
        if system == "word":
            words[id].append(name.lower())
        elif system not in SYSTEMS:
            expected = f"one of {', '.join(sorted(SYSTEMS))} or word"
            raise MappingError(CONDITION_CODES, f"row {number}", expected)
        elif code.endswith("*"):
            starts[id].append((SYSTEMS[system], code[:-1]))
        else:
            codes[id].append((SYSTEMS[system], code))
    sets = {
        id: CodeSet(id, title, codes[id], starts[id], words[id])
        for _, (id, title) in rows(folder, CONDITIONS, "set", "title")
    }
    for id in (codes.keys() | starts.keys() | words.keys()) - sets.keys():
        raise MappingError(CONDITION_CODES, id, f"a set that {CONDITIONS} declares")
    return sets


def _washout(folder: Path) -> dict[str, int]:
    days: dict[str, int] = {}
    columns = ("rxcui", "name", "days", "source")
    for number, (rxcui, _name, length, source) in rows(folder, WASHOUT, *columns):
        if not length.isdecimal() or not source:
            raise MappingError(WASHOUT, f"row {number}", "whole days and a source")
        days[rxcui] = int(length)
    return days
