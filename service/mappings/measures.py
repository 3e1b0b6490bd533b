"""Which measurements a reviewer sees first, from the laboratory value sets."""

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
    titles = {lab: title for _, (lab, title, _unit) in rows(folder, LABS, "lab", "title", "unit")}
    codes: dict[str, set[str]] = {lab: set() for lab in FIRST_SEEN}
    for _, (lab, code, _name) in rows(folder, LAB_CODES, "lab", "code", "name"):
        if lab in codes:
            codes[lab].add(code)
    for lab in FIRST_SEEN:
        if lab not in titles or not codes[lab]:
            raise MappingError(LABS, lab, "must be there with at least one LOINC code")
    return tuple(Measure(titles[lab], frozenset(codes[lab])) for lab in FIRST_SEEN)
