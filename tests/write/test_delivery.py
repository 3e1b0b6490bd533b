"""From a signature to resources on a server: once, verified, and honest about what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from service.errors import DecisionNotAllowed
from service.model.review import DeliveryState, Disposition
from service.pipeline import review as desk
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.review.asked import Asked
from service.sandbox.faults import Answer, Fault, Hang
from service.store import deliveries as outbox
from service.store import leases, reports, reviews
from service.store.backup import backup
from service.store.tables import deliveries
from service.write.crash import CrashPoint, arm
from service.write.deliver.recipient import Recipient
from service.write.identity import carries
from service.write.target import ORDER
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import PHARMACIST, report

WAYS: dict[str, dict[str, Any]] = {
    "in one transaction": {},
    "by PUT under our id": {"transaction": "refused"},
    "by conditional create": {"transaction": "refused", "update_create": False},
    "by POST with a key": {
        "transaction": "refused",
        "update_create": False,
        "conditional_create": False,
        "idempotency_header": "x-amz-fhir-idempotency-key",
    },
    "by POST once": {
        "transaction": "refused",
        "update_create": False,
        "conditional_create": False,
    },
}
EXPECTED = {
    "MedicationStatement": 2,
    "DetectedIssue": 2,
    "MedicationRequest": 1,
    "List": 1,
    "Flag": 1,
    "Task": 3,
    "CarePlan": 1,
    "Provenance": 1,
}
DONE, REFUSED, CONFLICT = DeliveryState.DONE, DeliveryState.REFUSED, DeliveryState.CONFLICT


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(None)


def counts(bench: Bench, source: str = "psychiatry") -> dict[str, int]:
    return {kind: len(found) for kind, found in bench.holds(source).items()}


def versions(bench: Bench, source: str = "psychiatry") -> set[int]:
    storage = bench.servers[source].storage
    return {v.number for kind in ORDER for v in storage.live(kind) if not v.loaded}


async def drain(bench: Bench, rounds: int = 6) -> None:
    for _ in range(rounds):
        await deliver_due(bench.courier)
        bench.later(120)


@pytest.mark.parametrize("way", WAYS)
def test_a_signed_review_stands_on_the_server_once_and_is_read_back(way: str) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        await drain(bench)
        rows = await bench.rows(review)
        assert {(row.state, row.reason) for row in rows} == {(DONE, "")}
        assert all(row.location and row.version == "1" for row in rows)
        assert counts(bench) == EXPECTED
        await drain(bench)
        assert versions(bench) == {1}

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", WAYS)
def test_references_inside_the_server_lead_to_what_was_written(way: str) -> None:
    async def use(bench: Bench) -> None:
        await bench.signed()
        await drain(bench)
        held = bench.holds("psychiatry")
        statements = {f"MedicationStatement/{one['id']}" for one in held["MedicationStatement"]}
        listed = {entry["item"]["reference"] for entry in held["List"][0]["entry"]}
        assert listed == statements
        written = {f"{kind}/{one['id']}" for kind, found in held.items() for one in found} - {
            f"Provenance/{held['Provenance'][0]['id']}"
        }
        assert {one["reference"] for one in held["Provenance"][0]["target"]} == written

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", list(WAYS)[:4])
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_is_looked_up_and_nothing_is_doubled(way: str, committed: bool) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        for method in ("POST", "PUT"):
            bench.servers["psychiatry"].faults.add(
                Fault(Answer(status=500, commit=committed), method=method, after=0)
            )
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED
        assert versions(bench) == {1}

    on_bench(use, **WAYS[way])


def test_a_post_whose_answer_was_lost_is_never_repeated() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        bench.servers["psychiatry"].faults.add(Fault(Answer(status=500), method="POST"))
        await drain(bench)
        states = {row.state for row in await bench.rows(review)}
        assert DeliveryState.NEEDS_REVIEW in states
        assert counts(bench).get("MedicationStatement", 0) == 1

    on_bench(use, **WAYS["by POST once"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("point", list(CrashPoint))
@pytest.mark.parametrize("passing", [1, 2])
def test_a_kill_at_any_named_moment_loses_and_doubles_nothing(
    way: str, point: CrashPoint, passing: int
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    passed: list[CrashPoint] = []

    def kill(at: CrashPoint) -> None:
        if at is point:
            passed.append(at)
            if len(passed) == passing:
                raise Killed

    async def use(bench: Bench) -> None:
        arm(kill)
        try:
            review = await bench.signed()
            for _ in range(3):
                await deliver_due(bench.courier)
        except Killed:
            pass
        arm(None)
        bench.later(LEASE_S + 1)
        async with bench.store.read() as look:
            kept = await reports.newest(look, bench.patient)
            assert kept is not None
            (opened,) = await reviews.of_report(look, kept.id)
            review = await reviews.get(look, opened)
        if review.signed_by is None:
            await desk.sign(bench.store, PHARMACIST, opened, "all", bench.targets, at=bench.now[0])
        await drain(bench)
        rows = await bench.rows(review)
        open_rows = [row for row in rows if row.state is not DONE]
        if way == "by POST once":
            allowed = {DeliveryState.NEEDS_REVIEW, DeliveryState.PLANNED}
            assert {row.state for row in open_rows} <= allowed
            assert all(counts(bench)[kind] <= EXPECTED[kind] for kind in counts(bench))
        else:
            assert open_rows == []
            assert counts(bench) == EXPECTED
        assert versions(bench) <= {1}

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", list(WAYS)[:3])
def test_a_second_signature_updates_our_own_resources_and_adds_no_list(way: str) -> None:
    async def use(bench: Bench) -> None:
        await bench.signed()
        await drain(bench)
        changed = report()
        changed["medications"][0]["daily_dose"]["value"] = 50
        second = await bench.signed(changed)
        plan = await desk.plan_of(
            bench.store, PHARMACIST, second.id, bench.targets, at=bench.now[0]
        )
        (listed,) = [w for w in plan.targets[0].writes if w.type == "List"]
        assert listed.if_match == "1"
        await drain(bench)
        assert {row.state for row in await bench.rows(second)} == {DONE}
        held = counts(bench)
        assert (held["List"], held["CarePlan"], held["MedicationStatement"]) == (1, 1, 2)
        texts = [
            one["dosage"][0]["text"] for one in bench.holds("psychiatry")["MedicationStatement"]
        ]
        assert any("50 mg" in text for text in texts)

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", list(WAYS)[:3])
def test_a_change_by_somebody_else_is_a_conflict_and_is_never_overwritten(way: str) -> None:
    async def use(bench: Bench) -> None:
        await bench.signed()
        await drain(bench)
        storage = bench.servers["psychiatry"].storage
        (mine,) = bench.holds("psychiatry")["List"]
        client = bench.courier.recipients["psychiatry"].server
        await client.update(mine | {"title": "edited there"}, if_match="1")
        changed = report()
        changed["medications"][0]["daily_dose"]["value"] = 50
        second = await bench.signed(changed)
        await drain(bench)
        states = {row.type: row.state for row in await bench.rows(second)}
        assert states["List"] is CONFLICT
        assert way != "in one transaction" or set(states.values()) == {CONFLICT}
        kept = storage.current("List", mine["id"])
        assert kept is not None
        assert kept.resource is not None
        assert kept.resource["title"] == "edited there"

    on_bench(use, **WAYS[way])


def test_a_server_that_rewrites_what_was_approved_is_found_out() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        await drain(bench)
        wrong = {
            row.type: row.reason
            for row in await bench.rows(review)
            if row.state is DeliveryState.NEEDS_REVIEW
        }
        assert "dosage" in wrong["MedicationStatement"]

    on_bench(use, drops=frozenset({"dosage"}))


def test_a_server_that_is_down_keeps_the_writes_waiting_and_then_gets_them() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        faults = bench.servers["psychiatry"].faults
        faults.add(Fault(Answer(status=503), times=0))
        await drain(bench, 2)
        waiting = await bench.rows(review)
        assert {row.state for row in waiting} == {DeliveryState.PLANNED}
        assert all(row.reason for row in waiting)
        faults.clear()
        bench.later(3600)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use)


def test_a_server_that_stays_down_ends_as_a_dead_letter_that_can_be_replayed() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        faults = bench.servers["psychiatry"].faults
        faults.add(Fault(Answer(status=503), times=0))
        for _ in range(14):
            await deliver_due(bench.courier)
            bench.later(4000)
        rows = await bench.rows(review)
        assert {row.state for row in rows} == {DeliveryState.DEAD}
        faults.clear()
        for row in rows:
            await desk.replay(bench.store, PHARMACIST, row.id, at=bench.now[0])
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use)


def test_what_a_server_refuses_is_given_up_with_its_reason_and_nothing_half_is_left() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        refusal = Answer(status=422, issue="no", code="invalid")
        bench.servers["psychiatry"].faults.add(Fault(refusal, method="POST"))
        await drain(bench)
        rows = await bench.rows(review)
        assert {row.state for row in rows} == {REFUSED}
        assert all("422" in row.reason for row in rows)
        assert counts(bench) == {}

    on_bench(use)


def test_a_refused_transaction_that_left_something_behind_goes_to_a_person() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        refusal = Answer(status=400, issue="no", code="invalid", commit=True)
        bench.servers["psychiatry"].faults.add(Fault(refusal, method="POST"))
        await drain(bench)
        states = {row.state for row in await bench.rows(review)}
        assert states == {DeliveryState.NEEDS_REVIEW}

    on_bench(use)


def test_every_accepted_write_is_somewhere_after_each_step() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        accepted = len(await bench.rows(review))
        for _ in range(3):
            await deliver_due(bench.courier)
            async with bench.store.read() as look:
                assert sum((await outbox.tally(look)).values()) == accepted

    on_bench(use)


def test_nothing_is_written_where_writing_is_not_switched_on() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        await drain(bench)
        rows = await bench.rows(review)
        assert {row.state for row in rows} == {REFUSED}
        assert all("not switched on" in row.reason for row in rows)
        assert counts(bench) == {}
        with pytest.raises(DecisionNotAllowed):
            await desk.replay(bench.store, PHARMACIST, rows[0].id, at=bench.now[0])

    on_bench(use, allowed=())


def test_bytes_changed_after_the_approval_are_never_sent() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        async with bench.store.transaction() as tx:
            await tx.execute(update(deliveries).values(resource=b'{"resourceType":"Task"}'))
        await drain(bench)
        rows = await bench.rows(review)
        assert {row.state for row in rows} == {REFUSED}
        assert all("approved" in row.reason for row in rows)
        assert counts(bench) == {}

    on_bench(use)


def test_a_worker_that_lost_its_lease_changes_nothing_any_more() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        taken: list[int | None] = []

        def pause(point: CrashPoint) -> None:
            if point is CrashPoint.AFTER_SEND and not taken:
                bench.later(LEASE_S + 1)
                taken.append(None)

        arm(pause)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use)


def test_cancelling_stops_what_was_not_sent_and_nothing_else() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        (first, *_rest) = await bench.rows(review)
        gone = await desk.cancel(bench.store, PHARMACIST, first.id, at=bench.now[0])
        assert gone.state is DeliveryState.CANCELLED
        await drain(bench)
        states = {row.id: row.state for row in await bench.rows(review)}
        assert states[first.id] is DeliveryState.CANCELLED
        done = next(row for row, state in states.items() if state is DONE)
        with pytest.raises(DecisionNotAllowed):
            await desk.cancel(bench.store, PHARMACIST, done, at=bench.now[0])

    on_bench(use)


def test_signing_mine_writes_single_decisions_and_later_all_adds_the_list() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        ask = Asked(Disposition.NOT_SURE, reason="which dose?")
        await bench.decide(review, "m-ser", ask)
        await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT))
        await desk.sign(bench.store, PHARMACIST, review.id, "mine", bench.targets, at=bench.now[0])
        await drain(bench)
        assert counts(bench) == {"DetectedIssue": 1, "Task": 1, "Provenance": 1}
        await bench.decide(review, "m-li", Asked(Disposition.CONTINUE))
        await desk.sign(bench.store, PHARMACIST, review.id, "all", bench.targets, at=bench.now[0])
        await drain(bench)
        held = counts(bench)
        assert (held["List"], held["MedicationStatement"], held["DetectedIssue"]) == (1, 2, 1)
        assert held["Task"] == 2

    on_bench(use)


def test_a_worker_that_slept_past_its_lease_sends_nothing() -> None:
    async def use(bench: Bench) -> None:
        await bench.signed()

        def sleep(point: CrashPoint) -> None:
            if point is CrashPoint.BEFORE_SEND:
                bench.later(LEASE_S + 1)

        arm(sleep)
        assert await deliver_due(bench.courier) == 0
        assert counts(bench) == {}

    on_bench(use)


def test_a_search_cache_hides_no_write_whose_answer_was_lost() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        lost = Fault(Answer(status=500, commit=True), method="POST", times=0)
        bench.servers["psychiatry"].faults.add(lost)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use, search_cache_s=600, **WAYS["by POST once"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("delivered_since", [False, True])
def test_an_old_backup_restored_writes_nothing_twice(
    way: str, delivered_since: bool, tmp_path: Path
) -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        file = tmp_path / "backup.gz"
        await backup(bench.store, file)
        if delivered_since:
            await drain(bench)
        async with AsyncExitStack() as stack:
            await bench.restored(file, stack)
            await drain(bench)
            states = {row.state for row in await bench.rows(review)}
            if way == "by POST once" and not delivered_since:
                assert states == {DeliveryState.NEEDS_REVIEW}
                assert counts(bench) == {}
            else:
                assert states == {DONE}
                assert counts(bench) == EXPECTED
            assert versions(bench) <= {1}

    on_bench(use, **WAYS[way])


@pytest.mark.parametrize("way", WAYS)
def test_what_was_signed_after_the_backup_is_not_written_twice_when_it_is_signed_again(
    way: str, tmp_path: Path
) -> None:
    async def use(bench: Bench) -> None:
        file = tmp_path / "backup.gz"
        await backup(bench.store, file)
        await bench.signed()
        await drain(bench)
        async with AsyncExitStack() as stack:
            await bench.restored(file, stack)
            bench.later(60)
            await bench.signed()
            await drain(bench)
            assert counts(bench) == EXPECTED
            assert versions(bench) == {1}

    on_bench(use, **WAYS[way])


def test_a_server_that_cannot_say_what_it_takes_gets_nothing_until_it_can() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        able = bench.courier
        lost = replace(bench.targets[0], unreachable="connection refused", put_creates=frozenset())
        deaf = Recipient(able.recipients["psychiatry"].server, lost)
        bench.courier = replace(able, recipients={"psychiatry": deaf})
        await drain(bench, 2)
        waiting = await bench.rows(review)
        assert {row.state for row in waiting} == {DeliveryState.PLANNED}
        assert all("connection refused" in row.reason for row in waiting)
        assert counts(bench) == {}
        bench.courier = able
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}

    on_bench(use)


def test_a_server_that_never_comes_back_ends_as_dead_letters() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        lost = replace(bench.targets[0], unreachable="connection refused")
        deaf = Recipient(bench.courier.recipients["psychiatry"].server, lost)
        bench.courier = replace(bench.courier, recipients={"psychiatry": deaf})
        for _ in range(14):
            await deliver_due(bench.courier)
            bench.later(4000)
        assert {row.state for row in await bench.rows(review)} == {DeliveryState.DEAD}

    on_bench(use)


def test_what_was_switched_off_since_the_signature_is_not_sent() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        narrower = replace(bench.targets[0], allowed=frozenset(ORDER) - {"Task"})
        there = Recipient(bench.courier.recipients["psychiatry"].server, narrower)
        bench.courier = replace(bench.courier, recipients={"psychiatry": there})
        await drain(bench)
        states = {row.type: (row.state, row.reason) for row in await bench.rows(review)}
        assert states["Task"][0] is REFUSED
        assert "not switched on" in states["Task"][1]
        assert states["List"][0] is DONE
        assert "Task" not in counts(bench)

    on_bench(use)


def test_a_write_cancelled_while_it_is_claimed_is_not_sent_and_not_called_cancelled() -> None:
    """Either the person was first and it never goes, or the worker was and the person is told."""

    async def use(bench: Bench) -> None:
        review = await bench.signed()
        (first, *_rest) = await bench.rows(review)
        refused: list[str] = []

        async def cancel() -> None:
            try:
                await desk.cancel(bench.store, PHARMACIST, first.id, at=bench.now[0])
            except DecisionNotAllowed as error:
                refused.append(error.message)

        await asyncio.gather(deliver_due(bench.courier), cancel())
        await drain(bench)
        (row,) = [one for one in await bench.rows(review) if one.id == first.id]
        assert row.state is (DONE if refused else DeliveryState.CANCELLED)
        standing = [one for found in bench.holds("psychiatry").values() for one in found]
        assert any(carries(one, first.key) for one in standing) == bool(refused)

    on_bench(use)


def test_a_request_never_outlasts_its_lease() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        hang = Fault(Hang(seconds=3600), method="POST")
        bench.servers["psychiatry"].faults.add(hang)
        bench.courier = replace(bench.courier, lease_s=0.4)
        async with asyncio.timeout(20):
            await deliver_due(bench.courier)
        bench.later(1)
        bench.courier = replace(bench.courier, lease_s=LEASE_S)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use)


def test_a_post_that_no_search_shows_yet_is_not_repeated_after_a_kill() -> None:
    """The mark that was made before it went out is all that is known of it."""

    class Killed(BaseException):
        """The process ends here."""

    def kill(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SEND:
            raise Killed

    async def use(bench: Bench) -> None:
        review = await bench.signed()
        arm(kill)
        with pytest.raises(Killed):
            await deliver_due(bench.courier)
        arm(None)
        bench.later(LEASE_S + 1)
        await drain(bench)
        assert DeliveryState.NEEDS_REVIEW in {row.state for row in await bench.rows(review)}
        storage = bench.servers["psychiatry"].storage
        assert [storage.count(kind) for kind in ("MedicationStatement", "Task")] == [1, 0]

    on_bench(use, index_lag_s=3600, **WAYS["by POST once"])


def test_a_server_that_has_had_the_key_makes_nothing_twice_whatever_its_search_shows() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        lost = Fault(Answer(status=500, commit=True), method="POST", times=1)
        bench.servers["psychiatry"].faults.add(lost)
        await drain(bench)
        rows = await bench.rows(review)
        (stuck,) = [row for row in rows if row.state is DeliveryState.NEEDS_REVIEW]
        assert "the server has had it already" in stuck.reason
        storage = bench.servers["psychiatry"].storage
        assert storage.count(stuck.type) == EXPECTED[stuck.type]

    on_bench(use, index_lag_s=3600, **WAYS["by POST with a key"])


def test_what_somebody_else_holds_is_left_alone() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        name = f"deliver/{bench.patient}/psychiatry"
        async with bench.store.transaction() as tx:
            assert await leases.acquire(tx, name, "w2", seconds=LEASE_S, at=bench.now[0])
        assert await deliver_due(bench.courier) == 0
        assert {(row.state, row.attempts) for row in await bench.rows(review)} == {
            (DeliveryState.PLANNED, 0)
        }
        bench.later(LEASE_S + 1)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}

    on_bench(use)


def test_each_try_waits_longer_than_the_one_before() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        bench.servers["psychiatry"].faults.add(Fault(Answer(status=503), times=0))
        waits = []
        for _ in range(4):
            await deliver_due(bench.courier)
            (due,) = {row.not_before for row in await bench.rows(review)}
            waits.append((due - bench.now[0]).total_seconds())
            bench.later(waits[-1])
        assert waits == sorted(set(waits))

    on_bench(use)


def test_a_decision_that_is_signed_is_not_decided_again_in_its_review() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT))
        await desk.sign(bench.store, PHARMACIST, review.id, "mine", bench.targets, at=bench.now[0])
        with pytest.raises(DecisionNotAllowed, match="signed"):
            await bench.decide(review, "f-dose", Asked(Disposition.OVERRIDE, reason="no"))

    on_bench(use)
