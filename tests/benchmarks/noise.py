"""How many findings a reviewer is shown, and whether anything that must be said is missing.

    python -m tests.benchmarks.noise [--all]

For every golden patient: shown findings of severity high or moderate (the budget: a median of four
or fewer), what was folded or suppressed, what could not be evaluated, and how many of the findings
that a careful pharmacist would demand are shown (recall).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from service.app import reconcile_once
from service.model.finding import Bucket, Finding, Severity
from service.report.document import document
from tests.patients.golden import AS_OF, GoldenPatient, patients
from tests.patients.test_golden import answers, shown

BUDGET = 4
LOUD = (Severity.HIGH, Severity.MODERATE)


@dataclass(frozen=True)
class Noise:
    """One patient: counts of findings by what becomes of them."""

    patient: str
    loud: int
    quiet: int
    suppressed: int
    not_evaluable: int
    demanded: int
    missed: int


def noise(patient: GoldenPatient) -> Noise:
    report = reconcile_once(patient.sources, as_of=AS_OF)
    seen = shown(document(report))
    demanded = patient.expected.get("must", [])

    def count(bucket: Bucket) -> int:
        return sum(finding.bucket is bucket for finding in report.findings)

    loud = sum(_loud(finding) for finding in report.findings)
    return Noise(
        patient.name,
        loud,
        count(Bucket.SHOWN) - loud,
        count(Bucket.SUPPRESSED),
        count(Bucket.NOT_EVALUABLE),
        len(demanded),
        sum(not any(answers(finding, must) for finding in seen) for must in demanded),
    )


def _loud(finding: Finding) -> bool:
    return finding.bucket is Bucket.SHOWN and finding.severity in LOUD


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.noise")
    parser.add_argument("--all", action="store_true", help="a line for every patient")
    chosen = parser.parse_args(arguments)
    measured = [noise(patient) for patient in patients()]
    if chosen.all:
        print(f"{'patient':40}{'loud':>6}{'low':>6}{'suppressed':>12}{'open':>6}{'missed':>8}")
        for row in measured:
            print(
                f"{row.patient:40}{row.loud:>6}{row.quiet:>6}{row.suppressed:>12}"
                f"{row.not_evaluable:>6}{row.missed:>8}"
            )
    middle = median(row.loud for row in measured)
    demanded = sum(row.demanded for row in measured)
    missed = sum(row.missed for row in measured)
    print(f"golden patients                              {len(measured)}")
    print(f"shown high or moderate findings, median      {middle:g} (budget {BUDGET})")
    print(f"                                 most        {max(row.loud for row in measured)}")
    print(f"demanded findings that are shown             {demanded - missed} of {demanded}")
    return 0 if middle <= BUDGET and missed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
