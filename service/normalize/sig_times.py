"""The times of a direction: what each phrase that says how often does to the part being read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from service.model.dosage import Frequency
from service.normalize.frequency import frequency
from service.normalize.sig_doses import Doses
from service.normalize.sig_parts import NotRead
from service.normalize.sig_rules import WEEKDAYS

_ORDER = {"with": "C", "at": "C", "during": "C", "w/": "C", "before": "AC", "prior to": "AC"}
_NIGHT = {"night": "NIGHT", "morning": "MORN", "evening": "EVE"}


class Times(Doses):
    """The phrases that say how often, added to those that state amounts."""

    def times(self, found: re.Match[str]) -> None:
        span = {"daily": "day", "nightly": "day", "weekly": "week", "monthly": "month"}.get(
            found["span"], found["span"]
        )
        if span.startswith("night"):
            span = "day"
        high = Decimal(found["high"]) if found["high"] else None
        self._set_every(frequency(Decimal(found["low"]), self._days(span), count_max=high))
        if found["upto"]:
            self._part.as_needed = True

    def every(self, found: re.Match[str]) -> None:
        span, groups = found["span"], found.groupdict()
        low = Decimal(groups.get("low") or 1)
        high = Decimal(groups["high"]) if groups.get("high") else None
        for noun, event in _NIGHT.items():
            if span.startswith(noun):
                self._part.when.append(event)
                span = "day"
        length = self._days(span)
        if low <= 0 or (high and high <= low):
            raise NotRead
        if high:
            count_max = high / low
            self._set_every(frequency(Decimal(1), high * length, count_max=count_max))
        else:
            self._set_every(frequency(Decimal(1), low * length))

    def abbreviation(self, found: re.Match[str]) -> None:
        known = self._frequencies.abbreviations[found["word"]]
        self._same_dose_again()
        if known.when and known.count == 1 and known.period_d == 1:
            self._in_reason = False
            self._part.when.extend(known.when)
        else:
            self._set_every(known)

    def per(self, found: re.Match[str]) -> None:
        self._set_every(frequency(Decimal(1), self._days(found["span"])))

    def times_alone(self, _: re.Match[str]) -> None:
        """`once` before a time of day, or alone for a single dose."""
        self._in_reason = False
        self._part.single = True

    def single(self, _: re.Match[str]) -> None:
        self._in_reason = False
        self._part.single = True

    def meal(self, found: re.Match[str]) -> None:
        self._in_reason = False
        order = _ORDER.get(found["order"], "PC")
        self._part.when.append(order + self._frequencies.meals[found["meal"]])

    def noun(self, found: re.Match[str]) -> None:
        noun = found["noun"]
        bare = found[0].strip() == noun
        if bare and self._in_reason and noun in ("sleep", "bed", "night"):
            self._part.reason.append(noun)
            return
        if bare and noun in ("sleep", "bed", "night"):
            raise NotRead
        if bare and noun in ("am", "pm", "a.m.", "p.m.") and not self._part_of_day_follows():
            raise NotRead
        self._same_dose_again()
        self._in_reason = False
        self._part.when.append(self._frequencies.nouns[noun])

    def _part_of_day_follows(self) -> bool:
        """`1 tab am`, `every am and pm`; but `1 am` is an hour and no dose."""
        part = self._part
        counted = part.dose is not None and part.dose.unit != "1" and not part.timed
        return counted or (self._joint and bool(part.when))

    def before_bed(self, _: re.Match[str]) -> None:
        self._in_reason = False
        self._part.when.append("HS")

    def clock(self, found: re.Match[str]) -> None:
        if found["more"] and not self._part.clock:
            raise NotRead
        self._in_reason = False
        self._part.clock += 1

    def weekday(self, found: re.Match[str]) -> None:
        self._name_days(name for name in WEEKDAYS if found[name])

    def weekday_range(self, found: re.Match[str]) -> None:
        """`monday to friday`, `weekdays`, `weekends`."""
        groups = found.groupdict()
        if part := groups.get("part"):
            self._name_days(WEEKDAYS[5:] if part.startswith("weekend") else WEEKDAYS[:5])
            return
        first, last = (WEEKDAYS.index(found[end][:3]) for end in ("first", "last"))
        if first >= last:
            raise NotRead
        self._name_days(WEEKDAYS[first : last + 1])

    def _name_days(self, days: Iterable[str]) -> None:
        self._in_reason = False
        (self._part.but_days if self._except else self._part.days).extend(days)

    def exception(self, _: re.Match[str]) -> None:
        """`daily except sunday`, `daily except 1/2 tablet on sunday`."""
        part = self._part
        daily = part.every is not None and part.every.per_day == 1 and part.every.period_d == 1
        if part.dose is None or not daily or part.days or part.when or part.clock:
            raise NotRead
        self._in_reason = False
        self._except = True

    def other_days(self, _: re.Match[str]) -> None:
        self._in_reason = False
        if self._part.days or self._part.every:
            raise NotRead
        self._part.other_days = True

    def days_a_week(self, found: re.Match[str]) -> None:
        self._in_reason = False
        days = Decimal(found["low"])
        if self._part.days or self._part.days_a_week not in (None, days):
            raise NotRead
        self._part.days_a_week = days

    def alternating(self, _: re.Match[str]) -> None:
        """`2.5 mg every other day alternating with 5 mg`."""
        if self._part.dose is None or len(self._parts) > 1:
            raise NotRead
        self._in_reason = False
        self._part.alternates = self._alternate = True

    def offset(self, _: re.Match[str]) -> None:
        """A time before or after an event that is no meal; it says nothing of how often."""

    def _set_every(self, found: Frequency) -> None:
        self._in_reason = False
        self._same_dose_again()
        known = self._part.every
        if known is not None and known.per_day != found.per_day:
            raise NotRead
        self._part.every = known or found

    def _same_dose_again(self) -> None:
        """A step that tells its times alone (`then every other day`) keeps the dose before it."""
        before = self._part
        if self._then and before.dose is not None:
            self._next_part()
            part = self._part
            part.dose, part.dose_high, part.amount = before.dose, before.dose_high, before.amount

    def _days(self, span: str) -> Decimal:
        unit = self._units.find(span)
        if unit is None or unit.kind != "time":
            raise NotRead
        return unit.factor

    def otherwise(self, _: re.Match[str]) -> None:
        """That nothing is taken on other days, where the days were named."""
        if not self._part.days:
            raise NotRead
