"""mappings/education.csv and the value sets of activities and scales -> Planning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from service.assess.plan_items import Planning, Taught
from service.assess.time_line import Told
from service.errors import MappingError
from service.mappings.value_sets import load_value_sets, rows

T = TypeVar("T")
EDUCATION = "education.csv"
ACTIVITIES = "activities/"
SCALES = ("labs/phq9", "labs/gad7")
SIDE_EFFECTS = "conditions/side-effect"
SIDE_EFFECT_SCALES = "conditions/names-side-effect-scale"
PREFERENCES = "labs/treatment-preference"


def load_planning(folder: Path) -> Planning:
    """What the plan speaks of beside pills.

    Raises: MappingError for a class or test that is not declared, a text without a source.
    """
    sets = load_value_sets(folder)
    taught = []
    for number, (drug, text, source) in rows(folder, EDUCATION, "class", "text", "source"):
        if not text or not source:
            raise MappingError(EDUCATION, f"row {number}", "a text with its source")
        taught.append(Taught(_declared(sets.classes, drug, EDUCATION), text, source))
    return Planning(
        activities=tuple(
            (id.removeprefix(ACTIVITIES), found)
            for id, found in sorted(sets.code_sets.items())
            if id.startswith(ACTIVITIES)
        ),
        told=Told(
            scales=tuple(_declared(sets.labs, id, "labs/labs.csv") for id in SCALES),
            side_effects=_declared(sets.code_sets, SIDE_EFFECTS, "conditions/conditions.csv"),
            side_effect_scales=_declared(
                sets.code_sets, SIDE_EFFECT_SCALES, "conditions/conditions.csv"
            ),
        ),
        preferences=_declared(sets.labs, PREFERENCES, "labs/labs.csv"),
        taught=tuple(taught),
    )


def _declared(known: Mapping[str, T], id: str, file: str) -> T:
    if id not in known:
        raise MappingError(file, id, "the name of a declared value set")
    return known[id]
