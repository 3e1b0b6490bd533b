"""Family B: in what the sources that hold a medication differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from service.model.concept import AdministrationClass
from service.model.finding import Finding, Severity
from service.model.medication import PlacedLine
from service.reconcile.dose import Dose, comparable, dose_ratio, same_amounts
from service.reconcile.holding import Holding
from service.reconcile.policy import Raise, Thresholds
from service.reconcile.said import Said
from service.reconcile.severity import decimal_doubt
from service.reconcile.statement import fact, finding, instruction_facts, product_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined

_ONE = Decimal(1)


def differences(therapy: Therapy, setting: Setting) -> list[Finding]:
    """What differs between the sources that hold the medication now: one finding per type.

    Sources that say the same words share what they say, and are compared no further.
    """
    held = therapy.compared
    if len(held) < 2 or (len(therapy.words) == 1 and not any(h.duplicates for h in held)):
        return []
    found = [
        _dose(therapy, held, setting),
        _frequency(therapy, held, setting),
        _by_attribute(therapy, _ROUTE, setting),
        _by_attribute(therapy, _FORM, setting),
        _as_needed(therapy, held, setting),
    ]
    return [one for one in found if one is not None]


def _dose(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    stated = [h for h in held if h.said.dose.amounts and not h.said.as_needed]
    if len(stated) < 2:
        return None
    first = stated[0].said.dose.amounts
    if all(h.said.dose.amounts == first for h in stated[1:]):
        return None
    thresholds = setting.policy.thresholds
    worst = _worst_ratio(therapy, stated, thresholds)
    if worst is None:
        return None
    doubt = decimal_doubt(worst, thresholds)
    said = joined(
        f"{h.source} {'has ' if index == 0 else ''}{h.dose.words}" for index, h in enumerate(stated)
    )
    return finding(
        setting,
        "dose-mismatch",
        [therapy],
        title=f"{therapy.name}: possible decimal point error in the dose"
        if doubt
        else f"{therapy.name}: the doses differ",
        message=f"{said}.",
        advice="Ask the prescriber and the patient which dose is taken.",
        sources=[h.source for h in stated],
        evidence=instruction_facts(base_lines(stated)),
        raised=[Raise.RATIO] if worst >= thresholds.ratio_raise else [],
        severity=Severity.HIGH if doubt else None,
    )


def _worst_ratio(
    therapy: Therapy, stated: Sequence[Holding], thresholds: Thresholds
) -> Decimal | None:
    """The greatest ratio between two sources that differ; None where no two of them do."""
    worst: Decimal | None = None
    for left, right in combinations(stated, 2):
        pairs = [
            (one, other)
            for one in left.alternatives
            for other in right.alternatives
            if same_basis(therapy, one, other)
        ]
        tolerance = thresholds.dose_tolerance
        if not pairs or any(same_amounts(one, other, tolerance) for one, other in pairs):
            continue
        ratios = [dose_ratio(one, other) or _ONE for one, other in pairs]
        worst = max(worst or _ONE, *ratios)
    return worst


def same_basis(therapy: Therapy, one: Dose, other: Dose) -> bool:
    """Whether two doses can be compared: a depot without its interval states no amount per day."""
    if (one.interval_d is None) != (other.interval_d is None) and (
        therapy.administration is AdministrationClass.DEPOT
    ):
        return False
    return comparable(one, other)


def _frequency(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    timed = [h for h in held if h.said.dose.amounts and not h.said.as_needed]
    timed = [h for h in timed if h.said.dose.per_day is not None]
    tolerance = setting.policy.thresholds.dose_tolerance
    differing = any(
        _times_differ(left, right) and same_amounts(left.dose, right.dose, tolerance)
        for left, right in combinations(dict.fromkeys(h.said for h in timed), 2)
    )
    if not differing:
        return None
    said = joined(f"{h.source} has {h.said.timing or 'another timing'}" for h in timed)
    return finding(
        setting,
        "frequency-mismatch",
        [therapy],
        title=f"{therapy.name}: taken at different times",
        message=f"The daily dose is the same, {timed[0].dose.words}, but {said}.",
        advice="Ask the patient how it is taken.",
        sources=[h.source for h in timed],
        evidence=instruction_facts(base_lines(timed)),
    )


def _times_differ(left: Said, right: Said) -> bool:
    """Whether two sources say other numbers of times, or other moments."""
    if left.dose.per_day != right.dose.per_day:
        return True
    return bool(left.moments and right.moments and left.moments != right.moments)


@dataclass(frozen=True, slots=True)
class _Attribute:
    """What sources may state differently of a product: what is compared, and what is shown."""

    type: str
    compared: Callable[[Said], tuple[str, ...]]
    shown: Callable[[Said], tuple[str, ...]]
    path: str
    title: str
    advice: str


_ROUTE = _Attribute(
    "route-mismatch",
    lambda said: said.sites,
    lambda said: said.sites,
    path="route",
    title="the routes differ",
    advice="Ask by which route it is given.",
)
_FORM = _Attribute(
    "form-mismatch",
    lambda said: said.releases,
    lambda said: said.release_words,
    path="form",
    title="the forms differ",
    advice="Ask which form is meant; release forms are not interchangeable.",
)


def _by_attribute(therapy: Therapy, attribute: _Attribute, setting: Setting) -> Finding | None:
    """What sources that state different values of one attribute say, in words."""
    differing = stating_otherwise(therapy, attribute.compared)
    if not differing:
        return None
    words = {h.source: ", ".join(attribute.shown(h.said)) for h in differing}
    said = joined(f"{source} has {shown}" for source, shown in words.items())
    return finding(
        setting,
        attribute.type,
        [therapy],
        title=f"{therapy.name}: {attribute.title}",
        message=f"{said}.",
        advice=attribute.advice,
        sources=words,
        evidence=[
            *product_facts(base_lines(differing)),
            *(fact(x.entry, attribute.path, words[h.source]) for h in differing for x in h.base),
        ],
    )


def stating_otherwise(
    therapy: Therapy, attribute: Callable[[Said], tuple[str, ...]]
) -> list[Holding]:
    """Holdings that state the attribute, when not all that are compared state the same."""
    stated = {value for said in therapy.words if (value := attribute(said))}
    return [h for h in therapy.compared if attribute(h.said)] if len(stated) > 1 else []


def _as_needed(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    instructed = [h for h in held if h.said.instructed]
    if len({(h.said.as_needed, h.said.also_as_needed) for h in instructed}) < 2:
        return None
    said = joined(f"{h.source} has it {_how_taken(h.said)}" for h in instructed)
    return finding(
        setting,
        "prn-versus-scheduled",
        [therapy],
        title=f"{therapy.name}: as needed or scheduled",
        message=f"{said}.",
        advice="Ask whether it is taken every day.",
        sources=[h.source for h in instructed],
        evidence=instruction_facts(base_lines(instructed)),
    )


def _how_taken(said: Said) -> str:
    if said.as_needed:
        return "as needed"
    return "scheduled, and more as needed" if said.also_as_needed else "scheduled"


def base_lines(held: Iterable[Holding]) -> list[PlacedLine]:
    """The lines that speak for the therapy, of all these sources."""
    return [line for h in held for line in h.base]
