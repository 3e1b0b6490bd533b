"""The catalogue of faults, rows 77 to 95: each ends in its named state, with a sentence.

`--update-docs` writes docs/write-guarantees.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from service.model.review import DeliveryState
from service.store.deliveries import Delivery
from service.write.deliver.next_step import NEXT_STEP
from service.write.target import ORDER
from tests.acceptance.targets import our_key
from tests.tools.guarantees import PAGE, render
from tests.write.bench import Bench
from tests.write.write_faults import CASES, GRAVITY, SOURCE, Case, gravest, outcome, table

Found = Mapping[Case, tuple[Sequence[Delivery], Bench]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    results = {}
    for case in CASES:
        results[case] = asyncio.run(outcome(case, tmp_path_factory.mktemp("case")))
    return results


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}-{case.name}")
def test_it_ends_in_its_named_state_with_a_sentence(case: Case, found: Found) -> None:
    rows, _ = found[case]
    worst = gravest(rows)
    assert worst.state is case.state, [(row.state, row.reason) for row in rows]
    assert {row.state for row in rows} <= set(GRAVITY), "nothing hangs"
    assert all(row.reason for row in rows if row.state is not DeliveryState.DONE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}-{case.name}")
def test_nothing_is_written_twice(case: Case, found: Found) -> None:
    _, bench = found[case]
    storage = bench.servers[SOURCE].storage
    standing = Counter(
        our_key(version.resource)
        for kind in ORDER
        for version in storage.live(kind)
        if version.resource and not version.loaded
    )
    standing.pop("", None)
    assert [key for key, number in standing.items() if number > 1] == []


def test_what_is_gone_when_it_is_read_back_is_said_to_be_gone(found: Found) -> None:
    (rows,) = [rows for case, (rows, _) in found.items() if case.row == 88]
    assert "is not there" in gravest(rows).reason


def test_every_row_of_the_catalogue_and_every_state_has_its_words() -> None:
    assert {case.row for case in CASES} == set(range(77, 96))
    assert set(NEXT_STEP) == set(DeliveryState)


def test_the_page_of_guarantees_says_what_the_tests_found(
    found: Found, request: pytest.FixtureRequest
) -> None:
    said = render(table({case: gravest(rows) for case, (rows, _) in found.items()}))
    if request.config.getoption("--update-docs"):
        Path(PAGE).write_text(said, encoding="utf-8")
    assert Path(PAGE).read_text(encoding="utf-8") == said
