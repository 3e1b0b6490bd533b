"""Patients of families E to H from a seed: one injection each, or one distractor."""

from __future__ import annotations

import hashlib
import random

from tests.benchmarks.reconciliation.clinical_chart import ClinicalChart
from tests.benchmarks.reconciliation.clinical_distractors import DISTRACTORS
from tests.benchmarks.reconciliation.clinical_injections import INJECTIONS
from tests.benchmarks.reconciliation.frozen import digest
from tests.benchmarks.reconciliation.gold import Case

TYPES = tuple(INJECTIONS)
"""Families E to H of the catalogue of findings."""

DEVELOPMENT_SEEDS = (21, 22, 23)
HELD_OUT_SEEDS = (8001, 8002, 8003)
"""For results only: nobody looks at their patients."""

CLEAN_SHARE = 0.3
FROZEN_PATIENTS, FROZEN_SEED = 150, 21
FROZEN_DIGEST = "02a49467048718ecfb190f2bb1e4b19da1f4462a10b0d2c51ad86d64a1ae8383"


def clinical_cases(patients: int, seed: int) -> list[Case]:
    """That many patients; three in ten are clean, the others take the types in turn."""
    clean = round(patients * CLEAN_SHARE)
    looks_like, due = list(DISTRACTORS), list(INJECTIONS)
    found = []
    for number in range(patients):
        rng = random.Random(f"clinical {seed} {number}")
        chart = ClinicalChart(f"c{seed}-{number:04d}", rng)
        if number < clean:
            name = looks_like[number % len(looks_like)]
            DISTRACTORS[name](chart)
        else:
            name = due[number % len(due)]
            INJECTIONS[name](chart)
        chart.finish()
        chart.story.append(name)
        found.append(chart.case())
    return found


def frozen_digest() -> str:
    """A hash of the development patients with their labels."""
    made = clinical_cases(FROZEN_PATIENTS, FROZEN_SEED)
    return hashlib.sha256(digest(made).encode()).hexdigest()
