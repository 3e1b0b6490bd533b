"""What to consider for one medication, with the reason in words; never a silent choice.

Where the sources agree the proposal is what they say. Where they differ it is a question, unless
the newest order and the newest supply say the same and what contradicts them is older than that
supply: then their dose is proposed, and the reason says on what it rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

from service.model.dosage import DailyDose
from service.model.finding import Bucket, Finding, Severity
from service.model.medication import (
    Action,
    Agreement,
    Change,
    Kind,
    MedicationEntry,
    PlacedLine,
    Proposal,
    TherapyState,
)
from service.model.signed import SignedMedication
from service.reconcile.compare import DIFFERENT, disagrees
from service.reconcile.dose import dose_of, same_amounts
from service.reconcile.holding import Holding, is_order
from service.reconcile.said import form_group
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined

_ASK_TYPES = ("unresolvable-drug", "code-text-conflict", "text-structure-conflict")
_SIX = Context(prec=6, rounding=ROUND_HALF_EVEN)
_SHOWN = Bucket.SHOWN
_CURRENT, _HELD, _STOPPED = TherapyState.CURRENT, TherapyState.HELD, TherapyState.STOPPED
_PLANNED, _UNKNOWN = TherapyState.PLANNED, TherapyState.UNKNOWN
_CONFLICT = TherapyState.CONFLICT
_CONFLICTS = frozenset({"stopped-versus-active", "held-versus-active"})
_DOSE_OPEN = frozenset({"dose-mismatch", "prn-versus-scheduled", "duplicate-same-drug"})
_OPEN = DIFFERENT | {"duplicate-same-drug", "stale-entry"}
_TAKEN = frozenset({_CURRENT, _CONFLICT})
_EQUIVALENT = frozenset({"equivalent-product", "salt-or-moiety-variant"})


def overall_state(therapy: Therapy, found: Sequence[Finding]) -> TherapyState:
    """The state of a medication over its sources; `conflict` where C3 or C4 stands."""
    for one in found:
        if one.type in _CONFLICTS and one.bucket is _SHOWN:
            return _CONFLICT
    if therapy.current:
        return _CURRENT
    states = {h.state for h in therapy.holdings}
    for state in (_HELD, _PLANNED, _UNKNOWN):
        if state in states:
            return state
    return _STOPPED


def agreement(therapy: Therapy, found: Sequence[Finding]) -> Agreement:
    """How the sources agree, from the findings that stand."""
    if any(disagrees(f) for f in found):
        return Agreement.DIFFERENT
    held = therapy.compared or therapy.holdings
    if len(held) < 2:
        return Agreement.SINGLE_SOURCE
    for one in found:
        unproven = one.type == "confirmed-match" and one.bucket is Bucket.NOT_EVALUABLE
        if one.type in _EQUIVALENT or unproven:
            return Agreement.EQUIVALENT
    return Agreement.IDENTICAL


def agreed_doses(
    therapy: Therapy, state: TherapyState, found: Sequence[Finding]
) -> tuple[DailyDose, ...]:
    """The daily doses that every stating source agrees on; none with a conflict."""
    if state is _CONFLICT or any(f.type in _DOSE_OPEN for f in found):
        return ()
    for held in therapy.compared or therapy.holdings:
        if held.said.dose.amounts and held.state is not _STOPPED:
            return held.said.dose.said
    return ()


def propose(
    therapy: Therapy, state: TherapyState, found: Sequence[Finding], setting: Setting
) -> Proposal:
    """The proposal for one medication from its state and findings."""
    shown = [f for f in found if f.bucket is _SHOWN]
    types = {f.type for f in shown}
    name, who = therapy.name, grounds(therapy)
    if unclear := [f for f in shown if f.type in _ASK_TYPES]:
        return Proposal(Action.ASK, unclear[0].advice, unclear[0].message)
    if state is not _CURRENT:
        return _not_running(name, state, who)
    if "dose-mismatch" in types:
        return _dose_proposal(therapy, shown, setting)
    if types & _OPEN:
        first = min((f for f in shown if f.severity is not Severity.NONE), key=_gravest)
        return Proposal(Action.ASK, first.advice, f"{first.message} {who}")
    dose = next((h.said.dose for h in therapy.current if h.said.dose.amounts), None)
    amount = f" {dose.words}" if dose else ""
    missing = [f for f in shown if f.type.startswith("omission")]
    if missing:
        places = joined(sorted({source for f in missing for source in f.sources}))
        return Proposal(Action.ADD, f"Add {name}{amount} to the list of {places}.", who)
    if "addition" in types:
        return Proposal(Action.ASK, f"Ask whether {name} is taken, and who prescribed it.", who)
    return Proposal(Action.CONTINUE, f"Continue {name}{amount}.", who)


def _not_running(name: str, state: TherapyState, who: str) -> Proposal:
    match state:
        case TherapyState.CONFLICT:
            return Proposal(Action.ASK, f"Ask whether {name} is still taken.", who)
        case TherapyState.HELD:
            return Proposal(Action.HOLD, f"Keep {name} on hold.", who)
        case TherapyState.PLANNED:
            return Proposal(Action.CONTINUE, f"Continue {name} as planned.", who)
        case TherapyState.UNKNOWN:
            return Proposal(Action.ASK, f"Ask whether {name} is taken.", who)
        case _:
            reason = f"No source has it as current. {who}"
            return Proposal(Action.STOP, f"Leave {name} off the list.", reason)


def _gravest(finding: Finding) -> tuple[int, str, str]:
    return finding.severity.rank, finding.type, finding.id


def _dose_proposal(therapy: Therapy, shown: Sequence[Finding], setting: Setting) -> Proposal:
    """One dose where prescriber, newest order and supply point to it; a question otherwise."""
    mismatch = next(f for f in shown if f.type == "dose-mismatch")
    question = f"Ask which dose of {therapy.name} is taken."
    reason = f"{mismatch.message} {grounds(therapy)}"
    tolerance = setting.policy.thresholds.dose_tolerance
    stated = [h for h in therapy.compared if h.dose.known]
    prescribing = [h for h in stated if any(is_order(line.entry) for line in h.base)]
    newest = max((h.authored for h in prescribing if h.authored), default=None)
    supplied = _newest_supply(therapy)
    leading = [h for h in prescribing if h.authored == newest and newest is not None]
    decided = (
        len(leading) == 1
        and supplied is not None
        and same_amounts(leading[0].dose, dose_of([supplied]), tolerance)
        and not any(
            (h.authored or date.max) > (supplied.supplied_on or date.min)
            for h in stated
            if h.authored and not same_amounts(h.dose, leading[0].dose, tolerance)
        )
        and len({f.type for f in shown if disagrees(f)}) == 1
        and "decimal point" not in mismatch.title
    )
    if not decided:
        return Proposal(Action.ASK, question, reason)
    dose = leading[0].dose
    others = joined(h.source for h in stated if not same_amounts(h.dose, dose, tolerance))
    return Proposal(Action.CHANGE, f"Change {therapy.name} to {dose.words} in {others}.", reason)


def _newest_supply(therapy: Therapy) -> MedicationEntry | None:
    """The newest hand-over that states a daily dose and is not long past."""
    supplied = [
        line
        for line in therapy.lines
        if line.entry.kind is Kind.DISPENSE
        and line.entry.supplied_on
        and line.entry.daily_doses
        and line.state is not TherapyState.STOPPED
    ]
    newest = max(supplied, key=_supplied_order, default=None)
    return newest.entry if newest else None


def _supplied_order(line: PlacedLine) -> tuple[date, str, str]:
    origin = line.entry.origin
    return line.entry.supplied_on or date.min, origin.source, origin.reference


def grounds(therapy: Therapy) -> str:
    """Who prescribes it, what is newest, what was supplied, and what older order of another dose
    still stands open: one sentence."""
    held = therapy.current or therapy.holdings
    parts = [part for h in held if (part := _prescribed(h))]
    dated = [(h.authored, h.source) for h in held if h.authored is not None]
    if len({day for day, _ in dated}) > 1:
        day, source = max(dated)
        parts.append(f"the newest entry is {source}'s of {day.isoformat()}")
    if last := therapy.last_supplied:
        by = max([h.source for h in therapy.holdings if h.last_supplied == last])
        parts.append(f"last supplied on {last.isoformat()} (seen in {by})")
    parts += [part for h in therapy.current if h.superseded and (part := _still_open(h))]
    if not parts:
        parts.append(f"seen in {joined(h.source for h in held)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _still_open(holding: Holding) -> str:
    """The doses of older orders that are not that of the newest, and are not closed."""
    orders = [line.entry for line in holding.superseded if is_order(line.entry)]
    doses = (dose_of([entry]) for entry in orders)
    other = {dose.words for dose in doses if dose.amounts and dose.amounts != holding.dose.amounts}
    if not other:
        return ""
    return f"{holding.source} still has an older order of {joined(sorted(other))} open"


def _prescribed(holding: Holding) -> str:
    ordered, by = False, ""
    for line in holding.base:
        if is_order(line.entry):
            ordered, by = True, by or line.entry.requester
    if not ordered:
        return "" if holding.ordered else f"{holding.source} reports it"
    return f"{holding.source} prescribes it ({by})" if by else f"{holding.source} prescribes it"


def change(now: SignedMedication, before: SignedMedication | None) -> Change:
    """What moved since the last signed list, on which it stood as `before`: state, dose, route, or
    a form that people take otherwise."""
    taken = now.state in _TAKEN
    was_taken = before is not None and before.state in _TAKEN
    if taken and not was_taken:
        return Change.STARTED
    if was_taken and now.state is TherapyState.STOPPED:
        return Change.STOPPED
    if before is None or (
        before.state is now.state
        and _same(before.daily_doses, now.daily_doses)
        and not _differ(before.route, now.route)
        and not _differ(form_group(before.form), form_group(now.form))
    ):
        return Change.UNCHANGED
    return Change.CHANGED


def _differ(before: str, now: str) -> bool:
    """Whether both are known, and are not the same."""
    return bool(before and now) and before != now


def _same(one: Sequence[DailyDose], other: Sequence[DailyDose]) -> bool:
    return {_shown(dose) for dose in one} == {_shown(dose) for dose in other}


def _shown(dose: DailyDose) -> tuple[str, str, Decimal | None, Decimal | None]:
    """A dose to the six digits that reports and signed lists show."""
    value, most = (None if v is None else _SIX.plus(v) for v in (dose.value, dose.max))
    return dose.rxcui, dose.unit, value, most
