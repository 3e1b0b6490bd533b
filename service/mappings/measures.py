"""Which measurements a reviewer sees first and follows over time, from the value sets."""

from __future__ import annotations

from pathlib import Path

from service.errors import MappingError
from service.mappings.value_sets import LAB_CODES, LABS, rows
from service.model.record import Measure

FIRST_SEEN = ("labs/weight", "labs/egfr", "labs/qtc", "labs/pregnancy-status")


def load_measures(folder: Path) -> tuple[Measure, ...]:
    """Weight, kidney function, QTc and pregnancy status, each with all its LOINC codes.

    Raises: MappingError when one of them is no value set.
    """
    titles, codes = _labs(folder)
    for lab in FIRST_SEEN:
        if lab not in titles or not codes.get(lab):
            raise MappingError(LABS, lab, "must be there with at least one LOINC code")
    return tuple(Measure(titles[lab], frozenset(codes[lab])) for lab in FIRST_SEEN)


def load_tracked(folder: Path) -> tuple[Measure, ...]:
    """Every laboratory value set as a measure, the narrowest first: a result goes by its name.

    Raises: MappingError when a value set cannot be read.
    """
    titles, codes = _labs(folder)
    found = [Measure(title, frozenset(codes[lab])) for lab, title in titles.items() if codes[lab]]
    return tuple(sorted(found, key=lambda measure: (len(measure.codes), measure.title)))


def _labs(folder: Path) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Title and LOINC codes of each laboratory value set."""
    titles = {lab: title for _, (lab, title, _unit) in rows(folder, LABS, "lab", "title", "unit")}
    codes: dict[str, set[str]] = {lab: set() for lab in titles}
    for _, (lab, code, _name) in rows(folder, LAB_CODES, "lab", "code", "name"):
        codes.setdefault(lab, set()).add(code)
    return titles, codes
