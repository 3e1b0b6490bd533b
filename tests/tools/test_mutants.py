"""Every safeguard of writing back is one that the tests would miss."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tools.mutants import ROOT, noticed_by, runs
from tests.tools.safeguards import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_the_safeguard_stands_where_the_list_says(mutant: Mutant) -> None:
    assert mutant.safeguard in (ROOT / mutant.file).read_text(encoding="utf-8")


@pytest.mark.skipif(
    os.environ.get("CONCORD_TEST_SCALE") != "full",
    reason="takes the safeguards away one by one: only with CONCORD_TEST_SCALE=full",
)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_the_tests_notice_that_it_is_gone(mutant: Mutant, tmp_path: Path) -> None:
    assert all(noticed_by(mutant, tmp_path))


def test_no_run_that_is_kept_found_a_survivor() -> None:
    assert [name for name, row in runs().items() if not row["test"]] == []
