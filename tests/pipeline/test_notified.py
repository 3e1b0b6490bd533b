"""The whole loop: a change on a server, its notification, the reading, and the new list."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.sandbox.subscriptions import Notification
from service.store import notices, syncs
from service.store.notices import Channel
from service.web.application import create_app
from service.web.people.auth import Issuer
from service.web.senders import sender
from service.web.services import Services
from tests.pipeline.fresh_ward import LITHIUM, FreshWard, in_fresh_ward, order, person
from tests.pipeline.test_fresh import drugs
from tests.pipeline.test_sync import ASKED_ONLY, end_jobs, planned

SECRET = "a-secret-of-more-than-sixteen-characters"
ENDPOINT = "http://127.0.0.1/api/notifications/psychiatry"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"


@dataclass
class Desk:
    """The ward with our own address, to which its servers send."""

    ward: FreshWard
    client: httpx.AsyncClient
    queued: list[tuple[str, str]]

    @property
    def telling(self) -> Any:
        return self.ward.servers["psychiatry"].subscriptions

    def subscribe(self, id_: str = "s1", **more: Any) -> None:
        subscription = {
            "resourceType": "Subscription",
            "id": id_,
            "status": "requested",
            "reason": "medication lists",
            "criteria": "MedicationRequest?patient=Patient/p1",
            "channel": {
                "type": "rest-hook",
                "endpoint": ENDPOINT,
                "header": [f"Authorization: Bearer {SECRET}"],
            },
        }
        channel = subscription["channel"] | more.pop("channel", {})  # type: ignore[operator]
        self.ward.put("psychiatry", subscription | more | {"channel": channel})

    def subscribe_to_topic(self, content: str, id_: str = "s1", patient: str = "p1") -> None:
        wanted = f"MedicationRequest?patient=Patient/{patient}" if patient else "MedicationRequest?"
        self.subscribe(
            id_,
            criteria="https://ehr.example/topic/medications",
            _criteria={"extension": [{"url": BACKPORT + "filter-criteria", "valueString": wanted}]},
            channel={
                "payload": "application/fhir+json",
                "_payload": {
                    "extension": [{"url": BACKPORT + "payload-content", "valueCode": content}]
                },
            },
        )

    async def changed(self, resource: dict[str, Any]) -> list[int]:
        """A write on the server, and the statuses of what it then sent."""
        self.ward.later(hours=1)
        self.ward.put("psychiatry", resource)
        return await self.delivered()

    async def delivered(self) -> list[int]:
        self.telling.statuses.clear()
        await self.telling.deliver()
        return list(self.telling.statuses)

    async def read(self) -> int:
        """Do the jobs that are planned now; gives how many patients were read."""
        read = 0
        for source in await planned(self.ward):
            read += (await self.ward.syncing.sync(source)).read
        await end_jobs(self.ward)
        return read

    async def channel(self, name: str = "s1") -> Channel:
        async with self.ward.store.transaction() as tx:
            found = await notices.channel(tx, "psychiatry", name)
        assert found is not None
        return found

    async def due(self) -> list[str]:
        async with self.ward.store.transaction() as tx:
            rows = await syncs.claim(
                tx, "psychiatry", at=self.ward.now[0], until=self.ward.now[0], limit=50
            )
        return [row.patient for row in rows]


def at_the_desk(use: Callable[[Desk], Awaitable[None]]) -> None:
    async def run(ward: FreshWard) -> None:
        ward.rhythms = ASKED_ONLY
        queued: list[tuple[str, str]] = []

        async def queue(kind: str, subject: str) -> str:
            queued.append((kind, subject))
            return "job"

        async def targets() -> tuple[Any, ...]:
            return ()

        app = create_app(
            Services(
                store=ward.store,
                issuer=Issuer(ward.store.key, lambda: ward.now[0]),
                queue=queue,
                targets=targets,
                now=lambda: ward.now[0],
                sources={name: f"http://{name}.test/fhir" for name in ward.servers},
                senders={"psychiatry": sender("Authorization", SECRET)},
            )
        )
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport) as client:

            async def send(one: Notification) -> int:
                headers = dict(one.headers)
                answer = await client.request(
                    one.method, one.url, headers=headers, content=one.body
                )
                return answer.status_code

            ward.servers["pharmacy"].subscriptions.send = send
            desk = Desk(ward, client, queued)
            desk.telling.send = send
            await use(desk)

    in_fresh_ward(run)


def test_a_rest_hook_with_the_resource_leads_to_a_reading_and_a_new_list() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe(channel={"payload": "application/fhir+json"})
        assert await desk.changed(order("new", 1, LITHIUM)) == [200]
        assert await desk.read() == 1
        assert drugs(await desk.ward.newest()) == {"sertraline", "lithium"}
        assert len(await desk.ward.history()) == 2

    at_the_desk(use)


def test_a_body_is_never_believed() -> None:
    async def use(desk: Desk) -> None:
        before = await desk.ward.newest()
        forged = order("forged", 1, LITHIUM)
        headers = {"Authorization": f"Bearer {SECRET}"}
        url = f"{ENDPOINT}/MedicationRequest/forged"
        answer = await desk.client.put(url, headers=headers, json=forged)
        assert answer.status_code == 200
        assert await desk.read() == 1
        assert await desk.ward.newest() == before

    at_the_desk(use)


def test_an_empty_rest_hook_makes_everybody_of_the_source_due_and_nobody_too_often() -> None:
    async def use(desk: Desk) -> None:
        for server in desk.ward.servers.values():
            server.load([person(2), order("two", 2)])
        second = await desk.ward.asked_for(2)
        await desk.ward.read(patient=second)
        desk.subscribe()
        assert await desk.changed(order("new", 1, LITHIUM)) == [200]
        desk.ward.later(minutes=2)
        assert await desk.read() == 2
        assert drugs(await desk.ward.newest()) == {"sertraline", "lithium"}
        desk.ward.put("psychiatry", order("new", 1))
        assert await desk.delivered() == [200]
        desk.ward.later(minutes=2)
        assert await desk.read() == 0
        desk.ward.later(minutes=10)
        assert await desk.read() == 2
        assert drugs(await desk.ward.newest()) == {"sertraline"}

    at_the_desk(use)


def test_an_empty_rest_hook_at_a_patients_own_address_concerns_that_patient_alone() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe(channel={"endpoint": f"{ENDPOINT}/of/{desk.ward.patient}"})
        assert await desk.changed(order("new", 1, LITHIUM)) == [200]
        assert await desk.due() == [desk.ward.patient]
        desk.subscribe("s2", channel={"endpoint": f"{ENDPOINT}/of/p-{'0' * 24}"})
        assert await desk.changed(order("new", 1)) == [200, 200]
        assert (await desk.channel("")).unknown == 1

    at_the_desk(use)


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_a_topic_leads_to_a_reading_and_a_new_list(content: str) -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic(content)
        assert await desk.delivered() == [200]
        live = desk.ward.servers["psychiatry"].storage.current("Subscription", "s1")
        assert live is not None
        assert (live.resource or {})["status"] == "active"
        assert await desk.changed(order("new", 1, LITHIUM)) == [200]
        desk.ward.later(minutes=2)
        assert await desk.read() == 1
        # What only an id is known of was asked back from the server itself.
        assert await desk.read() in {0, 1}
        assert drugs(await desk.ward.newest()) == {"sertraline", "lithium"}
        assert (await desk.channel()).number == 1

    at_the_desk(use)


def test_a_deletion_that_is_told_is_read_and_what_is_gone_is_gone() -> None:
    async def use(desk: Desk) -> None:
        desk.ward.put("psychiatry", order("new", 1, LITHIUM))
        await desk.ward.read()
        desk.subscribe_to_topic("id-only")
        await desk.delivered()
        desk.ward.later(hours=1)
        desk.ward.servers["psychiatry"].storage.delete("MedicationRequest", "new")
        assert await desk.delivered() == [200]
        assert await desk.due() == [desk.ward.patient]

    at_the_desk(use)


def test_somebody_elses_change_is_counted_and_leads_to_nothing() -> None:
    async def use(desk: Desk) -> None:
        desk.ward.servers["psychiatry"].load([person(7)])
        desk.subscribe_to_topic("full-resource", patient="")
        await desk.delivered()
        assert await desk.changed(order("stranger", 7, LITHIUM)) == [200]
        assert await desk.due() == []
        assert ((await desk.channel()).unknown, (await desk.channel()).matched) == (1, 0)
        await desk.read()
        asked = [one.path for one in desk.ward.servers["psychiatry"].log if "stranger" in one.path]
        assert asked == []

    at_the_desk(use)


def test_an_unknown_id_is_asked_back_once_and_a_strangers_is_dropped() -> None:
    async def use(desk: Desk) -> None:
        desk.ward.servers["psychiatry"].load([person(7)])
        desk.subscribe_to_topic("id-only", patient="")
        await desk.delivered()
        for _ in range(3):
            assert await desk.changed(order("stranger", 7, LITHIUM)) == [200]
        assert await desk.read() == 0
        asked = [one.path for one in desk.ward.servers["psychiatry"].log if "stranger" in one.path]
        assert len(asked) == 1
        assert (await desk.channel("")).unknown == 1
        assert await planned(desk.ward) == []

    at_the_desk(use)


def test_a_question_to_a_silent_source_is_asked_again_later() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic("id-only")
        await desk.delivered()
        assert await desk.changed(order("new", 1, LITHIUM)) == [200]
        desk.ward.lines["psychiatry"].down = True
        assert await desk.read() == 0
        assert await planned(desk.ward) == []
        desk.ward.lines["psychiatry"].down = False
        desk.ward.later(minutes=3)
        assert await desk.read() == 1
        assert drugs(await desk.ward.newest()) == {"sertraline", "lithium"}

    at_the_desk(use)


def test_many_notifications_of_one_patient_are_one_reading() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic("full-resource")
        await desk.delivered()
        for number in range(10):
            assert await desk.changed(order(f"n{number}", 1, LITHIUM)) == [200]
        assert await desk.read() == 1
        assert await desk.read() == 0
        assert (await desk.channel()).received == 11

    at_the_desk(use)


def test_an_event_that_never_came_makes_everybody_of_the_source_due() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic("full-resource")
        await desk.delivered()
        await desk.changed(order("a", 1))
        await desk.read()
        desk.ward.later(hours=1)
        desk.ward.put("psychiatry", order("lost", 1, LITHIUM))
        desk.telling.waiting.clear()
        assert (await desk.channel()).gaps == 0
        stranger = order("b", 7)
        desk.ward.servers["psychiatry"].load([person(7)])
        desk.subscribe_to_topic("full-resource", "s2", patient="p7")
        await desk.delivered()
        desk.telling.heartbeat("s1")
        assert await desk.delivered() == [200]
        assert ((await desk.channel()).gaps, (await desk.channel()).number) == (1, 2)
        desk.ward.later(minutes=2)
        assert await desk.read() == 1
        assert drugs(await desk.ward.newest()) == {"sertraline", "lithium"}
        assert await desk.changed(stranger) == [200]
        assert (await desk.channel("s2")).gaps == 0

    at_the_desk(use)


def test_events_twice_or_out_of_order_are_no_gap_beyond_the_first() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic("full-resource")
        await desk.delivered()
        desk.ward.later(hours=1)
        for number in range(3):
            desk.ward.put("psychiatry", order(f"n{number}", 1, LITHIUM))
        first, second, third = desk.telling.waiting
        desk.telling.waiting[:] = [first, first, third, second]
        assert await desk.delivered() == [200, 200, 200, 200]
        assert ((await desk.channel()).gaps, (await desk.channel()).number) == (1, 3)

    at_the_desk(use)


def test_a_server_that_begins_anew_is_followed() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic("full-resource")
        await desk.delivered()
        for number in range(3):
            await desk.changed(order(f"n{number}", 1))
        desk.subscribe_to_topic("full-resource")
        assert await desk.delivered() == [200]
        assert ((await desk.channel()).gaps, (await desk.channel()).number) == (1, 0)
        await desk.changed(order("m", 1, LITHIUM))
        assert ((await desk.channel()).gaps, (await desk.channel()).number) == (1, 1)

    at_the_desk(use)


def test_the_reading_leads_back_to_a_report_that_says_what_is_new() -> None:
    async def use(desk: Desk) -> None:
        desk.subscribe_to_topic("full-resource")
        await desk.delivered()
        await desk.changed(order("new", 1, LITHIUM))
        await desk.read()
        newest, first = await desk.ward.history()
        assert newest.number == first.number + 1
        lines = [
            line["reference"]
            for medication in json.loads(await desk.ward.newest())["medications"]
            for line in medication["lines"]
        ]
        assert "MedicationRequest/new" in lines
        row = (await desk.ward.rows())["psychiatry"]
        assert (row.due_at, row.asks) == (None, 0)
        assert row.seen_at is not None
        assert desk.ward.now[0] - row.seen_at < timedelta(minutes=5)

    at_the_desk(use)
