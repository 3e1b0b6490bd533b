"""Families C1 and C2: what one source holds and another, which should hold it, does not.

An absence is concluded only from a source whose medication types were read completely, and only
where the table of expected holders says that the source would list such a therapy. What cannot be
told is said as such, never left out. A drug that nobody recognised may stand elsewhere under its
name, so it is missed nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.model.concept import AdministrationClass
from service.model.finding import Bucket, Finding, Severity
from service.model.medication import TherapyState
from service.model.source import MEDICATION_TYPES, Role, SourceRead, State
from service.reconcile.depot import counterpart
from service.reconcile.expected import line_kind, not_expected
from service.reconcile.holding import Holding
from service.reconcile.policy import LineKind
from service.reconcile.statement import finding, product_facts, status_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined, verb

_PRESENT = frozenset({TherapyState.CURRENT, TherapyState.HELD, TherapyState.PLANNED})
_STOPPED = TherapyState.STOPPED
_OMISSIONS = (
    "omission-specialist-supplied",
    "omission-prescribed",
    "omission-self-medication",
)
_SPECIALIST_ROLES = frozenset({Role.PRIMARY_CARE, Role.PHARMACY})


class _Verdict(StrEnum):
    LACKS = "lacks"
    UNTOLD = "untold"
    NOT_EXPECTED = "not-expected"


_BUCKETS = {
    _Verdict.LACKS: Bucket.SHOWN,
    _Verdict.UNTOLD: Bucket.NOT_EVALUABLE,
    _Verdict.NOT_EXPECTED: Bucket.SUPPRESSED,
}


@dataclass(frozen=True, slots=True)
class _Gap:
    """A source that does not list the medication: what follows from it, and why, in words."""

    read: SourceRead
    verdict: _Verdict
    words: str


def absences(therapy: Therapy, setting: Setting) -> list[Finding]:
    """Omissions and additions of one medication: at most one finding per type and bucket."""
    current = therapy.current
    if not current or not therapy.ingredients:
        return []
    held = {holding.source: holding for holding in therapy.holdings}
    lacking = [
        (read, holding)
        for read in setting.reads
        if (holding := held.get(read.name)) is None or _restarted(holding, current)
    ]
    if not lacking:
        return []
    kind = line_kind(therapy, setting)
    gaps = [_gap(read, holding, kind, therapy, setting) for read, holding in lacking]
    alone = len(held) == 1
    reported = kind is not LineKind.SELF and not any(h.ordered for h in current)
    if alone and (reported or kind is LineKind.SHORT_COURSE):
        return _alone(therapy, gaps, setting)
    found = [
        _omission(therapy, type_, verdict, chosen, setting)
        for type_ in _OMISSIONS
        for verdict in _Verdict
        if (
            chosen := [
                gap
                for gap in gaps
                if gap.verdict is verdict and _type(therapy, kind, gap.read.role, setting) == type_
            ]
        )
    ]
    if alone and found and all(f.bucket is not Bucket.NOT_EVALUABLE for f in found):
        told = any(f.bucket is Bucket.SHOWN for f in found)
        reason = "told as an omission" if told else found[0].reason
        found.append(_addition(therapy, setting, Bucket.SUPPRESSED, reason))
    return found


def _gap(
    read: SourceRead,
    holding: Holding | None,
    kind: LineKind,
    therapy: Therapy,
    setting: Setting,
) -> _Gap:
    if reason := not_expected(read, kind, therapy, setting):
        return _Gap(read, _Verdict.NOT_EXPECTED, reason)
    state = read.state_of(*MEDICATION_TYPES)
    if state is not State.COMPLETE:
        return _Gap(read, _Verdict.UNTOLD, _why(read, state))
    if covered := _covered(read.name, therapy, setting):
        words = f"{read.name} holds the same ingredients as {covered}"
        return _Gap(read, _Verdict.NOT_EXPECTED, words)
    return _Gap(read, _Verdict.LACKS, _note(read.name, holding, setting))


def _restarted(holding: Holding, current: Sequence[Holding]) -> bool:
    """Whether a source only knows an earlier course: stopped there, newly begun elsewhere since."""
    if holding.state is not _STOPPED:
        return False
    last = max(
        (
            day
            for line in holding.lines
            for day in (line.entry.stopped_on, line.entry.end, line.entry.authored)
            if day is not None
        ),
        default=None,
    )
    begun = [h.authored for h in current]
    return last is not None and all(day is not None and day > last for day in begun)


def _why(read: SourceRead, state: State) -> str:
    reasons = [
        *read.reasons,
        *(r for c in read.certificates if c.type in MEDICATION_TYPES for r in c.reasons),
    ]
    return f"{read.name} is {state.value}" + (
        f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
    )


def _covered(source: str, therapy: Therapy, setting: Setting) -> str:
    """Names of other medications of the source that together are the same ingredients.

    A combination product against its parts, or a part against the combination.
    """
    other_form = counterpart(therapy, setting)
    if other_form is not None and any(h.source == source for h in other_form.current):
        return f"another form of {therapy.name} (told as a form-mismatch)"
    union: set[str] = set()
    names: list[str] = []
    others = {o.id: o for i in therapy.rxcuis for o in setting.by_ingredient[i]}
    for _, other in sorted(others.items()):
        if other.id == therapy.id or other.administration is not therapy.administration:
            continue
        holding = other.holding(source)
        if holding is not None and holding.state in _PRESENT:
            union |= other.rxcuis
            names.append(other.name)
    return joined(names) if therapy.rxcuis <= union else ""


def _note(source: str, holding: Holding | None, setting: Setting) -> str:
    """What softens an absence: an earlier course, or lines whose drug could not be read."""
    notes = []
    if holding is not None:
        notes.append("it knows an earlier, stopped course")
    unread = setting.unread.get(source, 0)
    if unread:
        notes.append(f"it holds {unread} {'line' if unread == 1 else 'lines'} without a known drug")
    return f" ({'; '.join(notes)})" if notes else ""


def _alone(therapy: Therapy, gaps: Sequence[_Gap], setting: Setting) -> list[Finding]:
    """C2: one source alone has it, and nobody ordered, supplied or reported it elsewhere."""
    if not gaps:
        return []
    states = [(gap.read, gap.read.state_of(*MEDICATION_TYPES)) for gap in gaps]
    if all(state is not State.COMPLETE for _, state in states):
        reason = "; ".join(_why(read, state) for read, state in states)
        return [_addition(therapy, setting, Bucket.NOT_EVALUABLE, reason)]
    return [_addition(therapy, setting, Bucket.SHOWN, "")]


def _addition(therapy: Therapy, setting: Setting, bucket: Bucket, reason: str) -> Finding:
    holding = therapy.current[0]
    return finding(
        setting,
        "addition",
        [therapy],
        title=f"{therapy.name}: in one list only",
        message=f"Only {holding.source} lists {therapy.name}; "
        "no order, supply or statement was seen elsewhere.",
        advice="Ask who prescribed it and whether it is taken.",
        sources=[holding.source],
        evidence=[*product_facts(holding.base), *status_facts(holding.base)],
        bucket=bucket,
        reason=reason,
    )


def _omission(
    therapy: Therapy, type_: str, verdict: _Verdict, gaps: Sequence[_Gap], setting: Setting
) -> Finding:
    holders = therapy.current
    names = joined(h.source for h in holders)
    lists = verb(holders, "lists", "list")
    does = verb(gaps, "does", "do")
    absent = joined(
        gap.read.name + (gap.words if verdict is _Verdict.LACKS else "") for gap in gaps
    )
    reason = "; ".join(gap.words for gap in gaps)
    match verdict:
        case _Verdict.LACKS:
            message = f"{names} {lists} {therapy.name} as current; {absent} {does} not."
            reason = ""
        case _Verdict.UNTOLD:
            lacks = verb(gaps, "lacks", "lack")
            message = f"Cannot tell whether {absent} {lacks} {therapy.name}: {reason}."
        case _Verdict.NOT_EXPECTED:
            message = f"{absent} {does} not list {therapy.name}, and need not: {reason}."
    return finding(
        setting,
        type_,
        [therapy],
        title=f"{therapy.name}: not in {joined(gap.read.name for gap in gaps)}",
        message=message,
        advice="Ask whether it is taken, and add it where it is missing.",
        sources=[gap.read.name for gap in gaps],
        evidence=[
            *product_facts(line for h in holders for line in h.base),
            *status_facts(line for h in holders for line in h.base),
        ],
        severity=_grave_self_medication(therapy, setting)
        if type_ == "omission-self-medication"
        else None,
        bucket=_BUCKETS[verdict],
        reason=reason,
    )


def _grave_self_medication(therapy: Therapy, setting: Setting) -> Severity | None:
    """Moderate for St. John's wort and alcohol, and for an NSAID beside lithium."""
    policy = setting.policy
    beside_lithium = therapy.rxcuis & policy.nsaids.keys() and setting.lithium
    if therapy.rxcuis & policy.grave_self_medication.keys() or beside_lithium:
        return Severity.MODERATE
    return None


def _type(therapy: Therapy, kind: LineKind, role: Role, setting: Setting) -> str:
    if kind is LineKind.SELF:
        return "omission-self-medication"
    special = therapy.administration is AdministrationClass.DEPOT or bool(
        therapy.rxcuis & setting.policy.specialist.keys()
    )
    if special and role in _SPECIALIST_ROLES:
        return "omission-specialist-supplied"
    return "omission-prescribed"
