"""One reading of one direction: what each phrase does to the dose that is being read."""

from __future__ import annotations

import re
from decimal import Decimal

from service.model.dosage import Dosage, Frequency, Quantity
from service.normalize.frequency import Frequencies, frequency
from service.normalize.routes import Routes
from service.normalize.sig_parts import NotRead, Part, dosages_of
from service.normalize.sig_rules import WEEKDAYS
from service.normalize.units import Unit, Units

_ORDER = {"with": "C", "at": "C", "during": "C", "w/": "C", "before": "AC", "prior to": "AC"}
_NIGHT = {"night": "NIGHT", "morning": "MORN", "evening": "EVE"}
_LONGEST_REASON = 8


class Reading:
    """The state of one reading: one method per phrase, named as in sig_rules."""

    def __init__(self, units: Units, frequencies: Frequencies, routes: Routes) -> None:
        self._units, self._frequencies, self._routes = units, frequencies, routes
        self._parts = [Part()]
        self._in_reason = False
        self._joint = self._then = self._stepped = False
        self._verbs = 0

    @property
    def _part(self) -> Part:
        return self._parts[-1]

    # Doses

    def dose(self, found: re.Match[str]) -> None:
        self._in_reason = False
        unit_text = found["unit"]
        low = self._quantity(found["low"], unit_text)
        high = self._quantity(found["high"], unit_text) if found["high"] else None
        part = self._part
        beside = bool(found["open"]) or bool(found["total"])
        if part.dose is None and not part.timed:
            if beside and unit_text is None:
                raise NotRead
            part.dose, part.dose_high = low, high
        elif part.dose is None:
            part.dose, part.dose_high = low, high
        elif unit_text and not high and self._states_amount(part, low, beside=beside):
            return
        else:
            self._next_part()
            self._part.dose, self._part.dose_high = low, high

    def forms_of(self, found: re.Match[str]) -> None:
        """`2 25 mg tablets`: a count of forms whose strength is said."""
        count, strength = Decimal(found["low"]), Decimal(found["high"])
        if self._part.dose is not None:
            self._next_part()
        self._part.dose = self._quantity(found["low"], found["form"])
        self._part.amount = Quantity(count * strength, self._quantity("1", found["unit"]).unit)

    def one_form(self, found: re.Match[str]) -> None:
        if self._in_reason or self._part.dose is not None:
            raise NotRead
        self._part.dose = self._quantity("1", found["unit"])

    def equals(self, _: re.Match[str]) -> None:
        """`3 ml = 150 mg` repeats the strength."""

    def most(self, found: re.Match[str]) -> None:
        self._in_reason = False
        daily = found["word"] == "mdd" or found["daily"] or found["suffix"]
        if not daily:
            raise NotRead
        most = self._quantity(found["low"], found["unit"])
        if self._part.max_per_day not in (None, most):
            known = self._part.max_per_day
            if known is None or known.value != most.value or "1" not in (known.unit, most.unit):
                raise NotRead
        self._part.max_per_day = most

    def _states_amount(self, part: Part, said: Quantity, *, beside: bool) -> bool:
        """Whether the second quantity states the first one in other units; then it is kept."""
        first, second = self._unit(part.dose), self._unit(said)
        if first is None or second is None or part.dose is None or part.amount is not None:
            return False
        if first.is_count and second.kind in ("mass", "activity", "volume") and not part.timed:
            part.amount = said
            return True
        if first.kind == "volume" and second.kind == "mass" and beside:
            part.amount = said
            return True
        if first.kind == "mass" and not part.timed and (second.kind == "volume" or second.is_count):
            if beside:
                part.dose, part.amount = said, part.dose
                return True
            if second.is_count and (self._verbs == 0 or said.value == 1 or self._strength_first):
                part.amount = Quantity(part.dose.value * said.value, part.dose.unit)
                part.dose = said
                return True
        return False

    _strength_first = False

    def _quantity(self, number: str, unit: str | None) -> Quantity:
        if unit is None:
            return Quantity(Decimal(number), "1")
        plain, slash, per = unit.partition("/")
        known = self._units.find(plain)
        if known is None:
            raise NotRead
        return Quantity(Decimal(number), f"{known.ucum}{slash}{per.replace('²', '2')}")

    def _unit(self, quantity: Quantity | None) -> Unit | None:
        return self._units.find(quantity.unit) if quantity else None

    # Times

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
        if bare and noun in ("am", "pm", "sleep", "bed", "night", "a.m.", "p.m."):
            raise NotRead
        self._in_reason = False
        self._part.when.append(self._frequencies.nouns[noun])

    def clock(self, _: re.Match[str]) -> None:
        self._in_reason = False
        self._part.clock += 1

    def weekday(self, found: re.Match[str]) -> None:
        self._in_reason = False
        self._part.days.extend(name for name in WEEKDAYS if found[name])

    def offset(self, _: re.Match[str]) -> None:
        """A time before or after an event that is no meal; it says nothing of how often."""

    def _set_every(self, found: Frequency) -> None:
        self._in_reason = False
        known = self._part.every
        if known is not None and known.per_day != found.per_day:
            raise NotRead
        self._part.every = known or found

    def _days(self, span: str) -> Decimal:
        unit = self._units.find(span)
        if unit is None or unit.kind != "time":
            raise NotRead
        return unit.factor

    def otherwise(self, _: re.Match[str]) -> None:
        """That nothing is taken on other days, where the days were named."""
        if not self._part.days:
            raise NotRead

    # Bounds and steps

    def duration(self, found: re.Match[str]) -> None:
        self._in_reason = False
        span = "day" if found["span"].startswith("night") else found["span"]
        length = Decimal(found["high"] or found["low"]) * self._days(span)
        if self._part.duration_d not in (None, length):
            raise NotRead
        self._part.duration_d = length

    def window(self, found: re.Match[str]) -> None:
        self._in_reason = False
        first, last = int(float(found["low"])), int(float(found["high"] or found["low"]))
        if self._part.window is not None or not 1 <= first <= last:
            raise NotRead
        self._part.window = (first, last)

    def cycles(self, _: re.Match[str]) -> None:
        """`for 16 cycles` bounds a course whose length it does not tell."""

    def then(self, found: re.Match[str]) -> None:
        if self._part.dose is None:
            raise NotRead
        self._in_reason = False
        self._then, self._stepped = True, bool(found["step"])

    def joint(self, _: re.Match[str]) -> None:
        self._joint = True

    def _next_part(self) -> None:
        part = self._part
        if not (part.timed or part.duration_d or part.window or self._then):
            raise NotRead
        sequential = self._then or part.duration_d is not None or part.window is not None
        self._parts.append(Part(after_then=sequential, joined=self._joint, stepped=self._stepped))
        self._then = self._joint = self._stepped = False

    # What goes with a dose, and words

    def as_needed(self, _: re.Match[str]) -> None:
        self._part.as_needed = True
        self._in_reason = True

    def reason(self, _: re.Match[str]) -> None:
        self._in_reason = True

    def note(self, _: re.Match[str]) -> None:
        """Advice such as "do not crush", whose words may be any that change no dose and no time."""
        if not self._part.timed:
            raise NotRead
        self._in_reason = True

    def dispensed(self, _: re.Match[str]) -> None:
        """`20 rf 0` at the end: what is handed over and how often again, no dose."""
        if not self._part.timed:
            raise NotRead

    def route(self, found: re.Match[str]) -> None:
        self._in_reason = self._in_reason and self._part.as_needed
        self._part.route = self._part.route or self._routes.by_spelling[found["word"]]

    def infusion(self, _: re.Match[str]) -> None:
        """How long one dose runs in changes nothing of how much it is."""

    def mixed(self, _: re.Match[str]) -> None:
        """What a dose is mixed into is no dose."""

    def sentence(self, _: re.Match[str]) -> None:
        self._in_reason = self._part.timed or self._part.as_needed
        self._joint = False

    def mark(self, _: re.Match[str]) -> None:
        """Punctuation between phrases."""

    def word(self, found: re.Match[str]) -> None:
        word = found["word"]
        if word == "taper" and not self._verbs and self._part.dose is None:
            return
        if word in self._frequencies.meaning:
            raise NotRead
        if self._in_reason:
            if self._part.as_needed and len(self._part.reason) < _LONGEST_REASON:
                self._part.reason.append(word)
            return
        if word not in self._frequencies.harmless:
            raise NotRead
        if self._part.dose is None:
            self._verbs += 1
        else:
            self._strength_first = True

    def dosages(self, text: str) -> tuple[Dosage, ...]:
        """What was read, as dosages.

        Raises: NotRead when a part lacks its times or the parts contradict each other.
        """
        if self._then:
            raise NotRead
        return dosages_of(self._parts, text)
