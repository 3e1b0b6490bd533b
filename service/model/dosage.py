"""How much of a drug is taken, and how often."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec


class Quantity(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A value with its UCUM unit; counts of dose forms carry `{tbl}`-like annotations or `1`."""

    value: Decimal
    unit: str


class Frequency(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """How often: `count` times in `period_d` days (twice a day 2/1, every four weeks 1/28).

    `when` are FHIR event codes (MORN, HS, ...), `days` FHIR days of the week (mon ... sun).
    """

    count: Decimal
    period_d: Decimal
    count_max: Decimal | None = None
    when: tuple[str, ...] = ()
    days: tuple[str, ...] = ()

    @property
    def per_day(self) -> Decimal:
        return self.count / self.period_d


class Dosage(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """One instruction, structured where the source structured it, else as its text was read.

    `dose` is what is taken at one time (dose forms or an amount of ingredient), `dose_high` the
    upper end of a range, `rate` an amount per hour, `max_per_day` what must not be exceeded.
    `amount` is the ingredient that a text states beside a count ("2 tablets (6 mg)"). `worn_h` are
    the hours a patch is worn where the direction says them, `sides` 2 for both nostrils or eyes.
    `starts`/`ends` bound this step of a taper; `read_from` is "structure", "text" or "nothing";
    `conflict` says in words how text and structure disagree.
    """

    text: str = ""
    sequence: int | None = None
    dose: Quantity | None = None
    dose_high: Quantity | None = None
    frequency: Frequency | None = None
    rate: Quantity | None = None
    as_needed: bool = False
    as_needed_for: str = ""
    max_per_day: Quantity | None = None
    route: str = ""
    starts: date | None = None
    ends: date | None = None
    duration_d: Decimal | None = None
    read_from: str = "nothing"
    conflict: str = ""
    amount: Quantity | None = None
    worn_h: Decimal | None = None
    sides: int = 1


class DailyDose(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Amount of one ingredient per day, with the working shown ("2 x 50 mg").

    As needed: `value` None and `max` filled where a maximum is known. Interval dosing (a depot
    every 28 days): `value` is the dose of one interval, the line's `interval_d` says which.
    """

    rxcui: str
    unit: str
    value: Decimal | None = None
    max: Decimal | None = None
    working: str = ""
