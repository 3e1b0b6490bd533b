"""Decimals as JSON numbers: no exponent, at most six significant digits, half to even."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

_SIX = Context(prec=6, rounding=ROUND_HALF_EVEN)


@lru_cache(maxsize=4096)
def plain(value: Decimal) -> Decimal | int:
    """The number as REPORT's contract shows it: 100 (an int), 12.5, 0.333333."""
    rounded = _SIX.plus(value)
    if rounded == rounded.to_integral_value():
        return int(rounded)
    return Decimal(format(rounded, "f").rstrip("0"))


def shown(value: Decimal) -> str:
    """The same number as text, for sentences and pages."""
    return str(plain(value))
