"""The ways in which a worker is killed, and what is counted after it: one function each."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from service.model.review import DeliveryState
from service.sandbox.manners import WEAK
from service.write.crash import CrashPoint
from tests.acceptance.armed import LEASE_S
from tests.acceptance.child import Child, serve, sign, work
from tests.acceptance.hospital import Count, Hospital, count

DRAIN_S = 90.0
PASS_S = 20.0
RESUMED_S = 1.5
"""How long a worker that was resumed is given to do harm."""


def needs_a_lost_answer(point: CrashPoint) -> bool:
    """Moments that are passed only when something is in doubt."""
    return "look-up" in point.value


def orders(points: Sequence[CrashPoint], rng: random.Random) -> list[str]:
    """The moments in random order, each after what makes it come about."""
    shuffled = list(points)
    rng.shuffle(shuffled)
    found = []
    for point in shuffled:
        if needs_a_lost_answer(point):
            found.append(f"{CrashPoint.AFTER_SEND.value}:1")
        found.append(f"{point.value}:{rng.choice([1, 1, 2]) if not _once(point) else 1}")
    return found


def _once(point: CrashPoint) -> bool:
    """Moments of signing and of looking up come once in a while only."""
    return "sign" in point.value or needs_a_lost_answer(point)


def kill_at_moments(hospital: Hospital, chosen: Sequence[str]) -> list[str]:
    """Signs one review per moment, the newest ones, with the service armed to die there; gives the
    moments that it survived.

    What one child leaves behind is the next one's first work.
    """
    survived = []
    for order, review in zip(chosen, hospital.reviews[-len(chosen) :], strict=True):
        child = serve(hospital, kill_at=order)
        sign(hospital, review)
        child.ends_within(PASS_S)
        if not child.killed:
            survived.append(order)
        child.kill()
    return survived


def kill_at_random(hospital: Hospital, reviews: Sequence[str], rng: random.Random) -> None:
    """Signs, and kills the service at a random moment of what follows."""
    for review in reviews:
        child = serve(hospital)
        sign(hospital, review)
        time.sleep(rng.uniform(0.0, 1.2))
        child.kill()


HALTS = tuple(one for one in CrashPoint if "sign" not in one and "inside" not in one)
"""Where a worker is put to sleep: not inside a commit, where it holds the database's own lock and
others wait for it, so that they cannot do anything twice either."""


def halt_at_moment(hospital: Hospital, point: CrashPoint) -> bool:
    """A worker halts at this moment, another goes on after its lease, then it is resumed.

    Works on what was signed already. False when the moment was not passed.
    """
    if needs_a_lost_answer(point):
        doomed = work(hospital, kill_at=f"{CrashPoint.AFTER_SEND.value}:1")
        doomed.ends_within(PASS_S)
        doomed.kill()
    with ExitStack() as children:
        sleeper = work(hospital, name="sleeper", stop_at=f"{point.value}:1")
        children.callback(sleeper.kill)
        until = time.monotonic() + PASS_S
        while not sleeper.stopped and time.monotonic() < until:
            time.sleep(0.05)
        halted = sleeper.stopped
        time.sleep(LEASE_S)
        other = work(hospital, name="other")
        children.callback(other.kill)
        wait_until_settled(hospital)
        sleeper.resume()
        time.sleep(RESUMED_S)
    return halted


def take_over(hospital: Hospital) -> float:
    """A worker dies while its request is out, with the waits that are shipped.

    Gives the seconds from its death until its survivor had done everything.
    """
    doomed = work(
        hospital, name="doomed", kill_at=f"{CrashPoint.AFTER_SEND.value}:1", hurried=False
    )
    doomed.ends_within(DRAIN_S)
    died = time.monotonic()
    survivor = work(hospital, name="survivor", hurried=False)
    wait_until_settled(hospital)
    seconds = time.monotonic() - died
    doomed.kill()
    survivor.kill()
    return seconds


def kill_again_and_again(
    hospital: Hospital, rng: random.Random, *, lives_s: tuple[float, float] = (0.2, 2.0)
) -> int:
    """Lets each worker live so long until what was signed is written; gives how many died."""
    died = 0
    until = time.monotonic() + DRAIN_S * len(hospital.reviews)
    while hospital.waits() and time.monotonic() < until:
        child = work(hospital)
        time.sleep(rng.uniform(*lives_s))
        child.kill()
        died += 1
    return died


@contextmanager
def targets_die_too(
    hospital: Hospital, rng: random.Random, *, lives_s: tuple[float, float] = (5.0, 40.0)
) -> Iterator[list[str]]:
    """Meanwhile kills servers that keep their data and starts them again; gives who died."""
    died: list[str] = []
    enough = threading.Event()
    mortal = [target for target in hospital.targets.values() if target.process]

    def kill() -> None:
        while not enough.wait(rng.uniform(*lives_s)):
            target = rng.choice(mortal)
            assert target.process is not None
            target.process.kill()
            died.append(target.name)
            target.process.start()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield died
    finally:
        enough.set()
        thread.join()


def wait_until_settled(hospital: Hospital) -> float:
    """Waits until no row of the outbox can be moved on by a worker; gives the seconds it took."""
    began = time.monotonic()
    while hospital.waits():
        if time.monotonic() - began > DRAIN_S:
            break
        time.sleep(0.3)
    return time.monotonic() - began


def drained(hospital: Hospital) -> dict[str, Count]:
    """Signs what a kill kept from being signed, lets everything end, and counts."""
    child: Child = serve(hospital)
    try:
        for review in hospital.reviews:
            if not hospital.signed(review):
                sign(hospital, review)
        wait_until_settled(hospital)
        assert all(hospital.signed(review) for review in hospital.reviews)
    finally:
        child.kill()
    return counts(hospital)


def counts(hospital: Hospital) -> dict[str, Count]:
    """What stands on each server, asked when its index shows all that was written."""
    time.sleep(WEAK.index_lag_s)
    rows = hospital.rows()
    return {server: count(hospital, server, rows) for server in hospital.targets}


def never_lost_nor_doubled(hospital: Hospital, found: dict[str, Count]) -> None:
    """The promise: on a server that keeps its word nothing at all; elsewhere nothing unseen."""
    for server, target in hospital.targets.items():
        one = found[server]
        seen = (one.waiting, one.lost, one.silent)
        if target.keeps_its_word:
            seen += (one.shown, one.doubled, one.extra_versions)
        assert one.accepted > 0, (target.name, one)
        assert not any(seen), (target.name, one, unfinished(hospital, server))


def unfinished(hospital: Hospital, server: str) -> list[tuple[str, ...]]:
    """What is not done on one server, and why not."""
    return [
        (row.type, row.state.value, row.reason, row.strategy, str(row.attempts))
        for row in hospital.rows()
        if row.target == server and row.resource and row.state is not DeliveryState.DONE
    ]
