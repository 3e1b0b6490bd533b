"""Whether one line says that its therapy runs on a given day.

Requests and statements speak by their status and their dates, dispenses and administrations only by
how long what was handed over lasts: a `completed` dispense is a finished hand-over, no stopped drug
(FHIR R4 MedicationDispense.status).
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

from service.model.concept import AdministrationClass
from service.model.medication import Kind, MedicationEntry, TherapyState
from service.reconcile.policy import Windows

_STOPPED = frozenset({"stopped", "cancelled", "completed", "not-taken", "ended"})
_PLANNED = frozenset({"draft", "intended"})
_PLANNED_INTENTS = frozenset({"proposal", "plan", "option"})
_NOT_SUPPLIED = frozenset({"cancelled", "declined", "stopped", "not-done", "entered-in-error"})
_BEING_SUPPLIED = frozenset({"preparation"})
_FAR_D = 36_500
_LAST = date.max.toordinal()


def therapy_state(
    entry: MedicationEntry, as_of: date, windows: Windows, interval_d: Decimal | None = None
) -> TherapyState:
    """The state of one line on `as_of` (inclusive).

    Args:
        entry: the line.
        windows: how long supply counts where the line does not say it, in days.
        interval_d: days that one administration of this therapy lasts, where another line of the
            same therapy says it; the line's own interval comes first.
    """
    if entry.kind is Kind.DISPENSE or entry.kind is Kind.ADMINISTRATION:
        return _supply_state(entry, as_of, windows, interval_d)
    if entry.taken == "not" or entry.status in _STOPPED:
        return TherapyState.STOPPED
    if entry.status == "on-hold":
        return TherapyState.HELD
    if entry.end is not None and entry.end < as_of:
        return TherapyState.STOPPED
    if entry.status in _PLANNED or entry.intent in _PLANNED_INTENTS:
        return TherapyState.PLANNED
    if entry.start is not None and entry.start > as_of:
        return TherapyState.PLANNED
    if entry.status == "active" or (entry.kind is Kind.REQUEST and entry.status == "unknown"):
        return TherapyState.CURRENT
    return TherapyState.UNKNOWN


def _supply_state(
    entry: MedicationEntry, as_of: date, windows: Windows, interval_d: Decimal | None
) -> TherapyState:
    if entry.status == "on-hold":
        return TherapyState.HELD
    if entry.status in _NOT_SUPPLIED:
        return TherapyState.UNKNOWN
    ends = supply_end(entry, windows, interval_d)
    if ends is None:
        planned = entry.status in _BEING_SUPPLIED
        return TherapyState.PLANNED if planned else TherapyState.UNKNOWN
    if _after(ends, windows.supply_tolerance) >= as_of:
        return TherapyState.CURRENT
    lapsed = (as_of - ends).days
    span = (ends - entry.supplied_on).days if entry.supplied_on else 0
    if lapsed > max(windows.stale, windows.stale_supply_factor * span):
        return TherapyState.STOPPED
    return TherapyState.UNKNOWN


def supply_end(
    entry: MedicationEntry, windows: Windows, interval_d: Decimal | None = None
) -> date | None:
    """The first day not covered by what was handed over or given; None where nothing was."""
    if entry.supplied_on is None or entry.status in _NOT_SUPPLIED:
        return None
    if entry.kind is Kind.DISPENSE:
        days = _days(entry.days_supply) or windows.supply_unknown
    else:
        days = _days(entry.interval_d) or _days(interval_d) or _single(entry, windows)
    return _after(entry.supplied_on, days)


def _after(day: date, days: int) -> date:
    """That many days later, at most the last day of the calendar."""
    return date.fromordinal(min(day.toordinal() + days, _LAST))


def _single(entry: MedicationEntry, windows: Windows) -> int:
    depot = entry.administration is AdministrationClass.DEPOT
    return windows.depot_interval if depot else windows.administration


@lru_cache(maxsize=1024)
def _days(value: Decimal | None) -> int | None:
    """Whole days, rounded up; None for what is not a positive number."""
    if value is None or not value.is_finite() or value <= 0:
        return None
    return int(min(value, Decimal(_FAR_D)).to_integral_value(ROUND_CEILING))
