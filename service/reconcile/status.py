"""Families C3, C4 and C6: stopped, held and superseded entries beside current ones."""

from __future__ import annotations

from datetime import date

from service.model.finding import Bucket, Finding
from service.model.medication import PlacedLine, TherapyState
from service.reconcile.holding import Holding, is_order, is_supply, stopped_on
from service.reconcile.policy import Raise
from service.reconcile.statement import fact, finding, status_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined, verb

_HELD, _STOPPED = TherapyState.HELD, TherapyState.STOPPED
_STOPPED_STATUS = frozenset({"stopped", "completed", "cancelled", "not-taken"})


def stopped_versus_active(therapy: Therapy, setting: Setting) -> Finding | None:
    """C3: one source stopped it after the day on which a line that is current elsewhere was made.

    A line made after the stop is a new start and no conflict. Where the stop carries no date and
    the current line is the younger of the two, the order of events cannot be told.
    """
    current = therapy.current
    if not current or len(current) == len(therapy.holdings):
        return None
    stops = {h.source: stop for h in therapy.holdings if h.state is _STOPPED and (stop := _stop(h))}
    if not stops:
        return None
    conflicting: dict[str, PlacedLine] = {}
    untold: dict[str, PlacedLine] = {}
    against: dict[str, Holding] = {}
    for holding in current:
        began = holding.authored
        for source, (line, when) in stops.items():
            if when is not None and began is not None and began > when:
                continue
            floor = line.entry.authored or line.entry.start
            if when is None and began is not None and floor is not None and began > floor:
                untold[source] = line
            else:
                conflicting[source] = line
            against[holding.source] = holding
    lines = conflicting or untold
    if not lines:
        return None
    holders = [against[source] for source in sorted(against)]
    said = joined(f"{source} {_how(line, stops[source][1])}" for source, line in lines.items())
    active = joined(h.source for h in holders)
    return finding(
        setting,
        "stopped-versus-active",
        [therapy],
        title=f"{therapy.name}: stopped in one list, current in another",
        message=f"{said}; {active} {verb(holders, 'has', 'have')} it as current.",
        advice="Ask whether it is still taken, and close the entry that is wrong.",
        sources=[*lines, *against],
        evidence=[
            *status_facts(lines.values()),
            *(
                fact(line.entry, "stopped", day.isoformat())
                for source, line in lines.items()
                if (day := stops[source][1])
            ),
            *status_facts(line for h in holders for line in h.base),
        ],
        bucket=Bucket.SHOWN if conflicting else Bucket.NOT_EVALUABLE,
        reason="" if conflicting else "the stop carries no date, so it may be older than the order",
    )


def _stop(holding: Holding) -> tuple[PlacedLine, date | None] | None:
    """The newest documented stop of a source; dispenses that ended are none."""
    stops = [
        (line, stopped_on(line.entry))
        for line in holding.lines
        if not is_supply(line.entry)
        and (line.entry.status in _STOPPED_STATUS or line.entry.taken == "not")
    ]
    return max(stops, key=_stop_order, default=None)


def _stop_order(stop: tuple[PlacedLine, date | None]) -> tuple[date, date, str]:
    line, when = stop
    entry = line.entry
    return when or date.min, entry.authored or date.min, entry.origin.reference


def _how(line: PlacedLine, when: date | None) -> str:
    entry = line.entry
    word = "not taken" if entry.taken == "not" else entry.status.replace("-", " ")
    day = f"on {when.isoformat()}" if when else "without a date"
    return f"has it {word} {day}"


def held_versus_active(therapy: Therapy, setting: Setting) -> Finding | None:
    """C4: on hold in one source, current in another."""
    current = therapy.current
    if not current or len(current) == len(therapy.holdings):
        return None
    held = [h for h in therapy.holdings if h.state is _HELD]
    if not held:
        return None
    paused, holders = joined(h.source for h in held), joined(h.source for h in current)
    return finding(
        setting,
        "held-versus-active",
        [therapy],
        title=f"{therapy.name}: on hold in one list, current in another",
        message=f"{paused} {verb(held, 'has', 'have')} {therapy.name} on hold, "
        f"{holders} as current.",
        advice="Ask whether the pause is over, and since when.",
        sources=[*(h.source for h in held), *(h.source for h in current)],
        evidence=status_facts(line for h in (*held, *current) for line in h.base),
        raised=[Raise.UNCONFIRMED] if unconfirmed(therapy, setting) else [],
    )


def unconfirmed(therapy: Therapy, setting: Setting) -> bool:
    """Whether sources that would show supply are complete, and show none that still lasts."""
    return bool(setting.suppliers) and not any(h.supply for h in therapy.holdings)


def superseded_not_closed(therapy: Therapy, setting: Setting) -> Finding | None:
    """C6: a newer order of the same drug by the same requester, the old one still active."""
    open_lines = [
        (h, lines)
        for h in therapy.current
        if h.superseded and (lines := [line for line in h.superseded if is_order(line.entry)])
    ]
    if not open_lines:
        return None
    said = joined(
        f"{h.source} has {len(lines)} older {'order' if len(lines) == 1 else 'orders'} "
        f"still open beside the one of {h.authored or 'unknown date'}"
        for h, lines in open_lines
    )
    return finding(
        setting,
        "superseded-not-closed",
        [therapy],
        title=f"{therapy.name}: an older order is still open",
        message=f"{said}.",
        advice="Close the older order.",
        sources=[h.source for h, _ in open_lines],
        evidence=[
            fact(line.entry, "authoredOn", str(line.entry.authored or "no date"))
            for h, lines in open_lines
            for line in (*h.base, *lines)
        ],
    )
