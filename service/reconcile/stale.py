"""C5: entries that are open by their status, though nothing shows that anybody still takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from service.model.evidence import Fact
from service.model.finding import Bucket, Finding
from service.model.medication import Kind, PlacedLine, TherapyState
from service.reconcile.holding import is_order, is_supply
from service.reconcile.statement import fact, finding, status_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import distinct, joined, verb

_ADVICE = "Ask whether it is still taken; close or renew the entry."


def stale_entry(therapy: Therapy, setting: Setting) -> Finding | None:
    """An active line past its own end, an order past its validity, or a long silence.

    The silence counts from the last order, statement, supply or administration in any source; the
    window is the longer of `stale` days and `stale_supply_factor` times the days' supply. Where no
    complete source shows supply, its absence says nothing.
    """
    if not therapy.current:
        return _ended(therapy, setting)
    if invalid := _no_longer_valid(therapy, setting):
        last = joined(f"{x.entry.origin.source} until {x.entry.valid_until}" for x in invalid)
        evidence = [fact(x.entry, "validityPeriod.end", str(x.entry.valid_until)) for x in invalid]
        message = f"The order of {therapy.name} was valid: {last}; no supply lasts beyond it."
        return _stale(therapy, setting, "the order is no longer valid", message, evidence)
    last_sign = _silent_since(therapy, setting)
    if last_sign is None:
        return None
    names = joined(h.source for h in therapy.current)
    lists = verb(therapy.current, "lists", "list")
    return _stale(
        therapy,
        setting,
        "no sign of life for long",
        f"{names} {lists} {therapy.name} as current; "
        f"the last order, statement or supply seen is of {last_sign.isoformat()}.",
        [
            fact(line.entry, "date", str(line.last_supplied or line.entry.authored), last_sign)
            for h in therapy.current
            for line in h.base
        ],
    )


def _stale(
    therapy: Therapy, setting: Setting, title: str, message: str, evidence: Iterable[Fact]
) -> Finding:
    able = bool(setting.suppliers) or therapy.last_supplied is not None
    return finding(
        setting,
        "stale-entry",
        [therapy],
        title=f"{therapy.name}: {title}",
        message=message,
        advice=_ADVICE,
        sources=[h.source for h in therapy.current],
        evidence=evidence,
        bucket=Bucket.SHOWN if able else Bucket.NOT_EVALUABLE,
        reason="" if able else "no complete source shows what was supplied",
    )


def _ended(therapy: Therapy, setting: Setting) -> Finding | None:
    """Lines that are active by their status and ended by their own date."""
    ended = [
        line
        for line in therapy.lines
        if line.entry.status == "active"
        and not is_supply(line.entry)
        and line.entry.end is not None
        and line.entry.end < setting.as_of
    ]
    if not ended:
        return None
    days = joined(distinct(f"{line.entry.origin.source} until {line.entry.end}" for line in ended))
    return finding(
        setting,
        "stale-entry",
        [therapy],
        title=f"{therapy.name}: still open after its end",
        message=f"{therapy.name} is open by its status but ended: {days}.",
        advice=_ADVICE,
        sources=[line.entry.origin.source for line in ended],
        evidence=[
            *status_facts(ended),
            *(fact(line.entry, "end", str(line.entry.end)) for line in ended),
        ],
    )


def _no_longer_valid(therapy: Therapy, setting: Setting) -> list[PlacedLine]:
    """The orders of all current holdings, when each is past its validity and no supply lasts."""
    lines = [line for h in therapy.current for line in h.base]
    past = [
        line
        for line in lines
        if line.entry.valid_until is not None
        and line.entry.valid_until < setting.as_of
        and is_order(line.entry)
    ]
    supplied = any(h.supply for h in therapy.holdings)
    return past if len(past) == len(lines) and not supplied else []


def _silent_since(therapy: Therapy, setting: Setting) -> date | None:
    """The last sign of life, where it lies outside the window; None inside it, or undated."""
    windows = setting.policy.windows
    for day in (therapy.last_supplied, *(h.authored for h in therapy.current)):
        if day is not None and (setting.as_of - day).days <= windows.stale:
            return None
    last = max(filter(None, _signs(therapy)), default=None)
    if last is None or (silent_d := (setting.as_of - last).days) <= windows.stale:
        return None
    spans = (span for x in therapy.lines for span in (x.entry.days_supply, x.entry.interval_d))
    longest = max((span for span in spans if span), default=Decimal(0))
    return last if silent_d > windows.stale_supply_factor * longest else None


def _signs(therapy: Therapy) -> Iterator[date | None]:
    """The days on which somebody ordered, stated, supplied or gave it."""
    for line in therapy.lines:
        entry = line.entry
        yield entry.supplied_on
        yield line.last_supplied
        if line.state is TherapyState.CURRENT or entry.kind is Kind.STATEMENT:
            yield entry.authored
            yield entry.start
