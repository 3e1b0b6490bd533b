"""How grave a finding is: the type's default, one step up where the policy says so.

Narrow-index drugs, a dose ratio of two or more, age and kidney function raise one step together,
never several (Beers 2023 and FDA labels name the drugs; the steps are ours). A ratio that looks
like a slipped decimal point is high in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from service.model.finding import Severity
from service.model.record import SourceRecord
from service.reconcile.policy import FindingKind, Policy, Raise, Thresholds


def graded(kind: FindingKind, present: Iterable[Raise]) -> Severity:
    """The default severity, one step graver when anything that raises this type is present."""
    raised = kind.raised_by.intersection(present)
    return kind.severity.raised() if raised else kind.severity


def decimal_doubt(ratio: Decimal | None, thresholds: Thresholds) -> bool:
    """Whether two doses are as far apart as a slipped decimal point puts them."""
    return ratio is not None and thresholds.decimal_low <= ratio <= thresholds.decimal_high


def patient_risks(records: Sequence[SourceRecord], policy: Policy, as_of: date) -> frozenset[Raise]:
    """What the patient brings: age below or above the thresholds, a low filtration rate."""
    risks = set()
    born = {p.birth_date for r in records for p in r.patients if p.birth_date is not None}
    for birth in born:
        age = as_of.year - birth.year - ((as_of.month, as_of.day) < (birth.month, birth.day))
        if age >= policy.thresholds.age_old or age < policy.thresholds.age_young:
            risks.add(Raise.AGE)
    newest: tuple[date, Decimal] | None = None
    for record in records:
        for result in record.results:
            if result.value is None or result.effective is None or result.effective > as_of:
                continue
            if any(coding.code in policy.egfr_codes for coding in result.codings):
                measured = (result.effective, -result.value.value)
                newest = measured if newest is None else max(newest, measured)
    if newest is not None and -newest[1] < policy.thresholds.egfr_low:
        risks.add(Raise.KIDNEY)
    return frozenset(risks)
