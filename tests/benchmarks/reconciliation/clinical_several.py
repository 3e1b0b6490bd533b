"""Patients with two to four faults of families E to H at once: is each still said, and how loudly?

    python -m tests.benchmarks.reconciliation.clinical_several [--patients N] [--held-out]

One fault of a group at most, so that no fault takes away what another one needs (a visit, a task, a
birth date). Left out are the types that any second drug could answer by bringing a test along:
baseline-missing, monitoring-overdue, scale-overdue. Faults do meet otherwise: two drugs can
interact, one missing team concerns every drug. A fault is said when a finding of its type is about
its drugs, alone or told together with others. What is said beyond that is true and has no label: it
is counted, and is part of the noise, which is what is measured here.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from service.model.finding import Bucket
from tests.benchmarks.reconciliation import clinical_run, concord
from tests.benchmarks.reconciliation.clinical_chart import ClinicalChart
from tests.benchmarks.reconciliation.clinical_generate import TYPES
from tests.benchmarks.reconciliation.clinical_injections import INJECTIONS
from tests.benchmarks.reconciliation.gold import Case, Gold, Said

GROUPS = (
    ("above-maximum", "age-risk", "pregnancy-lactation", "titration-too-fast"),
    ("lai-overdue", "lai-not-booked", "lai-no-show", "follow-up-missing", "no-show-high-risk"),
    ("never-filled", "start-too-high"),
    ("sub-therapeutic-stay", "scale-no-response"),
    ("drug-lab", "abnormal-unanswered"),
    ("adherence-gap", "early-refill", "dispensed-not-as-ordered", "clozapine-interrupted"),
    ("abrupt-discontinuation",),
    ("drug-condition", "allergy-conflict", "pharmacogenomic"),
    ("previously-ineffective", "against-preference", "reported-non-adherence"),
    ("care-team-gap", "plan-drift"),
    ("drug-interaction", "too-long"),
)
SEEN = (("lai-overdue", "lai-not-booked", "lai-no-show", "follow-up-missing", "no-show-high-risk"),
        ("never-filled", "start-too-high", "titration-too-fast", "sub-therapeutic-stay",
         "scale-no-response"))  # fmt: skip
"""A fault of the first kind is that nobody saw the patient; those of the second are begun lately
and come with the visits that a start asks for. They do not meet in one patient."""
FAULTS = (2, 3, 4)
DEVELOPMENT_SEED = 31
HELD_OUT_SEEDS = (9001, 9002, 9003)
"""For results only: nobody looks at their patients."""


def several_cases(patients: int, seed: int) -> list[Case]:
    """That many patients, two, three and four faults in turn."""
    return [_patient(seed, number) for number in range(patients)]


def _patient(seed: int, number: int) -> Case:
    """The first draw whose drugs fit together."""
    rng = random.Random(f"several {seed} {number}")
    while True:
        chart = ClinicalChart(f"s{seed}-{number:04d}", random.Random(rng.random()))
        chosen = _chosen(rng, FAULTS[number % len(FAULTS)])
        try:
            for type_ in chosen:
                INJECTIONS[type_](chart)
        except LookupError:
            continue
        chart.finish()
        chart.story += chosen
        return chart.case()


def _chosen(rng: random.Random, faults: int) -> list[str]:
    while True:
        found = [rng.choice(group) for group in rng.sample(GROUPS, faults)]
        if not all(any(type_ in kind for type_ in found) for kind in SEEN):
            return found


@dataclass
class Measured:
    """What became of the faults, and how much a reviewer is shown beside them."""

    said: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)
    noise: dict[int, list[int]] = field(default_factory=lambda: {n: [] for n in FAULTS})
    """Shown findings of moderate and high severity of each patient, by the number of faults."""
    errors: list[str] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(shown for patients in self.noise.values() for shown in patients)

    @property
    def recall(self) -> float:
        found = sum(self.said.values())
        return found / (found + sum(self.missed.values()))


def measure(made: Sequence[Case]) -> Measured:
    """Every patient once."""
    clinical_run.tables()
    found = Measured()
    for case in made:
        report = clinical_run.report(case)
        told = [one for one in concord.said(report) if one.type in TYPES]
        used: set[int] = set()
        for label in case.gold:
            answers = [n for n, one in enumerate(told) if _tells(one, label)]
            used.update(answers)
            if label.required and label.types[0] in TYPES:
                (found.said if answers else found.missed)[label.types[0]] += 1
                if not answers:
                    found.errors.append(f"{case.name} missed {label.types[0]} {case.story}")
        for number, one in enumerate(told):
            if number not in used:
                found.beside[one.type] += 1
                found.errors.append(f"{case.name} beside {one.type} {sorted(one.ingredients)}")
        shown = [
            one
            for one in report.findings
            if one.bucket is Bucket.SHOWN and one.severity in clinical_run.GRAVE
        ]
        found.noise[len(case.story)].append(len(shown))
    return found


def _tells(one: Said, label: Gold) -> bool:
    """Whether the finding is of the label's type and about its drugs, alone or with others."""
    if one.type not in label.types:
        return False
    if label.loose:
        return not one.ingredients or bool(one.ingredients & label.ingredients)
    return label.ingredients <= one.ingredients


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.reconciliation.clinical_several"
    )
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--seed", type=int, default=DEVELOPMENT_SEED)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--misses", action="store_true", help="what was missed or said beside")
    chosen = parser.parse_args(arguments)
    seeds = HELD_OUT_SEEDS if chosen.held_out else (chosen.seed,)
    made = [case for seed in seeds for case in several_cases(chosen.patients, seed)]
    found = measure(made)
    due = sum(found.said.values()) + sum(found.missed.values())
    print(f"{len(made)} patients, seeds {', '.join(map(str, seeds))}")
    print(f"faults said: {sum(found.said.values())} of {due} ({found.recall:.3f})")
    for type_, missed in sorted(found.missed.items()):
        print(f"  {type_}: {missed} of {missed + found.said[type_]} missed")
    for faults, shown in found.noise.items():
        print(
            f"{faults} faults: moderate and high findings shown, median {median(shown):g}, "
            f"most {max(shown)}"
        )
    print(f"all: median {found.median:g}")
    print(f"said beside the faults: {sum(found.beside.values())}")
    for type_, count in found.beside.most_common():
        print(f"  {type_}: {count}")
    if chosen.misses and not chosen.held_out:
        print("\n".join(found.errors))
    return 0


if __name__ == "__main__":
    sys.exit(main())
