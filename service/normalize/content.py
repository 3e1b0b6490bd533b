"""What a line says of drug, directions, supply and reason: what repeats from line to line.

The bytes of these elements are the key under which their reading is remembered, so that a line
whose drug and directions were seen before costs one look-up, and they are not decoded again.
Every reading raises what `decode.UNREADABLE` names where an element is not what it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import lru_cache

import msgspec

from service.model.concept import AdministrationClass, Coding, DrugConcept, Resolution
from service.normalize.concept import codings, text_of, texts
from service.normalize.drug import resolve
from service.normalize.line_doses import Directions, Doses, directions, doses_of
from service.normalize.line_supply import beyond_taking, by_supply, invalid
from service.normalize.memory import Memory
from service.normalize.tables import Tables
from service.normalize.timing import days_of
from service.normalize.wire import base, dosage, medication

Named = tuple[bytes | base.CodeableConcept | None, str, str]
"""What names a drug: its concept (a struct where a Medication has it), else a display; its form."""

Words = tuple[Named, bytes, bytes, bytes]
"""What a content is read from: what names the drug, then the bytes of the directions, the supply
and the days' supply; b"" for each that is absent."""


class Drug(msgspec.Struct, frozen=True, gc=False):
    """What a line says its drug is, and what that leads to."""

    text: str
    codings: tuple[Coding, ...]
    resolution: Resolution
    form: str


class Content(msgspec.Struct, frozen=True, gc=False):
    """What follows from a line's words.

    `dated`: the doses hold on one day, for a line that begins on one day. `valid_until` is the end
    in which an order may be dispensed, as written. `problems` are those of supply and doses.
    """

    drug: Drug
    doses: Doses
    route: str
    dated: bool = False
    quantity: Decimal | None = None
    days_supply: Decimal | None = None
    valid_until: str = ""
    problems: tuple[str, ...] = ()


class Reasons(msgspec.Struct, frozen=True, gc=False):
    """Why a drug is taken: as a person reads it, and coded."""

    texts: tuple[str, ...] = ()
    codings: tuple[Coding, ...] = ()


_concept = msgspec.json.Decoder(base.CodeableConcept).decode
_concepts: Callable[[bytes], medication.Concepts] = msgspec.json.Decoder(medication.Concepts).decode
_quantity = msgspec.json.Decoder(base.Quantity).decode
_order = msgspec.json.Decoder(medication.DispenseRequest).decode
_instructions: Callable[[bytes], medication.Directions] = msgspec.json.Decoder(
    medication.Directions
).decode
_given = msgspec.json.Decoder(dosage.AdministeredDosage).decode
_NOTHING_SUPPLIED = medication.DispenseRequest()


@lru_cache(maxsize=8)
def contents(tables: Tables) -> Contents:
    """The contents read with these tables, the same object for the same tables."""
    return Contents(tables)


class Contents:
    """Contents of lines by their words: `requests[words]`, and so on for the other kinds.

    Where a content is `dated`, the method of the same name tells it for the day asked.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._drugs = Memory(self._drug, _length_of_name)
        self.directions = Memory(self._directions, len)
        self.requests = Memory(self.request, _length)
        self.statements = Memory(self.statement, _length)
        self.dispenses = Memory(self.dispense, _length)
        self.administrations = Memory(self.administration, _length)
        self.reasons = Memory(_reasons, len)
        self.categories = Memory(_categories, len)

    def request(self, words: Words, on: date = date.min, begins: date | None = None) -> Content:
        """An order; where no direction says a dose, quantity and duration tell it."""
        named, directed, ordered, _ = words
        drug, read = self._drugs[named], self.directions[directed]
        supply = _order(ordered) if ordered else _NOTHING_SUPPLIED
        units, silent = self._tables.units, self._tables.frequencies.says_nothing
        days_supply = days_of(supply.expected_supply_duration, units)
        doses, problems = self._doses(read, drug, on, begins)
        problems += invalid(supply.validity_period)
        if all(one.read_from == "nothing" and silent(one.text) for one in doses.dosages):
            concept = drug.resolution.drug
            doses = by_supply(doses, supply.quantity, days_supply, concept, units, "ordered")
        return Content(
            drug=drug,
            doses=doses,
            route=_route(doses.route, drug.resolution.drug),
            dated=read.dated,
            quantity=supply.quantity.value if supply.quantity else None,
            days_supply=days_supply,
            valid_until=supply.validity_period.end if supply.validity_period else "",
            problems=problems,
        )

    def statement(self, words: Words, on: date = date.min, begins: date | None = None) -> Content:
        """What is said to be taken."""
        drug, read = self._drugs[words[0]], self.directions[words[1]]
        doses, problems = self._doses(read, drug, on, begins)
        route = _route(doses.route, drug.resolution.drug)
        return Content(drug, doses, route, read.dated, problems=problems)

    def dispense(self, words: Words, on: date = date.min, begins: date | None = None) -> Content:
        """A supply; without a dosage, quantity and days' supply tell the daily dose."""
        named, directed, supplied, days = words
        drug, read = self._drugs[named], self.directions[directed]
        units = self._tables.units
        impossible: tuple[str, ...] = ()
        lasts = _quantity(days) if days else None
        days_supply = days_of(lasts, units)
        if lasts is not None and lasts.value and days_supply is None:
            impossible = (f"a supply for {lasts.value} {lasts.unit or lasts.code} is not possible",)
        packed = _quantity(supplied) if supplied else None
        quantity = packed.value if packed else None
        if quantity is not None and quantity < 0:
            impossible += (f"a quantity of {quantity} is not possible",)
            quantity = None
        elif packed is not None and beyond_taking(packed, days_supply, units):
            impossible += (f"a quantity of {quantity} for {days_supply} days is not possible",)
            quantity = None
        doses, problems = self._doses(read, drug, on, begins)
        if quantity and all(one.frequency is None and not one.as_needed for one in doses.dosages):
            concept = drug.resolution.drug
            doses = by_supply(doses, packed, days_supply, concept, units, "supplied")
        return Content(
            drug=drug,
            doses=doses,
            route=_route(doses.route, drug.resolution.drug),
            dated=read.dated,
            quantity=quantity,
            days_supply=days_supply,
            problems=(*impossible, *problems),
        )

    def administration(
        self, words: Words, on: date = date.min, begins: date | None = None
    ) -> Content:
        """What was given once."""
        named, given, _, _ = words
        drug = self._drugs[named]
        concept = drug.resolution.drug
        if not given:
            return Content(drug, Doses(), _route("", concept))
        told = _given(given)
        instruction = dosage.DosageInstruction(
            text=told.text, route=told.route, dose_quantity=told.dose
        )
        read = directions((instruction,), self._tables)
        depot = concept is not None and concept.administration is AdministrationClass.DEPOT
        doses, problems = self._doses(read, drug, on, begins, one_dose_only=depot)
        return Content(drug, doses, _route(doses.route, concept), read.dated, problems=problems)

    def _doses(
        self,
        read: Directions,
        drug: Drug,
        on: date,
        begins: date | None,
        *,
        one_dose_only: bool = False,
    ) -> tuple[Doses, tuple[str, ...]]:
        day, first = (on, begins) if read.dated else (date.min, None)
        concept = drug.resolution.drug
        return doses_of(read, concept, self._tables, day, first, one_dose_only=one_dose_only)

    def _drug(self, named: Named) -> Drug:
        written, display, form = named
        concept = _concept(written) if isinstance(written, bytes) else written
        text, coded = text_of(concept) or display, codings(concept)
        found = resolve(coded, text, self._tables.drugs)
        return Drug(text, coded, found, (found.drug.form if found.drug else "") or form)

    def _directions(self, written: bytes) -> Directions:
        return directions(_instructions(written) if written else (), self._tables)


def _reasons(written: bytes) -> Reasons:
    found = base.several(_concepts(written))
    return Reasons(texts(found), codings(*found))


def _categories(written: bytes) -> tuple[str, ...]:
    concepts = base.several(_concepts(written))
    coded = (coding.code or coding.display for coding in codings(*concepts))
    return tuple(dict.fromkeys([*coded, *(one.text for one in concepts if not one.coding)]))


def _route(stated: str, drug: DrugConcept | None) -> str:
    """The stated route, else the product's; an inhaler "by mouth" is inhaled through it."""
    own = drug.route if drug else ""
    if stated == "oral" and own == "inhalation":
        return own
    return stated or own


def _length_of_name(named: Named) -> int:
    concept, display, form = named
    if isinstance(concept, base.CodeableConcept):
        words = (concept.text, *(c.system + c.code + c.display for c in concept.coding))
        return len(display) + len(form) + sum(map(len, words))
    return len(concept or b"") + len(display) + len(form)


def _length(words: Words) -> int:
    return _length_of_name(words[0]) + sum(map(len, words[1:]))
