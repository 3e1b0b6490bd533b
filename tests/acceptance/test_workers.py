"""Several workers on one store: each piece of work is done once, whoever dies or sleeps over it."""

from __future__ import annotations

import os
from pathlib import Path

from service.house import TEND_S
from service.pipeline.courier import LEASE_S
from service.write.crash import CrashPoint
from tests.acceptance.child import work
from tests.acceptance.hospital import Hospital, hospital
from tests.acceptance.kills import (
    HALTS,
    counts,
    halt_at_moment,
    never_lost_nor_doubled,
    wait_until_settled,
)

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
TAKEN_OVER_S = 30
PATIENTS = 40 if FULL else 6
ROUNDS = 20 if FULL else 1
ASLEEP_AT = HALTS if FULL else [CrashPoint.BEFORE_SEND]


def ready(built: Hospital, patients: int) -> None:
    built.prepare(patients)
    built.sign_here()


def test_a_survivor_takes_over_within_the_promised_time() -> None:
    assert LEASE_S + TEND_S <= TAKEN_OVER_S


def test_workers_share_the_work_and_survive_the_death_of_one(
    store_url: str, tmp_path: Path
) -> None:
    with hospital(tmp_path, store_url=store_url) as built:
        for _ in range(ROUNDS):
            ready(built, PATIENTS)
            doomed = work(built, name="doomed", kill_at=f"{CrashPoint.AFTER_SEND.value}:2")
            others = [work(built, name=f"worker-{number}") for number in range(2)]
            wait_until_settled(built)
            doomed.ends_within(1)
            for child in (doomed, *others):
                child.kill()
            never_lost_nor_doubled(built, counts(built))


def test_a_worker_that_slept_past_its_lease_does_nothing_twice(
    store_url: str, tmp_path: Path
) -> None:
    with hospital(tmp_path, store_url=store_url) as built:
        for point in ASLEEP_AT:
            ready(built, 1)
            assert halt_at_moment(built, point)
            never_lost_nor_doubled(built, counts(built))
