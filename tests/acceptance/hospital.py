"""Two FHIR servers with invented patients, a store with reviews ready to sign, and a count of both.

One server keeps its word (strict), the other does not (weak); what was written to them is counted
on the servers themselves, by identifier and in the history, never in Concord's own books.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from service import app
from service.house import House, open_house
from service.model.review import DeliveryState, Disposition, ReviewState, User, UserRole
from service.pipeline import review as desk
from service.pipeline.refresh import ask
from service.review.asked import Asked
from service.sandbox.manners import STRICT, WEAK, Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.settings import Settings, load
from service.store import deliveries as outbox
from service.store import open_store, reports, reviews
from service.store.deliveries import Delivery
from service.write.codes import IDENTIFIER_SYSTEM
from service.write.target import ORDER

PHARMACIST = User("test-pharmacist", "test-pharmacist", UserRole.PHARMACIST)
MRN = "http://hospital.example/mrn"
SERVERS = {"psychiatry": STRICT, "primary-care": WEAK}


def patient(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [{"system": MRN, "value": f"T-{number:05d}"}],
        "name": [{"family": f"Testperson{number}", "given": [f"Name{number}"]}],
        "birthDate": date(1950 + number % 50, 1 + number % 12, 1 + number % 28).isoformat(),
        "gender": "female" if number % 2 else "male",
    }


def order(number: int, rxcui: str, name: str, count: int) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": f"m{number}",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/p{number}"},
        "authoredOn": "2026-01-10",
        "medicationCodeableConcept": {
            "coding": [
                {
                    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "code": rxcui,
                    "display": name,
                }
            ]
        },
        "dosageInstruction": [
            {
                "text": f"{count} tablet once a day",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": count, "unit": "tablet"}}],
            }
        ],
    }


@dataclass
class Hospital:
    """Two servers, a store, and the people's work on it."""

    folder: Path
    sandboxes: dict[str, Sandbox]
    addresses: dict[str, str]
    store_url: str
    port: int
    reviews: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "concord.toml"

    def settings(self) -> Settings:
        return load(self.config, {})

    def write_config(self) -> None:
        text = [f'[store]\nurl = "{self.store_url}"\n', f"[web]\nport = {self.port}\n"]
        types = ", ".join(f'"{kind}"' for kind in ORDER)
        for name, address in self.addresses.items():
            text.append(f'[sources.{name}]\nbase_url = "{address}"\nwrite = [{types}]\n')
        self.config.write_text("\n".join(text), encoding="utf-8")

    def prepare(self, count: int) -> None:
        """Reads and reconciles patients and decides everything, so that each can be signed."""
        asyncio.run(self._prepare(count))

    async def _prepare(self, count: int) -> None:
        first = len(self.reviews)
        for number in range(first, first + count):
            self.sandboxes["psychiatry"].load(
                [patient(number), order(number, "312938", "sertraline 100 MG Oral Tablet", 1)]
            )
            self.sandboxes["primary-care"].load(
                [patient(number), order(number, "312940", "sertraline 25 MG Oral Tablet", 1)]
            )
        async with open_house(self.settings()) as house:
            for number in range(first, first + count):
                self.reviews.append(await self._ready(house, number))

    async def _ready(self, house: House, number: int) -> str:
        asked = {"source": "psychiatry", "reference": f"Patient/p{number}"}
        at = app.now()
        id_ = await ask(house.store, asked, PHARMACIST, at=at)
        await house.reconcile(id_)
        async with house.store.read() as look:
            kept = await reports.newest(look, id_)
        assert kept is not None
        review = await desk.open_review(house.store, PHARMACIST, id_, kept.etag, at=at)
        view = await desk.review_state(house.store, review.id)
        wanted = dict.fromkeys(view.undecided_medications, Asked(Disposition.CONTINUE))
        wanted |= dict.fromkeys(view.undecided_high, Asked(Disposition.ACCEPT, assigned_to="GP"))
        for item, decision in wanted.items():
            await desk.decide(
                house.store, PHARMACIST, review.id, item, decision, view.etags[item], at=at
            )
        return review.id

    def sign_here(self) -> None:
        """Signs everything in this process; whoever works on the store delivers it."""
        asyncio.run(self._sign_here())

    async def _sign_here(self) -> None:
        async with open_house(self.settings()) as house:
            targets = await house.targets()
            for review in self.reviews:
                if await self._state(review) is not ReviewState.SIGNED:
                    at = app.now()
                    await desk.sign(house.store, PHARMACIST, review, "all", targets, at=at)

    def signed(self, review: str) -> bool:
        return asyncio.run(self._state(review)) is ReviewState.SIGNED

    async def _state(self, review: str) -> ReviewState:
        store = await open_store(self.store_url)
        try:
            async with store.read() as look:
                return (await reviews.get(look, review)).state
        finally:
            await store.close()

    def rows(self) -> tuple[Delivery, ...]:
        """Every row of the outbox."""
        return asyncio.run(self._rows())

    async def _rows(self) -> tuple[Delivery, ...]:
        store = await open_store(self.store_url)
        try:
            async with store.read() as look:
                found: list[Delivery] = []
                for id_ in self.reviews:
                    found += await outbox.of_review(look, id_)
                return tuple(found)
        finally:
            await store.close()


@dataclass(frozen=True)
class Count:
    """What stands on one server against what was promised.

    Args:
        accepted: planned writes; done, waiting and shown to a person are where they stand.
        lost: done in our books, not on the server.
        doubled: identifiers that stand more than once; `silent` those that nobody is told about.
        extra_versions: resources with more versions than writes that were sent.
    """

    accepted: int
    done: int
    waiting: int
    shown: int
    lost: int
    doubled: int
    silent: int
    extra_versions: int


def count(hospital: Hospital, server: str) -> Count:
    rows = [row for row in hospital.rows() if row.target == server and row.resource]
    storage = hospital.sandboxes[server].storage
    standing: Counter[str] = Counter()
    extra = 0
    for kind in ORDER:
        for version in storage.live(kind):
            key = "" if version.loaded or not version.resource else our_key(version.resource)
            if key:
                standing[key] += 1
                extra += len(storage.history(kind, version.id)) - 1
    states = {row.key: row.state for row in rows}
    done = [row.key for row in rows if row.state is DeliveryState.DONE]
    doubled = [key for key, number in standing.items() if number > 1]
    to_person = {DeliveryState.NEEDS_REVIEW, DeliveryState.CONFLICT, DeliveryState.DEAD}
    return Count(
        accepted=len(rows),
        done=len(done),
        waiting=sum(row.state in outbox.ACTIVE for row in rows),
        shown=sum(row.state in to_person for row in rows),
        lost=sum(not standing[key] for key in done),
        doubled=len(doubled),
        silent=sum(states.get(key) not in to_person for key in doubled),
        extra_versions=extra,
    )


def our_key(resource: dict[str, Any]) -> str:
    """The identifier that Concord gave a resource, from its identifier or its tag."""
    marks = [one for one in resource.get("identifier", []) if isinstance(one, dict)]
    tags = resource.get("meta", {}).get("tag", [])
    for one, name in [*((m, "value") for m in marks), *((t, "code") for t in tags)]:
        if one.get("system") == IDENTIFIER_SYSTEM:
            return str(one.get(name))
    return ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def hospital(
    folder: Path, *, store_url: str = "", servers: dict[str, Manners] | None = None
) -> Iterator[Hospital]:
    """The servers on loopback, and an empty store."""
    sandboxes = {name: Sandbox(manners) for name, manners in (servers or SERVERS).items()}
    with running(sandboxes["psychiatry"]) as one, running(sandboxes["primary-care"]) as other:
        built = Hospital(
            folder,
            sandboxes,
            {"psychiatry": one, "primary-care": other},
            store_url or f"sqlite:///{folder / 'concord.db'}",
            free_port(),
        )
        built.write_config()
        yield built
