"""The catalogue of faults, rows 1 to 70: what the reader says is right, and never silently empty.

`CONCORD_TEST_SCALE=full` runs every case at every page of every source; otherwise the middle page
of one source and a draw of the others. `--update-docs` writes docs/reading-faults.md.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from service.mappings.folder import shipped
from service.mappings.frequency import load_frequencies
from service.mappings.routes import load_routes
from service.mappings.rxnorm import load_drug_table
from service.mappings.units import load_units
from service.model.source import State
from service.normalize import Tables, normalize
from tests.read.catalogue import CASES, LINES, Outcome, Run, expected, outcomes, runs
from tests.read.reading_faults import SPECIAL, Special, special_outcomes, table
from tests.read.waiting import WaitingLoop

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
RUNS = runs(full=FULL)
DOCUMENT = Path(__file__).parents[2] / "docs" / "reading-faults.md"
AS_OF = date(2026, 3, 10)


@pytest.fixture(scope="module")
def results() -> Mapping[Run, Outcome]:
    with asyncio.Runner(loop_factory=lambda: WaitingLoop(speed=10)) as runner:
        return runner.run(outcomes(RUNS))


@pytest.fixture(scope="module")
def specials(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Special, State]:
    return asyncio.run(special_outcomes(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="module")
def tables() -> Tables:
    folder = shipped("mappings")
    return Tables(
        drugs=load_drug_table(folder),
        units=load_units(folder),
        frequencies=load_frequencies(folder),
        routes=load_routes(folder),
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.title)
def test_the_state_is_right_and_nothing_is_silently_missing(
    run: Run, results: Mapping[Run, Outcome]
) -> None:
    outcome = results[run]
    assert outcome.state in expected(run, outcome), outcome.reasons
    assert not outcome.silently_short
    assert outcome.state is State.COMPLETE or outcome.reasons
    assert {one.state for one in outcome.others} == {State.COMPLETE}
    assert not any(one.id == "other" for one in outcome.read.resources)
    if run.case.signed_in:
        assert outcome.token_calls == 2, "one token to begin with, one refresh"


@pytest.mark.parametrize("run", [run for run in RUNS if run.case.then], ids=lambda run: run.title)
def test_what_a_strange_line_says_is_kept_and_never_taken_for_understood(
    run: Run, results: Mapping[Run, Outcome], tables: Tables
) -> None:
    """Each of the lines is placed, or excluded, or has a problem; none is lost on the way."""
    record = normalize(results[run].read, tables, AS_OF)
    placed = {entry.origin.reference for entry in record.entries}
    told = {problem.reference for problem in record.problems}
    lines = {
        one.reference for one in results[run].read.resources if one.type == "MedicationRequest"
    }
    assert lines <= placed | set(record.excluded) | told
    match run.case.then:
        case "line":
            assert placed == lines
        case "excluded":
            assert record.excluded
            assert not placed & set(record.excluded)
        case "problem":
            odd = [problem for problem in record.problems if problem.what]
            assert odd


def test_every_row_of_the_catalogue_has_a_case() -> None:
    covered = {case.row for case in CASES} | {one.row for one in SPECIAL}
    assert covered >= set(range(1, 77)), sorted(set(range(1, 77)) - covered)


@pytest.mark.parametrize("special", SPECIAL, ids=lambda one: f"{one.row} {one.name}")
def test_faults_of_connection_access_and_configuration_have_their_state(
    special: Special, specials: Mapping[Special, State]
) -> None:
    assert specials[special] is special.state


def test_the_table_in_the_documentation_is_what_this_run_found(
    request: pytest.FixtureRequest,
    results: Mapping[Run, Outcome],
    specials: Mapping[Special, State],
) -> None:
    text = table(results, specials)
    if request.config.getoption("--update-docs", default=False):
        DOCUMENT.write_text(text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text, "run the tests with --update-docs"


def test_the_same_drug_lines_of_three_sources_stay_apart(
    results: Mapping[Run, Outcome], tables: Tables
) -> None:
    """Row 65: one id on several servers names as many resources."""
    outcome = next(one for run, one in results.items() if run.case.row == 36)
    origins = {
        entry.origin
        for read in (outcome.read, *outcome.others)
        for entry in normalize(read, tables, AS_OF).entries
    }
    assert len(origins) == 3 * LINES
