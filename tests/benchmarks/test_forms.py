"""The second family of the benchmark: liquids, patches, inhalers and tapers.

CONCORD_TEST_SCALE=full runs 300 patients of a held-out seed instead.
"""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest

from tests.benchmarks.reconciliation import forms_run
from tests.benchmarks.reconciliation.drugs import rows
from tests.benchmarks.reconciliation.forms_generate import (
    FROZEN_PATIENTS,
    FROZEN_SEED,
    HELD_OUT_SEEDS,
    INJECTIONS,
    TYPES,
    form_cases,
    frozen_digest,
)
from tests.benchmarks.reconciliation.score import Score

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
REFERENCE = os.environ.get("CONCORD_REFERENCE_DATA")
DIGEST = "497dd99ed73172fe75205040bb1b2c9117a6779150e7a5a3729a35e997163ba6"


@pytest.fixture(scope="module")
def score() -> Score:
    made = form_cases(300, HELD_OUT_SEEDS[0]) if FULL else form_cases(FROZEN_PATIENTS, FROZEN_SEED)
    return forms_run.measure(made)


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_is_due_and_reaches_its_floor(score: Score, type_: str) -> None:
    mistakes = "\n".join(one for one in score.errors if f" {type_} " in one)
    for share in (score.precision(type_), score.recall(type_)):
        assert share is not None
        assert share >= 0.95, mistakes


def test_no_line_is_lost_and_clean_patients_stay_quiet(score: Score) -> None:
    assert score.lines > 500
    assert score.lost == 0
    assert score.clean_patients > 0
    assert score.false_per_clean <= 0.2, "\n".join(score.errors)


def test_the_generator_is_the_frozen_one() -> None:
    assert frozen_digest() == DIGEST
    assert set(INJECTIONS) < set(TYPES)


def test_the_page_shows_what_was_judged(score: Score) -> None:
    text = forms_run.table(score, FROZEN_PATIENTS, (FROZEN_SEED,))
    assert all(type_ in text for type_ in TYPES)
    assert f"Lines in: {score.lines}; lost or placed twice: 0." in text


@pytest.mark.skipif(not REFERENCE, reason="CONCORD_REFERENCE_DATA is not set")
def test_every_product_is_rxnorms_own() -> None:
    file = Path(REFERENCE or "") / "rxnorm" / "rxnorm_concepts.tsv.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        found = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = {row["rxcui"]: row["name"].casefold() for row in found}
    for row in rows("forms.tsv"):
        assert names[row["rxcui"]] == row["name"].casefold()
