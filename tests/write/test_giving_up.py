"""What is not written yet or never will be: each has a state, a reason, and a way on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from service.errors import DecisionNotAllowed
from service.model.review import DeliveryState
from service.pipeline import review as desk
from service.pipeline.deliver import deliver_due
from service.sandbox.faults import Answer, Fault
from service.store import deliveries as outbox
from service.store.tables import deliveries
from service.write.deliver.recipient import Recipient
from service.write.identity import carries
from service.write.target import ORDER
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import PHARMACIST
from tests.write.ways import DONE, EXPECTED, REFUSED, counts, drain


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
