"""Our Subscriptions at a server: created once, renewed, mended, ended, and those of others left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.cli import main
from service.errors import SettingsError, SourceInvalid, SourceRefused
from service.fhir.client import FhirClient
from service.fhir.wire import Limits
from service.model.evidence import Origin
from service.read.subscriber import Subscriber
from service.read.subscription import Deed, Wish
from service.sandbox.manners import Manners, TypeManner
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.sandbox.subscriptions import Notification
from service.settings import Settings, Source, Subscribe, Sync, Web, load
from service.settings import Store as StoreSettings
from service.store import Store, notices, open_store, patients
from service.subscribing import Subscribing, look_after, wish_of
from tests.pipeline.fresh_ward import LITHIUM, order, person

BASE = "https://ehr.example/fhir"
HERE = "https://concord.example/api/notifications/psychiatry"
SECRET = "a-secret-of-more-than-sixteen-characters"
NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
ALL = Wish(HERE, ("MedicationRequest?intent=order", "Appointment?"), SECRET)
TOPIC = "https://ehr.example/topic/medications"


@dataclass
class Server:
    """One sandbox with a clock, and what it sent to its subscribers."""

    app: Sandbox
    store: Store
    http: httpx.AsyncClient
    now: datetime = NOW
    told: list[Notification] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def of(self, wish: Wish) -> Subscribing:
        client = FhirClient(BASE, http=self.http)
        return Subscribing("psychiatry", self.store, Subscriber(client, wish), lambda: self.now)

    async def converge(self, wish: Wish, *, stop: bool = False) -> list[str]:
        """Do what there is to do; the deeds."""
        ours = self.of(wish)
        steps = await ours.planned(stop=stop)
        for step in steps:
            await ours.do(step)
        await self.app.subscriptions.deliver()
        return sorted(step.deed.value for step in steps)

    def standing(self) -> dict[str, dict[str, Any]]:
        return {one.id: one.resource or {} for one in self.app.storage.live("Subscription")}

    def put(self, id_: str, **content: Any) -> None:
        resource = {"resourceType": "Subscription", "id": id_, "reason": "x"} | content
        self.app.storage.add("Subscription", id_, resource, "PUT")


def with_server(use: Callable[[Server], Awaitable[None]], **manners: Any) -> None:
    async def run() -> None:
        store = await open_store("sqlite://")
        app = Sandbox(Manners("psychiatry", **manners))
        try:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport) as http:
                server = Server(app, store, http)

                async def sent(one: Notification) -> int:
                    server.told.append(one)
                    return 200

                app.subscriptions.send = sent
                await use(server)
        finally:
            await store.close()

    asyncio.run(run())


def test_what_is_not_there_is_created_once_and_then_kept() -> None:
    async def use(server: Server) -> None:
        assert await server.converge(ALL) == ["create", "create"]
        first = server.standing()
        assert {one["criteria"] for one in first.values()} == set(ALL.criteria)
        assert {one["status"] for one in first.values()} == {"active"}
        assert {one["channel"]["endpoint"] for one in first.values()} == {HERE}
        assert {tuple(one["channel"]["header"]) for one in first.values()} == {
            (f"Authorization: Bearer {SECRET}",)
        }
        assert await server.converge(ALL) == ["keep", "keep"]
        assert server.standing() == first

    with_server(use)


def test_a_server_that_repeats_an_earlier_answer_gets_no_second_one() -> None:
    """As HAPI does for a minute: what it said before the creation."""

    async def use(server: Server) -> None:
        await server.converge(ALL)
        assert await server.converge(ALL) == ["keep", "keep"]
        assert await server.converge(ALL, stop=True) == ["switch off", "switch off"]
        assert {one["status"] for one in server.standing().values()} == {"off"}

    with_server(use, search_cache_s=60, conditional_create=False)


def test_two_who_create_at_a_time_make_one() -> None:
    async def use(server: Server) -> None:
        wish = replace(ALL, criteria=("MedicationRequest?intent=order",))
        plans = [await server.of(wish).planned() for _ in range(2)]
        made = [await server.of(wish).do(plan[0]) for plan in plans]
        assert len({one.id for one in made if one}) == 1
        assert len(server.standing()) == 1

    with_server(use)


def test_it_is_renewed_before_it_ends_and_asked_for_again_when_it_failed() -> None:
    async def use(server: Server) -> None:
        wish = replace(ALL, criteria=("MedicationRequest?intent=order",))
        await server.converge(wish)
        (id_,) = server.standing()
        server.now += timedelta(days=59)
        assert await server.converge(wish) == ["keep"]
        server.now += timedelta(days=2)
        assert await server.converge(wish) == ["renew"]
        assert server.standing()[id_]["end"] == "2026-08-08T08:00:00Z"
        for status in ("error", "off"):
            server.put(id_, **server.standing()[id_] | {"status": status})
            steps = await server.of(wish).planned()
            assert [(one.deed, one.why) for one in steps] == [(Deed.RENEW, f"it is in {status}")]
            async with server.store.read() as look:
                (channel,) = await notices.channels_of(look)
            assert (channel.channel, channel.status) == (id_, status), "the sources page shows it"
            await server.converge(wish)
            assert server.standing()[id_]["status"] == "active"
        assert list(server.standing()) == [id_]

    with_server(use)


def test_those_of_others_are_never_touched_and_ours_are_switched_off_not_deleted() -> None:
    async def use(server: Server) -> None:
        others = {
            "theirs": "https://other.example/hook",
            "like-ours": f"{HERE}-of-somebody-else",
            "another-source": "https://concord.example/api/notifications/pharmacy",
        }
        for id_, endpoint in others.items():
            channel = {"type": "rest-hook", "endpoint": endpoint}
            server.put(id_, status="active", criteria=ALL.criteria[0], channel=channel)
        before = server.standing()
        await server.converge(ALL)
        assert await server.converge(ALL, stop=True) == ["switch off", "switch off"]
        after = server.standing()
        assert {id_: after[id_] for id_ in others} == before
        ours = [one for id_, one in after.items() if id_ not in others]
        assert [one["status"] for one in ours] == ["off", "off"]
        assert await server.converge(ALL, stop=True) == []

    with_server(use)


def test_where_a_server_gives_all_of_them_those_of_others_are_left_alone_too() -> None:
    async def use(server: Server) -> None:
        channel = {"type": "rest-hook", "endpoint": "https://other.example/hook"}
        server.put("theirs", status="active", criteria=ALL.criteria[0], channel=channel)
        assert await server.converge(ALL) == ["create", "create"]
        assert await server.converge(ALL, stop=True) == ["switch off", "switch off"]
        assert server.standing()["theirs"]["status"] == "active"

    manner = TypeManner(write=True, parameters=frozenset({"status"}))
    with_server(use, types={"Subscription": manner}, unknown_parameter="drop")


def test_criteria_that_nobody_wants_any_more_and_doubles_end() -> None:
    async def use(server: Server) -> None:
        await server.converge(ALL)
        channel = {"type": "rest-hook", "endpoint": HERE}
        server.put("zz", status="active", criteria=ALL.criteria[0], channel=channel)
        fewer = replace(ALL, criteria=ALL.criteria[:1])
        assert await server.converge(fewer) == ["keep", "switch off", "switch off"]
        live = [one for one in server.standing().values() if one["status"] == "active"]
        assert [one["criteria"] for one in live] == list(fewer.criteria)

    with_server(use)


def test_one_patient_at_a_time_tells_nothing_but_that_something_changed() -> None:
    async def use(server: Server) -> None:
        server.app.load([person(1), person(2)])
        ours = await kept_patient(server.store, "Patient/p1")
        wish = replace(ALL, criteria=("MedicationRequest?patient={patient}",))
        assert await server.converge(wish) == ["create"]
        (made,) = server.standing().values()
        assert made["criteria"] == "MedicationRequest?patient=p1"
        assert made["channel"]["endpoint"] == f"{HERE}/of/{ours}"
        assert "payload" not in made["channel"]
        for number in (1, 2):
            new = order(f"new-{number}", number, LITHIUM)
            server.app.storage.add("MedicationRequest", f"new-{number}", new, "PUT")
        await server.app.subscriptions.deliver()
        assert [(one.url, one.body) for one in server.told] == [(f"{HERE}/of/{ours}", b"")]

    with_server(use)


async def kept_patient(store: Store, reference: str) -> str:
    from service.model.patient import MatchGrade, PatientLink

    asked = {"source": "psychiatry", "reference": reference}
    async with store.transaction() as tx:
        patient = await patients.ask(tx, store.key, asked, at=NOW)
        record = Origin("psychiatry", reference)
        link = PatientLink(record, MatchGrade.CERTAIN, ())
        await patients.keep_links(tx, patient.id, (link,), {}, at=NOW)
    return patient.id


def test_a_topic_is_asked_for_with_its_filter_heartbeat_and_content() -> None:
    async def use(server: Server) -> None:
        wish = replace(ALL, topic=TOPIC)
        assert await server.converge(wish) == ["create", "create"]
        assert [one.handshake for one in server.told] == [True, True]
        assert await server.converge(wish) == ["keep", "keep"]
        for one in server.standing().values():
            assert one["criteria"] == TOPIC
            assert one["channel"]["_payload"]["extension"][0]["valueCode"] == "id-only"
            assert one["channel"]["extension"][0]["valueUnsignedInt"] == 3600
            assert one["status"] == "active"

    with_server(use)


def test_a_signing_server_is_given_the_key_and_no_header() -> None:
    async def use(server: Server) -> None:
        wish = replace(ALL, criteria=("MedicationRequest?",), signed=True, header="X-Signature")
        await server.converge(wish)
        (made,) = server.standing().values()
        assert "header" not in made["channel"]
        assert made["channel"]["payload"] == "application/fhir+json"
        assert [one["valueString"] for one in made["extension"]] == [SECRET]

    with_server(use)


def test_nothing_is_made_beside_what_could_not_be_read() -> None:
    async def use(server: Server) -> None:
        channel = {"type": "rest-hook", "endpoint": HERE}
        for number in range(5):
            server.put(f"s{number}", status="active", criteria="Basic?", channel=channel)
        client = FhirClient(BASE, http=server.http, limits=Limits(pages=1))
        broken = Subscribing("psychiatry", server.store, Subscriber(client, ALL), lambda: NOW)
        with pytest.raises(SourceInvalid, match="not read whole"):
            await broken.planned()

    with_server(use, page_size=2, max_count=2)


def test_a_server_without_subscriptions_is_not_written_to() -> None:
    async def use(server: Server) -> None:
        with pytest.raises(SourceRefused, match="offers no Subscription"):
            await server.of(ALL).planned()

    with_server(use, types={"MedicationRequest": TypeManner()})


def configured(folder: Path, base: str, **more: Any) -> Settings:
    sync = Sync(
        notifications="env:CONCORD_TEST_NOTIFICATIONS",
        subscribe=Subscribe(criteria=ALL.criteria, **more),
    )
    return Settings(
        store=StoreSettings(url=f"sqlite:///{folder / 'store.db'}"),
        web=Web(public_url="https://concord.example"),
        sources={"psychiatry": Source(base_url=base, sync=sync)},
    )


def test_the_command_says_what_it_would_do_and_does_it_only_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_TEST_NOTIFICATIONS", SECRET)
    app = Sandbox(Manners("psychiatry"))

    async def unsent(_: Notification) -> int:
        return 200

    app.subscriptions.send = unsent
    with running(app) as base:
        config = tmp_path / "concord.toml"
        config.write_text(
            f'[store]\nurl = "sqlite:///{tmp_path / "store.db"}"\n'
            '[web]\npublic_url = "https://concord.example"\n'
            f'[sources.psychiatry]\nbase_url = "{base}"\n'
            '[sources.psychiatry.sync]\nnotifications = "env:CONCORD_TEST_NOTIFICATIONS"\n'
            f"[sources.psychiatry.sync.subscribe]\ncriteria = {json.dumps(list(ALL.criteria))}\n",
            encoding="utf-8",
        )

        def said(*more: str) -> list[str]:
            assert main(["subscribe", "psychiatry", "--config", str(config), *more]) == 0
            return capsys.readouterr().out.splitlines()

        dry = said()
        assert dry[-1] == "Nothing was sent; --send does it."
        assert [line.partition(":")[0] for line in dry[:-1]] == ["create", "create"]
        assert list(app.storage.live("Subscription")) == []
        done = said("--send")
        assert all(" Subscription/" in line for line in done)
        assert SECRET not in "".join(dry + done)
        assert [line.partition(":")[0] for line in said()[:-1]] == ["keep", "keep"]
        assert [line.partition(":")[0] for line in said("--stop", "--send")] == ["switch off"] * 2
        statuses = {(one.resource or {})["status"] for one in app.storage.live("Subscription")}
        assert statuses == {"off"}
    assert main(["subscribe", "pharmacy", "--config", str(config)]) == 2
    assert "criteria first" in capsys.readouterr().err


def test_a_running_service_only_looks_unless_it_may_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_TEST_NOTIFICATIONS", SECRET)

    async def use(server: Server) -> None:
        clients = {"psychiatry": FhirClient(BASE, http=server.http)}
        for keep, standing in ((False, 0), (True, 2), (True, 2)):
            given = configured(tmp_path, BASE, keep=keep)
            await look_after(given, server.store, clients, lambda: server.now)
            assert len(server.standing()) == standing

    with_server(use)


def test_criteria_without_a_secret_or_an_address_of_ours_are_refused(tmp_path: Path) -> None:
    text = '[sources.a]\nbase_url = "https://e.example/fhir"\n[sources.a.sync.subscribe]\n'
    file = tmp_path / "concord.toml"
    file.write_text(f'{text}criteria = ["MedicationRequest?"]\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"web\.public_url"):
        load(file, {})
    file.write_text(f"{text}days = 0\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="days"):
        load(file, {})
    assert wish_of(Settings(sources={"a": Source(base_url=BASE)}), "a") is None
