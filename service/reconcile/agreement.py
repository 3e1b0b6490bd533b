"""Families A and B: where the sources that hold a medication agree, and in what they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import combinations

from service.model.concept import AdministrationClass
from service.model.finding import Bucket, Finding, Severity
from service.model.medication import PlacedLine
from service.reconcile.dose import Dose, comparable, dose_ratio, same_amounts
from service.reconcile.holding import Holding
from service.reconcile.policy import Raise
from service.reconcile.severity import decimal_doubt
from service.reconcile.statement import (
    fact,
    finding,
    instruction_facts,
    joined,
    product_facts,
)
from service.reconcile.therapy import (
    Setting,
    Therapy,
    distinct,
    form_of,
    product_of,
    route_of,
)

_UNSPECIFIC_ROUTES = frozenset({"parenteral", "oromucosal"})
_SOLID = "solid"
_FORM_GROUPS = {"tablet": _SOLID, "capsule": _SOLID}


def differences(therapy: Therapy, setting: Setting) -> list[Finding]:
    """Family B between the sources that hold the medication now: one finding per type."""
    held = therapy.compared
    if len(held) < 2:
        return []
    found = [
        _dose(therapy, held, setting),
        _frequency(therapy, held, setting),
        _route(therapy, held, setting),
        _form(therapy, held, setting),
        _as_needed(therapy, held, setting),
    ]
    return [one for one in found if one is not None]


def agreements(therapy: Therapy, setting: Setting) -> list[Finding]:
    """Family A, for a medication in which no difference stands."""
    held = therapy.compared
    if len(held) < 2:
        return []
    lines = _base(held)
    names = joined(h.source for h in held)
    if doubt := _unproven(therapy, held):
        return [
            finding(
                setting,
                "confirmed-match",
                [therapy],
                title=f"{therapy.name}: agreement not proven",
                message=f"{names} hold {therapy.name}; "
                f"whether the doses agree cannot be told: {doubt}.",
                sources=[h.source for h in held],
                evidence=[*product_facts(lines), *instruction_facts(lines)],
                bucket=Bucket.NOT_EVALUABLE,
                reason=doubt,
            )
        ]
    if salts := salt_variant(therapy, setting):
        return salts
    type_, title, message = _kind_of_agreement(therapy, held, lines, names)
    return [
        finding(
            setting,
            type_,
            [therapy],
            title=title,
            message=message,
            sources=[h.source for h in held],
            evidence=[*product_facts(lines), *instruction_facts(lines)],
        )
    ]


def salt_variant(therapy: Therapy, setting: Setting) -> list[Finding]:
    """A3: other salts of one moiety in the same daily dose; true beside a difference of form."""
    held = therapy.compared
    salts = _differing(held, _salts)
    if not salts or _unproven(therapy, held):
        return []
    lines = _base(held)
    said = joined(f"{h.source} has {', '.join(_salts(h))}" for h in salts)
    return [
        finding(
            setting,
            "salt-or-moiety-variant",
            [therapy],
            title=f"{therapy.name}: different salts",
            message=f"{said}; the moiety and the daily dose are the same.",
            sources=[h.source for h in held],
            evidence=[*product_facts(lines), *instruction_facts(lines)],
        )
    ]


def _unproven(therapy: Therapy, held: Sequence[Holding]) -> str:
    """Why the doses cannot be called equal, in words; empty where they can."""
    if silent := [h.source for h in held if not h.dose.known]:
        return f"no daily dose is stated or could be read in {joined(silent)}"
    if not all(_same_basis(therapy, held[0].dose, h.dose) for h in held[1:]):
        said = joined(f"{h.source} has {h.dose.words()}" for h in held)
        return f"they are stated in ways that do not convert ({said})"
    return ""


def _kind_of_agreement(
    therapy: Therapy, held: Sequence[Holding], lines: Sequence[PlacedLine], names: str
) -> tuple[str, str, str]:
    dose = held[0].dose.words()
    products = _differing(held, _products)
    brands = distinct(d.brand for line in lines if (d := line.entry.resolution.drug))
    branded = brands and any(not (d := x.entry.resolution.drug) or not d.brand for x in lines)
    if products or branded or len(brands) > 1:
        return (
            "equivalent-product",
            f"{therapy.name}: equivalent products",
            f"{names} hold different products of {therapy.name} with the same daily dose, {dose}.",
        )
    return (
        "confirmed-match",
        f"{therapy.name}: the sources agree",
        f"{names} agree on {therapy.name}, {dose}.",
    )


def _dose(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    stated = [h for h in held if h.dose.known and not h.as_needed]
    tolerance = setting.policy.thresholds.dose_tolerance
    if len({tuple(h.dose.amounts.items()) for h in stated}) == 1:
        return None
    worst, differing = Decimal(1), False
    for left, right in combinations(stated, 2):
        pairs = [
            (one, other)
            for one in left.alternatives
            for other in right.alternatives
            if _same_basis(therapy, one, other)
        ]
        if not pairs or any(same_amounts(one, other, tolerance) for one, other in pairs):
            continue
        differing = True
        worst = max(worst, *(dose_ratio(one, other) or Decimal(1) for one, other in pairs))
    if not differing:
        return None
    thresholds = setting.policy.thresholds
    doubt = decimal_doubt(worst, thresholds)
    said = joined(
        f"{h.source} {'has ' if index == 0 else ''}{h.dose.words()}"
        for index, h in enumerate(stated)
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
        evidence=instruction_facts(_base(stated)),
        raised=[Raise.RATIO] if worst >= thresholds.ratio_raise else [],
        severity=Severity.HIGH if doubt else None,
    )


def _same_basis(therapy: Therapy, one: Dose, other: Dose) -> bool:
    """Whether two doses can be compared: a depot without its interval states no amount per day."""
    depot = therapy.administration is AdministrationClass.DEPOT
    if depot and (one.interval_d is None) != (other.interval_d is None):
        return False
    return comparable(one, other)


def _frequency(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    timed = [h for h in held if h.dose.known and not h.as_needed and h.dose.per_day is not None]
    tolerance = setting.policy.thresholds.dose_tolerance
    differing = any(
        _times_differ(*left, *right) and same_amounts(left[0].dose, right[0].dose, tolerance)
        for left, right in combinations([(h, _moments(h)) for h in timed], 2)
    )
    if not differing:
        return None
    said = joined(f"{h.source} has {_timing(h)}" for h in timed)
    return finding(
        setting,
        "frequency-mismatch",
        [therapy],
        title=f"{therapy.name}: taken at different times",
        message=f"The daily dose is the same, {timed[0].dose.words()}, but {said}.",
        advice="Ask the patient how it is taken.",
        sources=[h.source for h in timed],
        evidence=instruction_facts(_base(timed)),
    )


def _times_differ(
    left: Holding, one: frozenset[str], right: Holding, other: frozenset[str]
) -> bool:
    """Whether two sources say other numbers of times, or other moments."""
    return left.dose.per_day != right.dose.per_day or bool(one and other and one != other)


def _moments(holding: Holding) -> frozenset[str]:
    """FHIR event codes and days of the week of all instructions; "nightly" is at bedtime."""
    return frozenset(
        "HS" if moment == "NIGHT" else moment
        for line in holding.base
        for dosage in line.entry.dosages
        if dosage.frequency
        for moment in (*dosage.frequency.when, *dosage.frequency.days)
    )


def _timing(holding: Holding) -> str:
    return ", ".join(distinct(line.entry.timing for line in holding.base)) or "another timing"


def _route(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    return _by_attribute(
        therapy,
        held,
        setting,
        "route-mismatch",
        _routes,
        title="the routes differ",
        path="route",
        advice="Ask by which route it is given.",
    )


def _form(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    return _by_attribute(
        therapy,
        held,
        setting,
        "form-mismatch",
        _forms,
        title="the forms differ",
        path="form",
        advice="Ask which form is meant; release forms are not interchangeable.",
        words=_form_words,
    )


def _by_attribute(
    therapy: Therapy,
    held: Sequence[Holding],
    setting: Setting,
    type_: str,
    attribute: Callable[[Holding], tuple[str, ...]],
    *,
    title: str,
    path: str,
    advice: str,
    words: Callable[[Holding], tuple[str, ...]] | None = None,
) -> Finding | None:
    """A finding where two sources state different values of one attribute, said in `words`."""
    differing = _differing(held, attribute)
    if not differing:
        return None
    words = words or attribute
    said = joined(f"{h.source} has {', '.join(words(h))}" for h in differing)
    return finding(
        setting,
        type_,
        [therapy],
        title=f"{therapy.name}: {title}",
        message=f"{said}.",
        advice=advice,
        sources=[h.source for h in differing],
        evidence=[
            *product_facts(_base(differing)),
            *(fact(line.entry, path, ", ".join(words(h))) for h in differing for line in h.base),
        ],
    )


def _differing(
    held: Sequence[Holding], attribute: Callable[[Holding], tuple[str, ...]]
) -> list[Holding]:
    """Holdings that state the attribute, when not all of them state the same; else none."""
    stated = [(h, value) for h in held if (value := attribute(h))]
    return [h for h, _ in stated] if len({value for _, value in stated}) > 1 else []


def _as_needed(therapy: Therapy, held: Sequence[Holding], setting: Setting) -> Finding | None:
    instructed = [h for h in held if any(line.entry.dosages for line in h.base)]
    if len({h.as_needed for h in instructed}) < 2:
        return None
    said = joined(
        f"{h.source} has it {'as needed' if h.as_needed else 'scheduled'}" for h in instructed
    )
    return finding(
        setting,
        "prn-versus-scheduled",
        [therapy],
        title=f"{therapy.name}: as needed or scheduled",
        message=f"{said}.",
        advice="Ask whether it is taken every day.",
        sources=[h.source for h in instructed],
        evidence=instruction_facts(_base(instructed)),
    )


def _routes(holding: Holding) -> tuple[str, ...]:
    """Routes that say where it goes: "parenteral" of a dose form fits any injection."""
    stated = distinct(route_of(line.entry) for line in holding.base)
    return () if any(route in _UNSPECIFIC_ROUTES for route in stated) else stated


def _forms(holding: Holding) -> tuple[str, ...]:
    """Release and form group: tablet or capsule are one group, ER and immediate release two.

    Nothing is said by what is no product and names no release ("Depakote tablet 250 mg" may be its
    delayed or its extended tablet).
    """
    forms = []
    for line in holding.base:
        form = form_of(line.entry)
        drug = line.entry.resolution.drug
        if form and drug is not None and drug.form and (drug.release or drug.dose_form):
            forms.append(" ".join(filter(None, (drug.release, _FORM_GROUPS.get(form, form)))))
    return distinct(forms)


def _form_words(holding: Holding) -> tuple[str, ...]:
    return distinct(
        f"{drug.release or 'immediate-release'} {form_of(line.entry)}"
        for line in holding.base
        if (drug := line.entry.resolution.drug)
    )


def _salts(holding: Holding) -> tuple[str, ...]:
    return distinct(
        precise.name
        for line in holding.base
        if (drug := line.entry.resolution.drug)
        for precise in drug.precise
    )


def _products(holding: Holding) -> tuple[str, ...]:
    return distinct(product_of(line.entry) for line in holding.base)


def _base(held: Iterable[Holding]) -> list[PlacedLine]:
    return [line for h in held for line in h.base]
