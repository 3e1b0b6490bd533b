"""Units: spellings, conversion and the guards."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import UnitMismatch
from service.normalize.units import rare_unit
from service.normalize.wire.base import Quantity
from tests.normalize.given import tables

UNITS = tables().units
MASS = ("g", "mg", "ug", "mcg", "ng", "kg")


@pytest.mark.parametrize(
    ("spelling", "ucum"),
    [
        ("mcg", "ug"),
        ("MCG", "ug"),
        ("µg", "ug"),
        ("TAB", "{tablet}"),
        ("{tbl}", "{tablet}"),
        ("UNT", "[iU]"),
        ("mEq", "meq"),
        ("ML", "mL"),
    ],
)
def test_spellings_of_practice_lead_to_ucum(spelling: str, ucum: str) -> None:
    found = UNITS.find(spelling)
    assert found is not None
    assert found.ucum == ucum


def test_a_quantity_without_any_unit_is_a_count() -> None:
    found = UNITS.of(Quantity(value=Decimal(2)))
    assert found is not None
    assert found.is_count


def test_an_unknown_annotation_is_a_count_and_an_unknown_word_is_nothing() -> None:
    annotated = UNITS.of(Quantity(value=Decimal(2), code="{whatever}"))
    assert annotated is not None
    assert annotated.is_count
    assert UNITS.of(Quantity(value=Decimal(2), unit="bananas")) is None


@given(st.sampled_from(MASS), st.sampled_from(MASS), st.decimals(1, 10**6, places=3))
def test_conversion_of_masses_goes_back_and_forth(one: str, other: str, value: Decimal) -> None:
    there = UNITS.convert(value, one, other)
    back = UNITS.convert(there, other, one)
    assert abs(back - value) <= value * Decimal("1e-20")


def test_milliequivalents_are_millimoles_for_lithium_only() -> None:
    assert UNITS.convert(Decimal(8), "meq", "mmol", rxcui="6448") == 8
    with pytest.raises(UnitMismatch):
        UNITS.convert(Decimal(8), "meq", "mmol", rxcui="8591")


@pytest.mark.parametrize(
    ("source", "target"),
    [("[IU]", "mg"), ("{tbl}", "mg"), ("mL", "mg"), ("meq", "mg"), ("d", "mg"), ("[drp]", "mL")],
)
def test_units_of_two_kinds_never_convert(source: str, target: str) -> None:
    with pytest.raises(UnitMismatch):
        UNITS.convert(Decimal(1), source, target)


def test_a_rare_ucum_unit_converts_as_ucum_defines_it() -> None:
    grain = UNITS.convert(Decimal(1), "[gr]", "mg")
    assert grain == Decimal("64.79891")
    decilitre = UNITS.convert(Decimal(2), "dL", "mL")
    assert decilitre == 200


@pytest.mark.parametrize("code", ["mcg", "U", "[iU]", "mg/kg", "kat", "banana", "{tbl}", "mol", ""])
def test_what_is_no_plain_amount_is_no_rare_unit(code: str) -> None:
    assert rare_unit(code) is None


def test_the_unit_library_is_not_loaded_for_common_units() -> None:
    script = (
        "import sys; from tests.normalize.given import entry, request, instruction;"
        "entry(request(dosageInstruction=[instruction(1, 'TAB', 2)]));"
        "sys.exit('pint' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode == 0


def test_result_units_are_written_as_ucum_writes_them() -> None:
    assert UNITS.spelled(Quantity(unit="mEq/L")) == "meq/L"
    assert UNITS.spelled(Quantity(unit="mmol/l", code="mmol/l")) == "mmol/L"
    assert UNITS.spelled(Quantity(unit="arb'U")) == "arb'U"
