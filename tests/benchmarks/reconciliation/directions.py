"""How servers write a dose: structured in counts or in mass, timing codes, or words alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tests.benchmarks.reconciliation.drugs import Product
from tests.benchmarks.reconciliation.spelling import plain

UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
ABBREVIATION = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
ROUTES = {
    "oral": ("26643006", "Oral route"),
    "sublingual": ("37839007", "Sublingual route"),
    "intramuscular": ("78421000", "Intramuscular route"),
}
_TIMES = {1: "once daily", 2: "twice daily", 3: "three times daily", 4: "four times daily"}
_LATIN = {1: "qd", 2: "bid", 3: "tid", 4: "qid"}
_CODES = {1: "QD", 2: "BID", 3: "TID", 4: "QID"}
_EPIC = {1: "1 (one) time each day", 2: "2 (two) times a day", 3: "3 (three) times a day",
         4: "4 (four) times a day"}  # fmt: skip
_COUNT = {Decimal("0.5"): "one-half"}


@dataclass(frozen=True)
class Take:
    """What is taken: `count` units `times` a day (or once every `interval_d` days)."""

    product: Product
    count: Decimal
    times: int = 1
    when: str = ""
    as_needed: str = ""
    route: str = "oral"
    interval_d: int = 0

    @property
    def per_day(self) -> tuple[Decimal, ...]:
        """Amount of each ingredient a day in mg (an interval's amount for injections)."""
        return tuple(s * self.count * self.times for s in self.product.strengths)

    def changed(self, **values: Any) -> Take:
        return replace(self, **values)


def words(take: Take, style: str) -> str:
    """The directions in words: "vendor", "plain" or "latin"."""
    if take.interval_d:
        mg = plain(take.per_day[0])
        return f"Inject {mg} mg into the muscle every {take.interval_d // 7} weeks"
    count, unit = plain(take.count), take.product.unit
    many = unit + ("s" if take.count > 1 else "")
    mg = plain(take.product.strengths[0] * take.count)
    single = len(take.product.strengths) == 1
    how = {"oral": "by mouth", "sublingual": "under the tongue"}[take.route]
    if style == "vendor":
        total = f" ({mg} mg total)" if single else ""
        when = "nightly" if take.when == "HS" else _EPIC[take.times]
        tail = f" as needed for {take.as_needed}" if take.as_needed else ""
        return f"Take {count} {many}{total} {how} {when}{tail}."
    if style == "latin":
        route = {"oral": "po", "sublingual": "sl"}[take.route]
        short = {"tablet": "tab", "capsule": "cap"}[unit]
        when = "qhs" if take.when == "HS" else _LATIN[take.times]
        return f"{count} {short} {route} {when}" + (" prn" if take.as_needed else "")
    when = "at bedtime" if take.when == "HS" else _TIMES[take.times]
    tail = f" as needed for {take.as_needed}" if take.as_needed else ""
    return f"Take {count} {many} {how} {when}{tail}"


def dosage(take: Take, rng: random.Random, *, shape: str = "") -> dict[str, Any]:
    """One Dosage. `shape` is "count", "mass", "code" or "words"; drawn where it is not given."""
    shape = shape or rng.choices(("count", "mass", "code", "words"), (40, 15, 15, 30))[0]
    text = words(take, rng.choice(("vendor", "plain", "latin")))
    if shape == "words":
        return {"text": text}
    code, display = ROUTES[take.route]
    found: dict[str, Any] = {
        "text": text,
        "route": {"coding": [{"system": SNOMED, "code": code, "display": display}]},
        "timing": timing(take, coded=shape == "code"),
        "doseAndRate": [{"doseQuantity": amount(take, mass=shape == "mass")}],
    }
    if take.as_needed:
        found["asNeededBoolean"] = True
    return found


def amount(take: Take, *, mass: bool) -> dict[str, Any]:
    """The dose of one take, in mg or in what is counted."""
    if take.interval_d or (mass and len(take.product.strengths) == 1):
        value = take.product.strengths[0] * take.count
        return {"value": _number(value), "unit": "mg", "system": UCUM, "code": "mg"}
    return {"value": _number(take.count), "unit": take.product.unit}


def timing(take: Take, *, coded: bool) -> dict[str, Any]:
    """Timing.repeat, or the code that says the same."""
    if take.interval_d:
        return {"repeat": {"frequency": 1, "period": take.interval_d // 7, "periodUnit": "wk"}}
    if coded and not take.when:
        code = _CODES[take.times]
        return {"code": {"coding": [{"system": ABBREVIATION, "code": code}], "text": code}}
    repeat: dict[str, Any] = {"frequency": take.times, "period": 1, "periodUnit": "d"}
    if take.when:
        repeat["when"] = [take.when]
    return {"repeat": repeat}


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
