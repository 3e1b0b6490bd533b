"""One therapeutic class for each ingredient, by which a list can be ordered.

Of the value sets that rules speak of only those that are classes of therapy count; where an
ingredient stands in several, the narrower one names it. Source of each: `classes/classes.csv`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from service.errors import MappingError
from service.mappings.value_sets import CLASSES, load_value_sets

THERAPEUTIC: Final = (
    "antipsychotic-first", "antipsychotic-second", "antipsychotic", "ssri", "snri", "tca", "maoi",
    "antidepressant", "mood-stabilizer", "benzodiazepine", "z-drug", "stimulant", "opioid",
    "ace-inhibitor", "arb", "thiazide", "loop-diuretic", "anticoagulant", "antiplatelet",
    "nsaid-systemic", "gastroprotection", "statin-3a4", "anticholinergic-antiparkinson",
    "hormonal-contraceptive", "penicillin", "sulfonamide-antibiotic", "triptan", "levodopa",
)  # fmt: skip


def load_drug_classes(folder: Path) -> dict[str, str]:
    """RxCUI of an ingredient -> title of its class; what is in none is missing.

    Raises: MappingError when a class is not declared.
    """
    sets = load_value_sets(folder).classes
    found: dict[str, str] = {}
    for name in THERAPEUTIC:
        if f"classes/{name}" not in sets:
            raise MappingError(CLASSES, f"classes/{name}", "must be there")
        for rxcui in sets[f"classes/{name}"].rxcuis:
            found.setdefault(rxcui, sets[f"classes/{name}"].title)
    return found
