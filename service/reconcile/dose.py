"""Daily doses added up and compared, ingredient by ingredient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec

from service.model.dosage import DailyDose, Dosage
from service.model.medication import MedicationEntry

_MOST_REMEMBERED = 4
_MONTH_D, _MONTH_TOLERANCE_D = Decimal(30), Decimal(2)
# Exact multiples only (UCUM); other units compare with themselves alone.
_MILLIGRAMS = {"kg": 6, "g": 3, "mg": 0, "ug": -3, "ng": -6}


class Dose(msgspec.Struct, frozen=True, gc=False):
    """What one source means by the dose: amounts per day and ingredient, in words and to compare.

    `amounts` maps RxCUI and base unit to the amount per day; `said` are the doses as they are
    reported (per interval where `interval_d` is set), `words` the same for people: "100 mg a day",
    "150 mg every 28 days", ingredients joined by a plus. Empty `amounts`: not stated.
    """

    amounts: Mapping[tuple[str, str], Decimal]
    said: tuple[DailyDose, ...]
    interval_d: Decimal | None
    per_day: Decimal | None

    words: str

    @property
    def known(self) -> bool:
        return bool(self.amounts)


def _unstated(per_day: Decimal | None) -> Dose:
    return Dose({}, (), None, per_day, "no stated dose")


def _in_words(said: Iterable[DailyDose], interval_d: Decimal | None) -> str:
    every = f"every {plain(interval_d)} days" if interval_d else "a day"
    parts = []
    for dose in said:
        if dose.value is not None:
            most = f", at most {plain(dose.max)} {dose.unit}" if dose.max else ""
            parts.append(f"{plain(dose.value)} {dose.unit} {every}{most}")
        elif dose.max is not None:
            parts.append(f"at most {plain(dose.max)} {dose.unit} a day")
    return " + ".join(parts) or "no stated dose"


def dose_of(entries: Sequence[MedicationEntry]) -> Dose:
    """The sum over lines that are taken together (a split regimen), or the dose of one line.

    Not stated as soon as one line does not say its own, so that no part is taken for the whole.
    """
    stated = tuple([(e.daily_doses, e.interval_d, e.as_needed, e.dosages) for e in entries])
    return _remembered(stated) if len(stated) <= _MOST_REMEMBERED else summed(stated)


Stated = tuple[tuple[DailyDose, ...], Decimal | None, bool, tuple[Dosage, ...]]
"""What one line says of its dose: daily doses, interval, whether as needed, instructions."""


def summed(entries: Sequence[Stated]) -> Dose:
    """The sum over what lines say of their doses; beside a scheduled part, one taken as needed adds
    to the most that is reported and not to the amount that is compared."""
    intervals = {interval for _, interval, _, _ in entries}
    interval_d = next(iter(intervals)) if len(intervals) == 1 else None
    amounts: dict[tuple[str, str], Decimal] = {}
    said: dict[tuple[str, str], DailyDose] = {}
    scheduled = not all(as_needed for _, _, as_needed, _ in entries)
    takes = _takes_per_day(
        [
            regular(dosages, not scheduled)
            for _, _, as_needed, dosages in entries
            if not (as_needed and scheduled)
        ]
    )
    for doses, interval, as_needed, _ in entries:
        if as_needed and scheduled:
            _add_to(said, doses)
            continue
        if not doses:
            return _unstated(takes)
        for dose in doses:
            amount = dose.max if as_needed or dose.value is None else dose.value
            if amount is None:
                return _unstated(takes)
            if interval and not as_needed:
                amount = amount / _in_months(interval)
            key, base = _base(dose.rxcui, dose.unit, amount)
            amounts[key] = amounts.get(key, Decimal(0)) + base
        _add_to(said, doses)
    if len(intervals) > 1:
        said = {
            unit: DailyDose(dose.rxcui, dose.unit, value=_per_day(amounts, dose))
            for unit, dose in said.items()
        }
    stated = tuple(said[unit] for unit in sorted(said))
    return Dose(amounts, stated, interval_d, takes, _in_words(stated, interval_d))


_remembered = lru_cache(maxsize=16384)(summed)


def same_amounts(left: Dose, right: Dose, tolerance: Decimal) -> bool:
    """Whether every ingredient agrees within `tolerance` of the larger amount."""
    if left.amounts == right.amounts:
        return left.known
    ratio = dose_ratio(left, right)
    return ratio is not None and ratio <= 1 / (1 - tolerance)


def comparable(left: Dose, right: Dose) -> bool:
    """Whether both state amounts of the same ingredients in units that convert."""
    return bool(left.amounts) and left.amounts.keys() == right.amounts.keys()


def dose_ratio(left: Dose, right: Dose) -> Decimal | None:
    """Larger amount over smaller, of the ingredient that differs most; None if not comparable."""
    if not comparable(left, right):
        return None
    if left.amounts == right.amounts:
        return Decimal(1)
    largest = Decimal(1)
    for key, amount in left.amounts.items():
        low, high = sorted((amount, right.amounts[key]))
        if low <= 0:
            if high > 0:
                return Decimal("Infinity")
            continue
        largest = max(largest, high / low)
    return largest


def _base(rxcui: str, unit: str, amount: Decimal) -> tuple[tuple[str, str], Decimal]:
    if (exponent := _MILLIGRAMS.get(unit)) is not None:
        return (rxcui, "mg"), amount.scaleb(exponent) if exponent else amount
    return (rxcui, unit), amount


def _per_day(amounts: Mapping[tuple[str, str], Decimal], dose: DailyDose) -> Decimal:
    (key, one) = _base(dose.rxcui, dose.unit, Decimal(1))
    return amounts[key] / one


def _add_to(said: dict[tuple[str, str], DailyDose], doses: Iterable[DailyDose]) -> None:
    for dose in doses:
        unit = (dose.rxcui, dose.unit)
        said[unit] = _added(said.get(unit), dose)


def _added(one: DailyDose | None, other: DailyDose) -> DailyDose:
    if one is None:
        return other
    return DailyDose(
        rxcui=one.rxcui,
        unit=one.unit,
        value=_sum(one.value, other.value),
        max=None if one.max is None and other.max is None else _sum(_most(one), _most(other)),
        working=" + ".join(filter(None, (one.working, other.working))),
    )


def _most(dose: DailyDose) -> Decimal | None:
    return dose.value if dose.max is None else dose.max


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    known = [value for value in (one, other) if value is not None]
    return sum(known, Decimal(0)) if known else None


def regular(dosages: tuple[Dosage, ...], as_needed: bool) -> tuple[Dosage, ...]:
    """What is scheduled of the instructions; all of them where everything is as needed."""
    if as_needed or not any(dosage.as_needed for dosage in dosages):
        return dosages
    return tuple(dosage for dosage in dosages if not dosage.as_needed)


def _in_months(days: Decimal) -> Decimal:
    """An interval as it compares: every four weeks is monthly, every twelve weeks quarterly.

    Orders of depots say either; their labels allow more days around the day than these differ by.
    """
    months = (days / _MONTH_D).to_integral_value()
    if months and abs(days - months * _MONTH_D) <= months * _MONTH_TOLERANCE_D:
        return months * _MONTH_D
    return days


def _takes_per_day(lines: Iterable[tuple[Dosage, ...]]) -> Decimal | None:
    """How many times a day something is taken; None as soon as one instruction does not say.

    Steps of a taper are bounded in time and do not add up: None as well.
    """
    total = Decimal(0)
    for dosages in lines:
        if not dosages or (len(dosages) > 1 and any(map(_bounded, dosages))):
            return None
        for dosage in dosages:
            if dosage.frequency is None or dosage.frequency.period_d <= 0:
                return None
            total += dosage.frequency.count / _in_months(dosage.frequency.period_d)
    return total


def _bounded(dosage: Dosage) -> bool:
    return bool(dosage.starts or dosage.ends or dosage.duration_d)


@lru_cache(maxsize=4096)
def plain(value: Decimal) -> str:
    """A decimal as people write it: no exponent, no trailing zeros, six significant digits."""
    rounded = Decimal(f"{value:.6g}")
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
