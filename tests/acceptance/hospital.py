"""Two FHIR servers with invented patients, a store with reviews ready to sign, and a count of both.

What was written is counted on the servers themselves, by identifier and in the history, and only
then held against Concord's own books.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from service import app
from service.errors import NotKept, StoreUnavailable
from service.house import House, open_house
from service.model.review import DeliveryState, Disposition, ReviewState, User, UserRole
from service.pipeline import review as desk
from service.pipeline.refresh import ask
from service.review.asked import Asked
from service.settings import Settings, load
from service.store import deliveries as outbox
from service.store import open_store, reports, reviews
from service.store.delivery import Delivery
from service.write.target import ORDER
from tests.acceptance.targets import Target, sandbox

PHARMACIST = User("test-pharmacist", "test-pharmacist", UserRole.PHARMACIST)
MRN = "http://hospital.example/mrn"
PSYCHIATRY, PRIMARY_CARE = "psychiatry", "primary-care"
WARMING = 4


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


_ORDERS = (
    (PSYCHIATRY, "312938", "sertraline 100 MG Oral Tablet"),
    (PRIMARY_CARE, "312940", "sertraline 25 MG Oral Tablet"),
)


@dataclass
class Hospital:
    """Two servers, a store, and the people's work on it."""

    folder: Path
    targets: Mapping[str, Target]
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
        for name, target in self.targets.items():
            text.append(f'[sources.{name}]\nbase_url = "{target.base_url}"\nwrite = [{types}]\n')
        self.config.write_text("\n".join(text), encoding="utf-8")

    def prepare(self, count: int) -> None:
        """Reads and reconciles patients and decides everything, so that each can be signed."""
        asyncio.run(self._prepare(count))

    async def _prepare(self, count: int) -> None:
        first = len(self.reviews)
        numbers = range(first, first + count)
        for source, rxcui, name in _ORDERS:
            charts = [
                one
                for number in numbers
                for one in (patient(number), order(number, rxcui, name, 1))
            ]
            await asyncio.to_thread(self.targets[source].load, charts)
        async with open_house(self.settings()) as house:
            for number in range(first, first + count):
                self.reviews.append(await self._ready(house, number))

    async def _ready(self, house: House, number: int) -> str:
        asked = {"source": "psychiatry", "reference": f"Patient/p{number}"}
        at = app.now()
        id_ = await ask(house.store, asked, PHARMACIST, at=at)
        await self._read(house, id_)
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

    async def _read(self, house: House, patient: str) -> None:
        """Reads once; a Java server that has just started may need longer than Concord waits."""
        for _ in range(WARMING):
            try:
                await house.reconcile(patient)
            except NotKept:
                continue
            return
        await house.reconcile(patient)

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

    def waits(self) -> bool:
        """Whether a worker has anything left to move on, as far as anybody can tell: a process that
        sleeps in the middle of a write keeps SQLite's lock."""
        try:
            return asyncio.run(self._waits())
        except StoreUnavailable:
            return True

    async def _waits(self) -> bool:
        store = await open_store(self.store_url)
        try:
            async with store.read() as look:
                tally = await outbox.tally(look)
        finally:
            await store.close()
        return any(tally[state] for state in outbox.ACTIVE)

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


TO_PERSON = frozenset({DeliveryState.NEEDS_REVIEW, DeliveryState.CONFLICT, DeliveryState.DEAD})


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


def count(hospital: Hospital, server: str, every: Sequence[Delivery]) -> Count:
    rows = [row for row in every if row.target == server and row.resource]
    standing = hospital.targets[server].standing()
    states = {row.key: row.state for row in rows}
    done = [row.key for row in rows if row.state is DeliveryState.DONE]
    doubled = [key for key, versions in standing.items() if len(versions) > 1]
    return Count(
        accepted=len(rows),
        done=len(done),
        waiting=sum(row.state in outbox.ACTIVE for row in rows),
        shown=sum(row.state in TO_PERSON for row in rows),
        lost=sum(key not in standing for key in done),
        doubled=len(doubled),
        silent=sum(states.get(key) not in TO_PERSON for key in doubled),
        extra_versions=sum(number - 1 for versions in standing.values() for number in versions),
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def hospital(
    folder: Path, targets: Mapping[str, Target] | None = None, *, store_url: str = ""
) -> Iterator[Hospital]:
    """Two servers (a strict and a weak sandbox unless they are given), and an empty store."""
    with ExitStack() as stack:
        both = targets or {
            PSYCHIATRY: stack.enter_context(sandbox("strict")),
            PRIMARY_CARE: stack.enter_context(sandbox("weak")),
        }
        built = Hospital(
            folder, both, store_url or f"sqlite:///{folder / 'concord.db'}", free_port()
        )
        built.write_config()
        yield built
