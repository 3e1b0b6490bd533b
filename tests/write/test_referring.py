"""A care plan of somebody else's refers to ours: chosen, exact, on top of the version seen."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from service.errors import ReviewStale
from service.fhir.client import FhirClient
from service.model.around import ForeignPlan
from service.model.review import Disposition, PlannedWrite, Review, Target
from service.model.source import RawResource, Role, SourceRead
from service.pipeline import review as desk
from service.pipeline.changes import changes
from service.pipeline.deliver import deliver_due
from service.review.asked import Asked
from service.review.difference import Field
from service.sandbox.faults import Answer, Fault
from service.store import reads, reports
from service.write import gate
from service.write.codes import IDENTIFIER_SYSTEM
from service.write.coordinate import keys_in
from service.write.known import Known, Put
from service.write.plan import plan
from service.write.target import ORDER, Signing, WriteTarget
from tests.write.bench import Bench, on_bench
from tests.write.synthetic import AS_OF, AT, PHARMACIST, all_decided, body, report, reviewed

THEIRS = (
    '{ "resourceType":"CarePlan","id":"7",\n  "meta":{"versionId":"1"},'
    '"status":"active","intent":"plan","subject":{"reference":"Patient/17"},'
    '"extension":[{"url":"urn:x","valueDecimal":1.10}],'
    '"activity":[ {"detail":{"status":"scheduled","description":"Caf\\u00e9"}} ] }'
)
NAME = "psychiatry:CarePlan/7/_history/1"
TARGET = WriteTarget(
    "psychiatry",
    "https://psy.example/fhir",
    frozenset(ORDER),
    transactions=True,
    coordinate=frozenset({"CarePlan"}),
    version_guarded=frozenset({"CarePlan"}),
)
CHOSEN = Signing("sg-1", PHARMACIST, AT, "all", frozenset({NAME}))


def foreign(text: str = THEIRS, **more: Any) -> ForeignPlan:
    return ForeignPlan("psychiatry", "CarePlan/7", "1", text, "Psychosis plan", "active", **more)


def planned(
    target: WriteTarget = TARGET, signing: Signing = CHOSEN, **known: Any
) -> tuple[PlannedWrite, ...]:
    beside = Known(**({"plans": (foreign(),)} | known))
    content = report()
    return plan(
        reviewed(*all_decided()), content, (target,), signing, key=b"k", version="1", known=beside
    )


def into(writes: tuple[PlannedWrite, ...]) -> list[PlannedWrite]:
    return [write for write in writes if write.text]


def why_not(writes: tuple[PlannedWrite, ...]) -> str:
    return " ".join(w.skipped for w in writes if w.skipped.startswith("CarePlan/7"))


def test_the_chosen_plan_gets_our_task_and_issue_and_keeps_every_other_character() -> None:
    writes = planned()
    (write,) = into(writes)
    assert (write.reference, write.if_match) == ("CarePlan/7", "1")
    found = json.loads(write.text)
    assert found["activity"][0] == json.loads(THEIRS)["activity"][0]
    assert all(
        "Task" in json.dumps(one) or "urn:uuid" in json.dumps(one) for one in found["activity"][1:]
    )
    assert '"valueDecimal":1.10' in write.text
    assert "Caf\\u00e9" in write.text
    assert found["supportingInfo"]
    assert gate.problems(writes) == ()


def test_it_has_a_provenance_of_its_own_that_waits_for_it() -> None:
    writes = planned()
    (write,) = into(writes)
    at = writes.index(write)
    provenance = writes[at + 1]
    assert provenance.type == "Provenance"
    assert '"reference": "urn:uuid:' in json.dumps(provenance.resource["target"])
    first = next(w for w in writes if w.type == "Provenance")
    assert first is not provenance
    assert "CarePlan/7" not in json.dumps(first.resource["target"])


@pytest.mark.parametrize(
    ("target", "plan_", "words"),
    [
        (replace(TARGET, coordinate=frozenset()), foreign(), "not switched on"),
        (replace(TARGET, version_guarded=frozenset()), foreign(), "guards versions"),
        (TARGET, foreign(unusable="it is revoked"), "revoked"),
        (TARGET, foreign("{"), "cannot be read"),
        (TARGET, foreign('{"resourceType":"CarePlan","id":"7"}'), "not sound"),
    ],
)
def test_a_plan_that_cannot_be_added_to_stays_and_the_reason_is_said(
    target: WriteTarget, plan_: ForeignPlan, words: str
) -> None:
    writes = planned(target, plans=(plan_,))
    assert into(writes) == []
    assert words in why_not(writes)
    assert gate.problems(writes) == ()


def test_a_site_may_answer_for_a_server_that_guards_no_versions() -> None:
    open_ = replace(TARGET, version_guarded=frozenset(), coordinate_unguarded=True)
    assert len(into(planned(open_))) == 1


def test_a_plan_that_nobody_chose_is_left_alone() -> None:
    writes = planned(signing=replace(CHOSEN, refer_in=frozenset()))
    assert into(writes) == []
    assert why_not(writes) == ""


def test_what_somebody_took_out_is_not_put_back_and_that_is_said() -> None:
    (first,) = into(planned())
    keys = keys_in(first.text)
    put = Put(keys, keys, frozenset())
    again = planned(put={("psychiatry", "CarePlan/7"): put})
    assert into(again) == []
    assert "took our reference out" in why_not(again)


def test_the_gate_stops_a_text_that_is_not_what_is_shown() -> None:
    writes = [
        replace(w, text=w.text.replace("active", "draft", 1)) if w.text else w for w in planned()
    ]
    assert any("not the resource that is shown" in problem for problem in gate.problems(writes))
    blind = [replace(w, if_match=None) if w.text else w for w in planned()]
    assert any("version" in problem for problem in gate.problems(blind))


async def opened(bench: Bench) -> Review:
    """A review of a report that was made of a read with the care plan as the server holds it."""
    held = await bench.courier.recipients["psychiatry"].server.read("CarePlan/7")
    raw = RawResource("CarePlan", "7", held.version, held.body)
    read = SourceRead("psychiatry", Role.PSYCHIATRY, resources=(raw,))
    content = report()
    async with bench.store.transaction() as tx:
        kept = await reads.keep(tx, bench.patient, read, at=bench.now[0])
        made = await reports.keep(
            tx, bench.patient, body(content), as_of=AS_OF, at=bench.now[0], reads=[kept]
        )
    review = await desk.open_review(
        bench.store, PHARMACIST, bench.patient, made.etag, at=bench.now[0]
    )
    change = Asked(Disposition.CHANGE, to=Target("sertraline 50 mg"), reason="too much")
    await bench.decide(review, "m-ser", change)
    await bench.decide(review, "m-li", Asked(Disposition.CONTINUE))
    await bench.decide(review, "f-dose", Asked(Disposition.ACCEPT, assigned_to="Dr Pract"))
    await bench.decide(review, "f-low", Asked(Disposition.OVERRIDE, reason_code="monitored"))
    return review


async def sign(bench: Bench, review: Review, *, version: int | None = None) -> None:
    number = version or int(plan_now(bench)["meta"]["versionId"])
    (target,) = bench.targets
    allowed = replace(target, coordinate=frozenset({"CarePlan"}), coordinate_unguarded=True)
    to = replace(bench.courier.recipients["psychiatry"], target=allowed)
    bench.courier = replace(bench.courier, recipients={"psychiatry": to})
    await desk.sign(
        bench.store,
        PHARMACIST,
        review.id,
        "all",
        [allowed],
        refer_in=frozenset({f"psychiatry:CarePlan/7/_history/{number}"}),
        at=bench.now[0],
    )
    await deliver_due(bench.courier)


def plan_now(bench: Bench) -> dict[str, Any]:
    storage = bench.servers["psychiatry"].storage
    (found,) = (
        v.resource for v in storage.live("CarePlan") if v.resource and v.resource["id"] == "7"
    )
    return dict(found)


def edit(bench: Bench, change: dict[str, Any]) -> None:
    bench.servers["psychiatry"].load([plan_now(bench) | change])


def states(rows: Any, kind: str = "CarePlan") -> list[tuple[str, str]]:
    return [
        (row.reference or "new", row.state.value)
        for row in rows
        if row.type == kind and row.resource
    ]


@pytest.mark.parametrize("transaction", ["atomic", "refused"])
def test_delivered_it_refers_to_what_stands_there_and_a_second_signing_keeps_it_so(
    transaction: str,
) -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].load([json.loads(THEIRS, parse_float=Decimal)])
        await sign(bench, await opened(bench))
        once = plan_now(bench)
        ours = [a["reference"] for a in once["activity"] if "reference" in a]
        assert ours
        assert all(one["reference"].startswith("Task/") for one in ours)
        assert once["activity"][0] == json.loads(THEIRS)["activity"][0]
        assert str(once["extension"][0]["valueDecimal"]) == "1.10"
        bench.later(60)
        await sign(bench, await opened(bench))
        twice = plan_now(bench)
        keys = [
            a["reference"]["identifier"]["value"] for a in twice["activity"] if "reference" in a
        ]
        assert len(keys) == len(set(keys)) == len(ours)

    on_bench(use, transaction=transaction)


def test_a_plan_that_changed_since_is_not_touched_and_the_rest_is_written() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].load([json.loads(THEIRS, parse_float=Decimal)])
        review = await opened(bench)
        edit(bench, {"title": "changed meanwhile"})
        await sign(bench, review, version=1)
        assert "activity" in plan_now(bench)
        assert len(plan_now(bench)["activity"]) == 1
        rows = await bench.rows(review)
        assert ("CarePlan/7", "conflict") in states(rows)
        assert {state for place, state in states(rows) if place == "new"} == {"done"}
        waiting = [row for row in rows if row.type == "Provenance"]
        assert sorted(row.state.value for row in waiting) == ["done", "planned"]

    on_bench(use)


def test_a_plan_that_is_not_the_one_that_was_shown_is_not_signed() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].load([json.loads(THEIRS)])
        review = await opened(bench)
        with pytest.raises(ReviewStale, match="chosen care plan"):
            await sign(bench, review, version=2)
        assert await bench.rows(review) == ()

    on_bench(use)


def test_after_a_conflict_the_difference_is_told_and_the_next_signature_goes_on_top() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].load([json.loads(THEIRS, parse_float=Decimal)])
        review = await opened(bench)
        edit(bench, {"title": "changed meanwhile"})
        await sign(bench, review, version=1)
        (unread,) = (await changes(bench.store, review.id)).conflicts
        assert (unread.reference, unread.seen, unread.now) == ("CarePlan/7", "1", None)
        bench.later(60)
        again = await opened(bench)
        (told,) = (await changes(bench.store, review.id)).conflicts
        assert told.now == "2"
        assert told.fields == (Field("title", "", "changed meanwhile"),)
        await sign(bench, again)
        assert plan_now(bench)["title"] == "changed meanwhile"
        assert len(plan_now(bench)["activity"]) > 1
        assert (await changes(bench.store, review.id)).conflicts == ()
        assert {state for _, state in states(await bench.rows(again))} == {"done"}

    on_bench(use)


def test_what_somebody_takes_out_of_the_plan_stays_out_for_good() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].load([json.loads(THEIRS, parse_float=Decimal)])
        await sign(bench, await opened(bench))
        edit(bench, {"supportingInfo": [{"display": "something else"}]})
        for _ in range(2):
            bench.later(60)
            review = await opened(bench)
            await sign(bench, review)
            assert IDENTIFIER_SYSTEM not in json.dumps(plan_now(bench)["supportingInfo"])
            reasons = [row.reason for row in await bench.rows(review) if row.type == "CarePlan"]
            assert any("took our reference out" in reason for reason in reasons)

    on_bench(use)


def test_the_exact_text_is_what_goes_over_the_wire() -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={"resourceType": "CarePlan", "id": "7"})

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            client = FhirClient("http://psychiatry.test/fhir", http=http)
            await client.update(json.loads(THEIRS), if_match="1", text=THEIRS)

    asyncio.run(run())
    assert sent == [THEIRS.encode()]


def test_a_plan_that_may_not_be_added_to_any_more_is_left_alone() -> None:
    async def use(bench: Bench) -> None:
        bench.servers["psychiatry"].load([json.loads(THEIRS, parse_float=Decimal)])
        review = await opened(bench)
        faults = bench.servers["psychiatry"].faults
        faults.add(Fault(Answer(status=503), method="POST", times=0))
        await sign(bench, review)
        to = bench.courier.recipients["psychiatry"]
        switched_off = replace(to, target=replace(to.target, coordinate=frozenset()))
        bench.courier = replace(bench.courier, recipients={"psychiatry": switched_off})
        faults.clear()
        bench.later(3600)
        await deliver_due(bench.courier)
        assert ("CarePlan/7", "refused") in states(await bench.rows(review))
        assert plan_now(bench)["meta"]["versionId"] == "1"

    on_bench(use)
