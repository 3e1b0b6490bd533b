"""A review stands on exactly one report, people share it, what was seen is what is signed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from service.errors import DecisionNotAllowed, NotKept, ReviewStale, StoreError, WriteRejected
from service.model.review import Disposition, ReviewState
from service.pipeline import review as desk
from service.review.asked import Asked
from service.review.decide import Undecided
from service.store import audit, tables
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import AT, PHARMACIST, PSYCHIATRIST, SCHEDULER, report

CONTINUE = Asked(Disposition.CONTINUE)


def test_a_review_opens_only_on_the_report_that_was_seen() -> None:
    async def use(bench: Bench) -> None:
        with pytest.raises(NotKept):
            await desk.open_review(bench.store, PHARMACIST, bench.patient, '"x"', at=AT)
        await bench.keep(report())
        with pytest.raises(ReviewStale):
            await desk.open_review(bench.store, PHARMACIST, bench.patient, '"x"', at=AT)
        kept = await bench.keep(report())
        with pytest.raises(DecisionNotAllowed):
            await desk.open_review(bench.store, SCHEDULER, bench.patient, kept.etag, at=AT)

    on_bench(use)


def test_two_people_share_one_review_and_see_each_others_decisions() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        kept = await bench.keep(report())
        other = await desk.open_review(bench.store, PSYCHIATRIST, bench.patient, kept.etag, at=AT)
        assert other.id == review.id
        await bench.decide(review, "m-li", CONTINUE, PSYCHIATRIST)
        view = await desk.review_state(bench.store, review.id)
        assert view.standing["m-li"].by == PSYCHIATRIST
        with pytest.raises(ReviewStale):
            await desk.decide(bench.store, PHARMACIST, review.id, "m-li", CONTINUE, '"0"', at=AT)

    on_bench(use)


def test_of_two_decisions_at_the_same_moment_one_is_told_to_look_again() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        made = await asyncio.gather(
            *(
                desk.decide(bench.store, user, review.id, "m-li", CONTINUE, '"0"', at=AT)
                for user in (PHARMACIST, PSYCHIATRIST)
            ),
            return_exceptions=True,
        )
        assert sorted(isinstance(one, ReviewStale) for one in made) == [False, True]
        view = await desk.review_state(bench.store, review.id)
        assert len(view.review.decisions) == 1

    on_bench(use)


def test_taking_back_leaves_the_item_undecided_and_the_history_whole() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        await bench.decide(review, "m-li", CONTINUE)
        await bench.decide(review, "m-li", Asked(Disposition.UNDECIDED))
        view = await desk.review_state(bench.store, review.id)
        assert "m-li" not in view.standing
        assert "m-li" in view.undecided_medications
        assert view.etags["m-li"] == '"2"'
        assert len(view.review.decisions) == 2

    on_bench(use)


def test_a_newer_report_ends_the_review_of_the_older_one() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        await bench.decide(review, "m-ser", CONTINUE)
        await bench.decide(review, "m-li", CONTINUE)
        await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT))
        changed = report()
        changed["medications"][0]["lines"][0]["version"] = "3"
        await bench.keep(changed)
        with pytest.raises(ReviewStale):
            await desk.sign(
                bench.store, PHARMACIST, review.id, "all", bench.targets, at=bench.now[0]
            )
        assert await bench.rows(review) == ()
        second = await bench.open(changed)
        assert second.id != review.id
        view = await desk.review_state(bench.store, review.id)
        assert view.review.state is ReviewState.SUPERSEDED
        with pytest.raises(ReviewStale):
            await desk.decide(bench.store, PHARMACIST, review.id, "f-low", CONTINUE, '"0"', at=AT)

    on_bench(use)


def test_one_changed_byte_of_the_report_refuses_the_signature() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        await bench.decide(review, "m-li", CONTINUE)
        async with bench.store.transaction() as tx:
            await tx.execute(update(tables.reports).values(body=b'{"medications": []}'))
        with pytest.raises(StoreError):
            await desk.sign(bench.store, PHARMACIST, review.id, "mine", bench.targets, at=AT)
        assert await bench.rows(review) == ()

    on_bench(use)


def test_signing_is_refused_with_ids_while_something_high_is_undecided() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        await bench.decide(review, "m-ser", CONTINUE)
        with pytest.raises(Undecided) as refused:
            await desk.sign(bench.store, PHARMACIST, review.id, "all", bench.targets, at=AT)
        assert refused.value.items == ("f-dose",)
        assert await bench.rows(review) == ()

    on_bench(use)


def test_the_dry_run_is_what_is_queued() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        for item, asked in {
            "m-ser": CONTINUE,
            "m-li": CONTINUE,
            "f-dose": Asked(Disposition.ACCEPT),
        }.items():
            await bench.decide(review, item, asked)
        shown = await desk.plan_of(
            bench.store, PHARMACIST, review.id, bench.targets, at=bench.now[0]
        )
        assert shown.problems == ()
        await desk.sign(bench.store, PHARMACIST, review.id, "all", bench.targets, at=bench.now[0])
        after = await desk.plan_of(
            bench.store, PSYCHIATRIST, review.id, bench.targets, at=bench.now[0]
        )
        assert [p.bundle for p in after.targets] == [p.bundle for p in shown.targets]

    on_bench(use)


def test_a_signed_review_takes_no_decision_and_no_second_signature() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        with pytest.raises(DecisionNotAllowed):
            await bench.decide(review, "m-li", CONTINUE)
        with pytest.raises(DecisionNotAllowed):
            await desk.sign(bench.store, PHARMACIST, review.id, "all", bench.targets, at=AT)
        rows = await bench.rows(review)
        assert len({row.key for row in rows}) == len(rows)

    on_bench(use)


def test_every_act_of_a_person_is_in_the_audit() -> None:
    async def use(bench: Bench) -> None:
        await bench.signed()
        async with bench.store.read() as look:
            found = await audit.rows(look, patient=bench.patient)
        acts = [row.action for row in reversed(found)]
        assert acts[0] == "open-review"
        assert acts[-1] == "sign-all"
        assert acts.count("decide-override") == 1
        assert {row.who for row in found} == {PHARMACIST.id}

    on_bench(use)


def test_a_plan_that_the_gate_refuses_is_not_signed() -> None:
    async def use(bench: Bench) -> None:
        unsound = report()
        unsound["medications"][0]["lines"][0]["reference"] = "http://elsewhere.example/x"
        review = await bench.open(unsound)
        await bench.decide(review, "m-ser", CONTINUE)
        await bench.decide(review, "m-li", CONTINUE)
        await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT))
        with pytest.raises(WriteRejected, match="leads off this server"):
            await desk.sign(bench.store, PHARMACIST, review.id, "all", bench.targets, at=AT)
        assert await bench.rows(review) == ()

    on_bench(use)
