"""kill -9 at every named moment: nothing is lost, nothing doubled, every doubt is seen."""

from __future__ import annotations

import ast
import os
import random
from contextlib import ExitStack
from pathlib import Path

import pytest

import service
from service.write.crash import CrashPoint
from tests.acceptance.child import work
from tests.acceptance.hospital import PRIMARY_CARE, PSYCHIATRY, hospital
from tests.acceptance.kills import (
    drained,
    kill_again_and_again,
    kill_at_moments,
    kill_at_random,
    never_lost_nor_doubled,
    orders,
    targets_die_too,
)
from tests.acceptance.targets import hapi, kept_sandbox, medplum
from tests.servers.build import Missing

FULL = os.environ.get("CONCORD_TEST_SCALE") == "full"
SEEDS = range(25) if FULL else range(1)
IN_SLICE = 3
"""Moments in the slice; all of them are passed within one process in tests/write."""

DELIVERING = ("pipeline/deliver.py", "pipeline/claim.py", "pipeline/round.py", "write/deliver")


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
            never_lost_nor_doubled(built, drained(built))


def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rng = random.Random(11)
    with hospital(tmp_path) as built:
        built.prepare(200 if FULL else 1)
        kill_at_random(built, built.reviews, rng)
        never_lost_nor_doubled(built, drained(built))


def test_workers_and_servers_that_die_again_and_again_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    rng = random.Random(5)
    lives_s = (5.0, 40.0) if FULL else (0.2, 2.0)
    with ExitStack() as stack:
        both = {
            PSYCHIATRY: stack.enter_context(kept_sandbox("strict", tmp_path)),
            PRIMARY_CARE: stack.enter_context(kept_sandbox("weak", tmp_path)),
        }
        built = stack.enter_context(hospital(tmp_path, both))
        workers, servers = 0, 0
        while not (workers and servers):  # a quick machine may be done before a server has died
            built.prepare(360 if FULL else 3)
            built.sign_here()  # a server that is down then would be left out of the plan
            with targets_die_too(built, rng, lives_s=lives_s) as died:
                workers += kill_again_and_again(built, rng)
            servers += len(died)
        never_lost_nor_doubled(built, drained(built))


@pytest.mark.java
def test_on_servers_that_nobody_here_wrote_a_kill_loses_and_doubles_nothing(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """HAPI's JPA server dies with its worker in the middle of a transaction, and comes back."""
    if "java" not in (pytestconfig.option.markexpr or ""):
        pytest.skip("runs when asked for with -m java (packages are downloaded once)")
    with ExitStack() as stack:
        try:
            both = {
                PSYCHIATRY: stack.enter_context(hapi(tmp_path)),
                PRIMARY_CARE: stack.enter_context(medplum(tmp_path)),
            }
        except Missing as reason:
            pytest.skip(str(reason))
        built = stack.enter_context(hospital(tmp_path, both))
        rng = random.Random(3)
        chosen = orders(list(CrashPoint) if FULL else [CrashPoint.AFTER_LOOK_UP], rng)
        built.prepare(len(chosen))
        assert kill_at_moments(built, chosen) == []
        built.prepare(2)
        built.sign_here()
        doomed = work(built, kill_at=f"{CrashPoint.BEFORE_SEND.value}:2")
        server = both[PSYCHIATRY].process
        assert server is not None
        server.kill()
        doomed.ends_within(5)
        doomed.kill()
        server.start()
        never_lost_nor_doubled(built, drained(built))


def test_every_commit_and_every_request_of_delivering_passes_a_named_moment() -> None:
    """A new step cannot be left out of the kill table: it would have no moment to be killed at."""
    unnamed = [
        f"{place}: {node.name}"
        for place in DELIVERING
        for file in _files(place)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.AsyncFunctionDef)
        and _reaches_out(node)
        and "crash_point" not in _names(node)
        and node.name not in PASSED_AROUND
    ]
    assert unnamed == []


PASSED_AROUND = {
    "_isolate",
    "_postpone",
    "_refuse",  # one commit and nothing before or after it
    "deliver_due",  # looks into the store only
    "deliver_signature",
    "_in_time",  # a longer lease: the commit changes nothing else
    "_within",
    "_request",  # between before-send and after-send
    "_as_seen",
    "_refused_together",
    "search",
    "_look_up",  # between before-look-up and after-look-up
    "_look_at",
}
"""Functions whose callers pass the moments, or whose one commit stands alone."""


def test_every_named_moment_is_passed_somewhere() -> None:
    modules = Path(service.__file__).parent.rglob("*.py")
    text = "".join(file.read_text(encoding="utf-8") for file in modules)
    assert [point for point in CrashPoint if f"CrashPoint.{point.name}" not in text] == []


def _files(place: str) -> list[Path]:
    path = Path(service.__file__).parent / place
    return sorted(path.glob("*.py")) if path.is_dir() else [path]


def _names(node: ast.AST) -> set[str]:
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return names | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}


def _reaches_out(node: ast.AsyncFunctionDef) -> bool:
    """Whether it commits, or asks a server by itself."""
    asks = {"transaction", "update", "create", "read", "search"}
    attributes = {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    return bool(asks & attributes)
