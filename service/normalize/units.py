"""Units: how sources spell them, which UCUM unit that is, and conversion between two of a kind.

The common units come from a table; UCUM units outside it are asked of ucumvert (pint), which is
imported only then. Guards, each from a measured trap: `mcg` becomes `ug` before any library sees
it; milliequivalents equal millimoles for lithium only; a unit of activity ([iU]) is no mass;
annotations such as `{tbl}` are counts.
Source: UCUM 2.1 (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from service.errors import UnitMismatch
from service.model.concept import UCUM
from service.normalize.wire import base

if TYPE_CHECKING:
    from ucumvert import PintUcumRegistry

_IONS = frozenset({"equivalent", "amount"})
COUNTS = frozenset({"count", "actuation", "drop", "application"})
_ROUNDED = Context(prec=12)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its UCUM code; `factor` converts into the base unit of its `kind`."""

    ucum: str
    kind: str
    factor: Decimal

    @property
    def is_count(self) -> bool:
        return self.kind in COUNTS


@dataclass(frozen=True, eq=False)
class Units:
    """The table of units, by every spelling in lower case; compared by identity.

    `results` are units of measured values by the spellings that are not UCUM, in lower case. `ions`
    has the mg of the usual salt in one milliequivalent, by RxCUI of ingredients whose ion has one
    charge, so that their milliequivalents are millimoles.
    """

    by_spelling: Mapping[str, Unit]
    results: Mapping[str, str] = field(default_factory=dict)
    ions: Mapping[str, Decimal] = field(default_factory=dict)

    def find(self, spelling: str) -> Unit | None:
        """The unit of one spelling, upper or lower case; UCUM's rare ones are not looked up."""
        return self.by_spelling.get(spelling.strip().lower())

    def of(self, quantity: base.Quantity) -> Unit | None:
        """The unit of a FHIR Quantity: its code, else its printed unit; no unit at all is a count.

        None for a unit that neither the table nor UCUM knows.
        """
        for spelling in (quantity.code, quantity.unit):
            if spelling and (known := self.find(spelling)):
                return known
        if quantity.code.startswith("{") or not (quantity.code or quantity.unit):
            return self.by_spelling["1"]
        if quantity.system == UCUM and quantity.code:
            return rare_unit(quantity.code)
        return None

    def spelled(self, quantity: base.Quantity) -> str:
        """The UCUM code of a measured value's unit, where the table knows the source's spelling."""
        said = quantity.code or quantity.unit
        return self.results.get(said.lower(), said)

    def convert(self, value: Decimal, source: str, target: str, *, rxcui: str = "") -> Decimal:
        """The value in the unit `target`.

        Args:
            value: in `source`; both units in any spelling.
            rxcui: the ingredient, which decides whether meq and mmol are the same.
        Raises: UnitMismatch when the units are unknown or of two kinds.
        """
        start = self.find(source) or rare_unit(source)
        goal = self.find(target) or rare_unit(target)
        if start is None or goal is None:
            raise UnitMismatch(f"{source if start is None else target} is no unit that is known")
        same = start.kind == goal.kind
        salt_mg = self.ions.get(rxcui)
        if salt_mg is not None and start.kind in _IONS and goal.kind == "mass":
            return value * start.factor * salt_mg / goal.factor
        ions = {start.kind, goal.kind} == _IONS and salt_mg is not None
        if not (same or ions):
            raise UnitMismatch(f"{start.ucum} cannot be converted into {goal.ucum}")
        if start.factor == goal.factor:
            return value
        return value * start.factor / goal.factor


@lru_cache(maxsize=512)
def rare_unit(code: str) -> Unit | None:
    """A unit of mass, volume or time that the table lacks, as UCUM defines it; else None.

    Only plain units: compound ones (mg/kg, mL/h) are no amount of a drug, and enzyme units,
    international units and drops are no mass, volume or rate whatever a library says.
    """
    if (
        not code.isascii()
        or len(code) > 24
        or any(sign in code for sign in "{}/.*^ ")
        or "U" in code
    ):
        return None
    from lark.exceptions import LarkError
    from pint.errors import PintError

    registry = _registry()
    bases = {"[mass]": ("mass", "mg"), "[length] ** 3": ("volume", "mL"), "[time]": ("time", "d")}
    try:
        unit = registry.from_ucum(code)
        dimension = str(unit.dimensionality)
        if dimension not in bases:
            return None
        kind, target = bases[dimension]
        factor = unit.to(registry.from_ucum(target).units).magnitude
    except (LarkError, PintError, AttributeError, ArithmeticError):
        return None
    return Unit(code, kind, _ROUNDED.create_decimal(repr(float(factor))))


@cache
def _registry() -> PintUcumRegistry:
    """The UCUM registry; importing and building it takes most of a second, so it comes late."""
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
