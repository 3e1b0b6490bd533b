"""kill -9 at every named moment: nothing is lost, nothing doubled, every doubt is seen."""

from __future__ import annotations

import os
import random
from pathlib import Path

from service.write.crash import CrashPoint
from tests.acceptance.hospital import hospital
from tests.acceptance.kills import (
    drained,
    kill_at_moments,
    kill_at_random,
    never_lost_nor_doubled,
    orders,
)

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
SEEDS = range(25) if FULL else range(1)
IN_SLICE = 3
"""Moments in the slice; all of them are passed within one process in tests/write."""


def test_a_kill_at_a_named_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    for seed in SEEDS:
        rng = random.Random(seed)
        points = list(CrashPoint) if FULL else rng.sample(list(CrashPoint), IN_SLICE)
        chosen = orders(points, rng)
        folder = tmp_path / str(seed)
        folder.mkdir()
        with hospital(folder) as built:
            built.prepare(len(chosen))
            assert kill_at_moments(built, chosen) == []
            never_lost_nor_doubled(drained(built))


def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rng = random.Random(11)
    with hospital(tmp_path) as built:
        built.prepare(200 if FULL else 1)
        kill_at_random(built, built.reviews, rng)
        never_lost_nor_doubled(drained(built))
