"""The grammar against directions that came with the structured timing of the same record."""

from __future__ import annotations

import csv
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from service.errors import UnitMismatch
from service.model.dosage import Dosage, Quantity
from tests.normalize.given import tables

FOLDER = os.environ.get("CONCORD_REFERENCE_DATA", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="CONCORD_REFERENCE_DATA is not set")
DAYS = {"h": Decimal(1) / 24, "d": Decimal(1), "wk": Decimal(7), "min": Decimal(1) / 1440}

# Labels that are wrong at source: the text says plainly something else than the structure.
WRONG_AT_SOURCE = {
    ("1 tab qd", 2): "qd is once a day, the structure says twice",
    ("2 puffs bid", 4): "bid is twice a day, the structure says four times",
    ("1 cap once a week", 1): "one capsule, the structure says two",
    ("One tablet daily for 4 days", 4): "the days stand where the frequency should",
    ("1000 mg/m2 orally twice daily from days 1-14 of cycle", 2): "twice daily, not in two days",
    ("Rapid daily-dose escalation", 3): "one text over three structures, each a part of it",
}


def rows() -> list[dict[str, str]]:
    file = Path(FOLDER) / "gold" / "sig_gold.tsv"
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def wrong_at_source(row: dict[str, str]) -> bool:
    label = json.loads(row["expected_json"])
    for (text, frequency), _ in WRONG_AT_SOURCE.items():
        if row["sig_text"].startswith(text) and label.get("frequency") == frequency:
            if text == "1 cap once a week":
                return bool(label.get("dose") == 2)
            return True
    return False


def dose_agrees(found: Dosage, label: dict[str, Any]) -> bool:
    """Whether some amount that the text states is the label's; True where none can be compared."""
    expected = "" if label.get("dose_unit") == "ea" else label.get("dose_unit", "")
    if "dose" not in label or not expected:
        return True
    compared = False
    for stated in (found.dose, found.dose_high, found.amount):
        if stated is None:
            continue
        value = amount_in(stated, expected)
        if value is None:
            continue
        compared = True
        if abs(value - Decimal(str(label["dose"]))) < Decimal("0.001"):
            return True
    return not compared


def amount_in(stated: Quantity, unit: str) -> Decimal | None:
    if "/" in unit or "/" in stated.unit:
        return stated.value if stated.unit == unit else None
    try:
        return tables().units.convert(stated.value, stated.unit, unit)
    except UnitMismatch:
        return None


def agrees(found: tuple[Dosage, ...], label: dict[str, Any]) -> bool:
    if not found or found[0].frequency is None:
        return False
    per_day = Decimal(label["frequency"]) / (Decimal(label["period"]) * DAYS[label["periodUnit"]])
    timed = abs(found[0].frequency.per_day - per_day) < Decimal("0.0001")
    low = Decimal(label["frequency"]) / (
        Decimal(label.get("periodMax", label["period"])) * DAYS[label["periodUnit"]]
    )
    timed = timed or abs(found[0].frequency.per_day - low) < Decimal("0.0001")
    needed = not label.get("asNeeded") or found[0].as_needed
    return timed and needed and dose_agrees(found[0], label)


def test_at_least_97_percent_of_right_labels_are_reached() -> None:
    right = [row for row in rows() if not wrong_at_source(row)]
    missed = [
        row["sig_text"]
        for row in right
        if not agrees(tables().grammar.read(row["sig_text"]), json.loads(row["expected_json"]))
    ]
    assert len(right) >= 80
    assert len(missed) <= 0.03 * len(right), missed


def test_every_label_called_wrong_is_in_the_data_and_is_contradicted() -> None:
    wrong = [row for row in rows() if wrong_at_source(row)]
    assert len(wrong) >= len(WRONG_AT_SOURCE)
    for row in wrong:
        found = tables().grammar.read(row["sig_text"])
        assert not found or not agrees(found, json.loads(row["expected_json"]))


def test_most_real_directions_are_read_and_none_half() -> None:
    lines = (Path(FOLDER) / "sigs" / "parserx_sigs.txt").read_text("utf-8").splitlines()
    read = [line for line in lines if tables().grammar.read(line)]
    assert len(read) >= 0.84 * len(lines)
    for unclear in ("taper", "directed", "additional", "pulse", "decrease"):
        assert not [line for line in read if unclear in line and "as directed" not in line]
