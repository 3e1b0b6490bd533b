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

_ENDED = frozenset({"stopped", "cancelled", "completed", "not-taken", "ended"})
_INTENDED = frozenset({"draft", "intended"})
_PLANNED_INTENTS = frozenset({"proposal", "plan", "option"})
_NOT_SUPPLIED = frozenset({"cancelled", "declined", "stopped", "not-done", "entered-in-error"})
_BEING_SUPPLIED = frozenset({"preparation"})
_FAR_D = 36_500
_LAST = date.max.toordinal()
_REQUEST, _DISPENSE, _ADMINISTRATION = Kind.REQUEST, Kind.DISPENSE, Kind.ADMINISTRATION
_DEPOT = AdministrationClass.DEPOT
_CURRENT, _HELD, _STOPPED = TherapyState.CURRENT, TherapyState.HELD, TherapyState.STOPPED
_PLANNED, _UNKNOWN = TherapyState.PLANNED, TherapyState.UNKNOWN


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
    kind, status = entry.kind, entry.status
    if kind is _DISPENSE or kind is _ADMINISTRATION:
        return _supply_state(entry, as_of, windows, interval_d)
    if entry.taken == "not" or status in _ENDED:
        return _STOPPED
    if status == "on-hold":
        return _HELD
    if entry.end is not None and entry.end < as_of:
        return _STOPPED
    if status in _INTENDED or entry.intent in _PLANNED_INTENTS:
        return _PLANNED
    if entry.start is not None and entry.start > as_of:
        return _PLANNED
    if status == "active" or (kind is _REQUEST and status == "unknown"):
        return _CURRENT
    return _UNKNOWN


def _supply_state(
    entry: MedicationEntry, as_of: date, windows: Windows, interval_d: Decimal | None
) -> TherapyState:
    if entry.status == "on-hold":
        return _HELD
    if entry.status in _NOT_SUPPLIED:
        return _UNKNOWN
    if entry.supplied_on is None:
        return _PLANNED if entry.status in _BEING_SUPPLIED else _UNKNOWN
    begun, today = entry.supplied_on.toordinal(), as_of.toordinal()
    ends = min(begun + _lasts_d(entry, windows, interval_d), _LAST)
    lapsed = today - ends
    if lapsed <= windows.supply_tolerance:
        return _CURRENT
    if lapsed > max(windows.stale, windows.stale_supply_factor * (ends - begun)):
        return _STOPPED
    return _UNKNOWN


def supply_end(
    entry: MedicationEntry, windows: Windows, interval_d: Decimal | None = None
) -> date | None:
    """The first day not covered by what was handed over or given; None where nothing was."""
    if entry.supplied_on is None or entry.status in _NOT_SUPPLIED:
        return None
    ends = entry.supplied_on.toordinal() + _lasts_d(entry, windows, interval_d)
    return date.fromordinal(min(ends, _LAST))


def _lasts_d(entry: MedicationEntry, windows: Windows, interval_d: Decimal | None) -> int:
    """Days that what was handed over or given lasts."""
    if entry.kind is _DISPENSE:
        return _days(entry.days_supply) or windows.supply_unknown
    return _days(entry.interval_d) or _days(interval_d) or _single(entry, windows)


def _single(entry: MedicationEntry, windows: Windows) -> int:
    depot = entry.administration is _DEPOT
    return windows.depot_interval if depot else windows.administration


@lru_cache(maxsize=1024)
def _days(value: Decimal | None) -> int | None:
    """Whole days, rounded up; None for what is not a positive number."""
    if value is None or not value.is_finite() or value <= 0:
        return None
    return int(min(value, Decimal(_FAR_D)).to_integral_value(ROUND_CEILING))
