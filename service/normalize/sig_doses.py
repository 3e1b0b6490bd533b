"""The doses of a direction: what each phrase that states an amount does to the part being read."""

from __future__ import annotations

import re
from decimal import Decimal

from service.errors import UnitMismatch
from service.model.dosage import Quantity
from service.normalize.frequency import Frequencies
from service.normalize.routes import Routes
from service.normalize.sig_parts import NotRead, Part
from service.normalize.units import Unit, Units


class Doses:
    """The state of one reading, and the phrases that state amounts; named as in sig_rules."""

    def __init__(self, units: Units, frequencies: Frequencies, routes: Routes) -> None:
        self._units, self._frequencies, self._routes = units, frequencies, routes
        self._parts = [Part()]
        self._in_reason = False
        self._joint = self._then = self._stepped = self._ended = False
        self._except = self._alternate = self._strength_first = False
        self._verbs = 0

    @property
    def _part(self) -> Part:
        return self._parts[-1]

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
        elif unit_text and self._states_amount(part, low, high, beside=beside):
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

    def _states_amount(
        self, part: Part, said: Quantity, high: Quantity | None, *, beside: bool
    ) -> bool:
        """Whether the second quantity states the first one in other units; then it is kept."""
        first, second = self._unit(part.dose), self._unit(said)
        if first is None or second is None or part.dose is None or part.amount is not None:
            return False
        if high is not None:
            return beside and self._states_range(part, said, high)
        if first.kind == second.kind == "volume" and beside and not part.timed:
            return self._same_volume(part.dose, said)
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

    @staticmethod
    def _states_range(part: Part, low: Quantity, high: Quantity) -> bool:
        """`1 to 2 tablets (25 to 50 mg)`: the amounts stand to each other as the counts do."""
        if part.dose is None or part.dose_high is None:
            return False
        if low.value * part.dose_high.value != high.value * part.dose.value:
            raise NotRead
        part.amount = low
        return True

    def _same_volume(self, dose: Quantity, said: Quantity) -> bool:
        """`1 teaspoon (5 mL)` says one volume twice; two different ones are no direction."""
        try:
            same = self._units.convert(dose.value, dose.unit, said.unit) == said.value
        except UnitMismatch as error:
            raise NotRead from error
        if not same:
            raise NotRead
        return True

    def rate(self, found: re.Match[str]) -> None:
        """`25 mcg/hr`: what a patch gives, alone or beside the number of patches."""
        self._in_reason = False
        part = self._part
        if part.rate is not None or part.timed:
            raise NotRead
        count = Decimal(1)
        if part.dose is not None:
            if part.dose.unit != "{patch}" or part.dose_high is not None:
                raise NotRead
            count = part.dose.value
        part.rate = Quantity(Decimal(found["low"]) * count, self._quantity("1", found["unit"]).unit)

    def worn(self, found: re.Match[str]) -> None:
        """`remove after 9 hours`: how long one patch is worn."""
        self._in_reason = False
        hours = Decimal(found["low"])
        if self._part.worn_h not in (None, hours) or not 0 < hours <= 24:
            raise NotRead
        self._part.worn_h = hours

    def removed(self, _: re.Match[str]) -> None:
        """`remove old patch`: that patches are not added up goes without saying."""

    def _next_part(self) -> None:
        part = self._part
        if not (part.timed or part.duration_d or part.window or self._then or self._alternate):
            raise NotRead
        sequential = self._then or part.duration_d is not None or part.window is not None
        fresh = Part(
            after_then=sequential and not (self._except or self._alternate),
            joined=self._joint,
            stepped=self._stepped,
            exception=self._except,
            alternates=self._alternate,
        )
        self._parts.append(fresh)
        self._then = self._joint = self._stepped = self._except = self._alternate = False

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
