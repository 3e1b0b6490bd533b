"""How often a source is asked: an outage is not made worse, and its own word is kept.

Counted in the log of the sandbox, by which requests arrived and when.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import SourceUnavailable
from service.fhir.client import FhirClient
from service.fhir.outgoing import http_client
from service.fhir.pace import Pace, Quota, policies, quota
from service.fhir.retry import Budget
from service.model.source import Role, SourceRead, State
from service.read.server import ServerReader
from service.sandbox.faults import Action, Answer, Fault, Hang, Reset
from service.sandbox.server import Sandbox
from tests.read.chart import LINES, QUICK, certificate, ids_of, pulled, sandbox
from tests.read.stage import on_stage

OUTAGES: dict[str, Action] = {
    "connections are reset": Reset(at="request"),
    "nothing is answered": Hang(seconds=20),
    "500": Answer(status=500),
    "503 without a time": Answer(status=503),
    "503 back in a second": Answer(status=503, headers={"Retry-After": "1"}),
    "429 without a time": Answer(status=429),
    "502 with a web page": Answer(status=502, body="<html></html>", content_type="text/html"),
}


def twice(app: Sandbox, then: Sequence[Fault], pause_s: float = 0.0) -> tuple[SourceRead, int, int]:
    """A good read, then `then` goes wrong and the patient is read again.

    Returns: the second read, its requests, and how many of them were not repeated ones.
    """

    async def run(base: str) -> SourceRead:
        async with http_client() as http:
            client = FhirClient(base, http=http, limits=QUICK)
            reader = ServerReader("clinic", Role.OTHER, client)
            assert (await reader.pull(("1",))).state is State.COMPLETE
            app.log.clear()
            app.faults.add(*then)
            await asyncio.sleep(pause_s)
            return await reader.pull(("1",))

    with on_stage(app) as base:
        read = asyncio.run(run(base))
    asked = [(one.method, one.path, one.query) for one in app.log]
    return read, len(asked), len(set(asked))


@pytest.mark.parametrize("name", OUTAGES)
def test_a_source_that_is_down_is_asked_at_most_a_tenth_more_often(name: str) -> None:
    app = sandbox(Fault(action=OUTAGES[name], times=0))
    read = pulled(app)
    asked = [(one.path, one.query) for one in app.log]
    assert read.state is State.UNAVAILABLE
    assert read.reasons
    assert 0 < len(asked) <= 1.1 * len(set(asked)), asked


@pytest.mark.parametrize("name", ["connections are reset", "500", "503 back in a second"])
def test_the_same_holds_when_it_goes_down_after_it_was_known(name: str) -> None:
    read, asked, distinct = twice(sandbox(), [Fault(action=OUTAGES[name], times=0)], pause_s=2.1)
    assert read.state is State.UNAVAILABLE
    assert asked <= 1.1 * distinct


def test_one_blip_costs_one_more_request_and_nothing_of_the_read() -> None:
    app = sandbox(Fault(action=Answer(status=500), type="MedicationRequest", page="middle"))
    read = pulled(app)
    assert read.state is State.COMPLETE
    assert len(app.log) == len({(one.path, one.query) for one in app.log}) + 1


def test_a_blip_of_the_very_first_request_is_survived_when_another_was_answered() -> None:
    app = sandbox(Fault(action=Answer(status=500), path="metadata$", times=1))
    assert pulled(app).state is State.COMPLETE
    assert sum(1 for one in app.log if one.path == "/fhir/metadata") == 2


def test_after_a_pause_one_request_goes_ahead_alone() -> None:
    busy = Fault(
        action=Answer(status=429, headers={"Retry-After": "1"}), path="/Condition", times=1
    )
    app = sandbox(busy, latency_s=0.05)
    read = pulled(app, limits=dataclasses.replace(QUICK, deadline_s=6, answer_s=1))
    assert read.state is State.COMPLETE
    refused = [one for one in app.log if one.status == 429]
    until = max(one.at for one in refused) + 1
    begun = min(one.at for one in refused) + 0.3  # what was on its way already
    assert not [one for one in app.log if begun < one.at < until - 0.02]
    first, second, *_ = sorted(one.at for one in app.log if one.at >= until - 0.02)
    assert second - first >= 0.05


def test_a_pause_beyond_the_deadline_is_told_and_not_waited_for() -> None:
    later = Answer(status=503, headers={"Retry-After": "315360000"})
    begun = time.monotonic()
    read = pulled(sandbox(Fault(action=later, times=0)))
    assert time.monotonic() - begun < QUICK.deadline_s
    assert read.state is State.UNAVAILABLE


def test_a_quota_that_is_used_up_is_waited_for() -> None:
    spent = Answer(
        status=429,
        headers={"RateLimit": '"default";r=0;t=1', "RateLimit-Policy": '"default";q=9;w=60'},
    )
    app = sandbox(Fault(action=spent, type="MedicationRequest", page="middle", times=1))
    read = pulled(app, limits=dataclasses.replace(QUICK, deadline_s=6, answer_s=1))
    refused = next(one for one in app.log if one.status == 429)
    assert [one.at - refused.at >= 0.98 for one in app.log if one.at > refused.at + 0.05]
    assert certificate(read).state is State.PARTIAL or len(ids_of(read)) == LINES


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ratelimit": '"default";r=50;t=30'}, Quota(50, 30.0)),
        ({"ratelimit": '"requests";r=59999;t=60, "fhirInteractions";r=4;t=20'}, Quota(4, 20.0)),
        ({"ratelimit": "limit=100, remaining=7, reset=5"}, Quota(7, 5.0)),
        ({"ratelimit-remaining": "3", "ratelimit-reset": "9"}, Quota(3, 9.0)),
        ({"ratelimit": '"default";r=50'}, Quota(50, None)),
        ({"ratelimit": "soon"}, None),
        ({"ratelimit-remaining": "many"}, None),
        ({}, None),
    ],
)
def test_a_quota_is_read_in_every_form_in_use(
    headers: dict[str, str], expected: Quota | None
) -> None:
    assert quota(headers) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"burst";q=100;w=60', ((100, 60.0),)),
        ('"burst";q=100;w=60, "daily";q=1000;w=86400', ((100, 60.0), (1000, 86400.0))),
        ("100;w=60", ((100, 60.0),)),
        ('"bytes";q=9;w=1;qu="content-bytes"', ()),
        ('"nothing"', ()),
        ("", ()),
    ],
)
def test_a_policy_is_so_many_requests_in_so_many_seconds(
    value: str, expected: tuple[tuple[int, float], ...]
) -> None:
    assert policies({"ratelimit-policy": value}) == expected


def test_a_policy_is_kept_without_being_told_twice() -> None:
    async def run() -> list[float]:
        pace, sent = Pace(), []
        pace.hear({"ratelimit-policy": '"default";q=3;w=1'}, well=True)
        for _ in range(7):
            async with pace.turn(asyncio.get_running_loop().time() + 10):
                sent.append(time.monotonic())
        return sent

    sent = asyncio.run(run())
    for first, fourth in zip(sent, sent[3:], strict=False):
        assert fourth - first >= 0.99


def test_a_turn_that_comes_too_late_is_refused_at_once() -> None:
    async def run() -> None:
        pace = Pace()
        pace.hold(60)
        with pytest.raises(SourceUnavailable, match="pause of 60 s"):
            async with pace.turn(asyncio.get_running_loop().time() + 1):
                pass

    asyncio.run(run())


@given(st.lists(st.sampled_from(["ask", "retry"]), max_size=300))
def test_without_any_answer_retries_stay_within_a_tenth(events: list[str]) -> None:
    async def run() -> None:
        budget = Budget()
        asked = retried = 0
        for event in events:
            if event == "ask":
                budget.ask()
                asked += 1
            elif budget.spend():
                retried += 1
            assert retried <= 0.1 * asked

    asyncio.run(run())
