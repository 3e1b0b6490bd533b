"""A slice of the benchmark of families E to H: every type at its target, clean patients quiet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.reconciliation import (
    clinical_generate,
    clinical_run,
    clinical_several,
)
from tests.benchmarks.reconciliation.clinical_distractors import DISTRACTORS
from tests.benchmarks.reconciliation.clinical_generate import TYPES, clinical_cases

PATIENTS, SEED = 600, 21
TARGET = 0.95
MOST_GRAVE_PER_PATIENT = 4
SEVERAL_PATIENTS = 90
MOST_FALSE_PER_CLEAN_PATIENT = 0.05


@pytest.fixture(scope="module")
def measured() -> clinical_run.Measured:
    return clinical_run.measure(clinical_cases(PATIENTS, SEED))


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("measure", ["precision", "recall"])
def test_every_clinical_type_reaches_the_target(
    measured: clinical_run.Measured, measure: str, type_: str
) -> None:
    value = getattr(measured.score, measure)(type_)
    mistakes = "\n".join(one for one in measured.score.errors if f" {type_} " in one)
    assert value is not None, f"{type_} was never due or never said\n{mistakes}"
    assert value >= TARGET, mistakes


def test_clean_patients_with_lookalikes_stay_quiet(measured: clinical_run.Measured) -> None:
    score = measured.score
    assert score.clean_patients >= len(DISTRACTORS)
    assert score.false_per_clean <= MOST_FALSE_PER_CLEAN_PATIENT, "\n".join(score.errors)


def test_a_patient_shows_four_grave_findings_or_fewer(measured: clinical_run.Measured) -> None:
    assert measured.median <= MOST_GRAVE_PER_PATIENT


def test_two_to_four_faults_of_one_patient_are_all_said_and_told_together() -> None:
    found = clinical_several.measure(clinical_several.several_cases(SEVERAL_PATIENTS, SEED))
    assert found.recall >= TARGET, "\n".join(found.errors)
    assert found.median <= MOST_GRAVE_PER_PATIENT


def test_the_clinical_generator_is_the_frozen_one() -> None:
    assert clinical_generate.frozen_digest() == clinical_generate.FROZEN_DIGEST, (
        "the generator or its labels changed: GOLD.md"
    )


def test_the_clinical_generator_knows_nothing_of_the_service() -> None:
    folder = Path(clinical_generate.__file__).parent
    for name in ("chart", "injections", "distractors", "generate"):
        text = (folder / f"clinical_{name}.py").read_text(encoding="utf-8")
        assert "from service" not in text
        assert "mappings" not in text
