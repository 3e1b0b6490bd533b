"""Patients from a seed: the same seed gives the same patients, byte for byte."""

from __future__ import annotations

import random

from tests.benchmarks.reconciliation.chart import Chart
from tests.benchmarks.reconciliation.distractors import DISTRACTORS
from tests.benchmarks.reconciliation.gold import Case
from tests.benchmarks.reconciliation.injections import FAMILY_AB, Injection
from tests.benchmarks.reconciliation.injections_cd import FAMILY_CD, WHOLE_RECORD

DEVELOPMENT_SEEDS = (11, 12, 13)
"""For looking at single patients and misses."""

HELD_OUT_SEEDS = (7001, 7002, 7003)
"""For results only: nobody looks at their patients."""

CLEAN_SHARE = 0.3
INJECTIONS = {**FAMILY_AB, **FAMILY_CD}


def cases(patients: int, seed: int) -> list[Case]:
    """That many patients; about three in ten have distractors only."""
    order = random.Random(f"order {seed}")
    clean = round(patients * CLEAN_SHARE)
    names = [name for _ in range(patients) for name in order.sample([*INJECTIONS], len(INJECTIONS))]
    whole = [*WHOLE_RECORD]
    found = []
    for number in range(patients):
        rng = random.Random(f"patient {seed} {number}")
        if number < clean:
            todo: list[str] = []
        elif number % 12 == 0:
            todo = [whole[number // 12 % len(whole)]]
        else:
            todo = [names.pop() for _ in range(rng.choice((1, 2, 2, 3)))]
        found.append(patient(f"{seed}-{number:04d}", rng, todo))
    return found


def patient(name: str, rng: random.Random, injected: list[str]) -> Case:
    """One patient with these injections, some distractors and a few plain therapies."""
    chart = Chart(name, rng)
    for one in injected:
        _try(chart, one, (INJECTIONS | WHOLE_RECORD)[one])
    for one in rng.sample([*DISTRACTORS], rng.randint(1, 3)):
        if "identity-doubt" not in injected or one in ("renewal", "early refill", "as needed"):
            _try(chart, one, DISTRACTORS[one])
    for _ in range(rng.randint(1, 3)):
        chart.everywhere()
    return chart.case()


def _try(chart: Chart, name: str, add: Injection) -> None:
    """Add it; what no drug is left for is left out (nothing was written yet)."""
    try:
        add(chart)
    except LookupError:
        return
    chart.story.append(name)
