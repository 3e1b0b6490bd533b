"""From a signature to resources on a server: once, verified, and honest about what failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.errors import DecisionNotAllowed
from service.model.review import DeliveryState, Disposition
from service.pipeline import review as desk
from service.pipeline.courier import LEASE_S
from service.pipeline.deliver import deliver_due
from service.review.asked import Asked
from service.sandbox.faults import Answer, Fault
from service.store import reports, reviews
from service.write.crash import CrashPoint, arm
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import PHARMACIST, report
from tests.write.ways import CONFLICT, DONE, EXPECTED, WAYS, counts, drain, versions


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm(None)


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


def test_a_search_cache_hides_no_write_whose_answer_was_lost() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        lost = Fault(Answer(status=500, commit=True), method="POST", times=0)
        bench.servers["psychiatry"].faults.add(lost)
        await drain(bench)
        assert {row.state for row in await bench.rows(review)} == {DONE}
        assert counts(bench) == EXPECTED

    on_bench(use, search_cache_s=600, **WAYS["by POST once"])


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


def test_a_key_stands_for_one_resource_so_that_none_goes_in_a_transaction() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.signed()
        await drain(bench)
        rows = await bench.rows(review)
        assert {(row.state, row.strategy) for row in rows} == {(DONE, "idempotency-key")}
        assert counts(bench) == EXPECTED

    on_bench(use, **(WAYS["by POST with a key"] | {"transaction": "atomic"}))


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


def test_a_decision_that_is_signed_is_not_decided_again_in_its_review() -> None:
    async def use(bench: Bench) -> None:
        review = await bench.open()
        await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT))
        await desk.sign(bench.store, PHARMACIST, review.id, "mine", bench.targets, at=bench.now[0])
        with pytest.raises(DecisionNotAllowed, match="signed"):
            await bench.decide(review, "f-dose", Asked(Disposition.OVERRIDE, reason="no"))

    on_bench(use)
