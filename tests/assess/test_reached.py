"""A result told as "less than" or "more than" reaches a limit, does not, or leaves it open."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from service.assess.chart import Measured
from service.assess.lab_threshold import Level, reached
from service.model.clinical import LabResult
from service.model.dosage import Quantity
from service.model.evidence import Origin

TEN = Decimal(10)
AT_LEAST, OVER, BELOW = Level(at_least=TEN), Level(over=TEN), Level(below=TEN)


def told(comparator: str, value: int) -> Measured:
    day = date(2026, 3, 10)
    result = LabResult(
        origin=Origin("lab", "Observation/1"),
        codings=(),
        status="final",
        effective=day,
        value=Quantity(Decimal(value), "1"),
        comparator=comparator,
    )
    return Measured(result, day, Decimal(value))


@pytest.mark.parametrize(
    ("level", "comparator", "value", "answer"),
    [
        (AT_LEAST, "", 10, True),
        (AT_LEAST, "", 9, False),
        (AT_LEAST, "<", 10, False),
        (AT_LEAST, "<", 11, None),
        (AT_LEAST, "<=", 9, False),
        (AT_LEAST, "<=", 10, None),
        (AT_LEAST, ">", 10, True),
        (AT_LEAST, ">=", 10, True),
        (OVER, "", 10, False),
        (OVER, "", 11, True),
        (OVER, ">", 10, True),
        (OVER, ">=", 10, None),
        (OVER, "<", 10, False),
        (OVER, "<", 11, None),
        (OVER, "<=", 10, False),
        (OVER, "<=", 11, None),
        (BELOW, "", 9, True),
        (BELOW, "", 10, False),
        (BELOW, "<", 10, True),
        (BELOW, "<=", 10, None),
        (BELOW, "<=", 9, True),
        (BELOW, ">", 9, None),
        (BELOW, ">=", 10, False),
    ],
)
def test_a_comparator_is_read(
    level: Level, comparator: str, value: int, answer: bool | None
) -> None:
    assert reached(level, told(comparator, value)) is answer
