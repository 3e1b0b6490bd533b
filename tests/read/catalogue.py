"""Runs the catalogue of faults: one fault, at one page, of one of three sources, read side by side.

Each run reads all three sources; the two others must stay complete. Runs share an event loop and a
few listening sockets, so that those that wait cost no time of the others.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from joserfc.jwk import ECKey

from service.fhir.auth import Anonymous, Credentials, SmartBackend
from service.fhir.outgoing import http_client
from service.fhir.wire import Limits
from service.mappings.folder import shipped
from service.mappings.sources import load_sources
from service.model.source import Certificate, Role, SourceRead, State
from service.read.location import open_reader
from service.sandbox.cases import Case, load_cases
from service.sandbox.faults import Answer, Content, Drip, Fault, Hang, Truncate
from service.sandbox.manners import PHARMACY, PRIMARY_CARE, PSYCHIATRY, Access, Manners, TypeManner
from service.sandbox.run import serving
from service.sandbox.server import Sandbox
from tests.read.chart import LINES, chart
from tests.read.stage import Stage

CASES = tuple(
    case
    for case in load_cases(Path(__file__).parents[2] / "fixtures" / "servers" / "faults")
    if case.row and case.state
)
SOURCES = ("psychiatry", "primary-care", "pharmacy")
PAGES = ("first", "middle", "last")
PROFILES = load_sources(shipped("mappings"))
LIMITS = Limits(connect_s=3.0, answer_s=2.0, deadline_s=6.0, page_cap=2_000_000, pages=12)
BOOTHS = {"waits": 16, "works": 2}
"""Runs side by side: of those that mostly wait, and of those that keep the processor busy."""
KEY = ECKey.generate_key("P-384")
TOKENS = Access(
    kind="smart-backend",
    clients={"concord": {"keys": [KEY.as_dict(private=False) | {"kid": "k", "alg": "ES384"}]}},
)
_TYPES = ("Patient", "MedicationRequest", "Medication")
_LARGEST = 4_000_000


@dataclass(frozen=True, eq=False)
class Run:
    """A case, the page it befalls ("" where the case says so itself), and the faulty source."""

    case: Case
    page: str
    source: str

    @property
    def title(self) -> str:
        page = f", {self.page} page" if self.page else ""
        return f"{self.case.row} {self.case.name}{page}, {self.source}"


@dataclass(frozen=True)
class Outcome:
    """What the reader said of the faulty source, and of the two others."""

    read: SourceRead
    others: tuple[SourceRead, ...]
    token_calls: int

    @property
    def certificate(self) -> Certificate | None:
        kind = "MedicationRequest"
        return next((one for one in self.read.certificates if one.type == kind), None)

    @property
    def state(self) -> State:
        """What may be said of the medication requests."""
        return self.read.state_of("MedicationRequest")

    @property
    def lines(self) -> int:
        return sum(1 for one in self.read.resources if one.type == "MedicationRequest")

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.read.reasons or (self.certificate.reasons if self.certificate else ())

    @property
    def silently_short(self) -> bool:
        return self.state is State.COMPLETE and self.lines < LINES


def runs(*, full: bool, seed: int = 3) -> list[Run]:
    """Every case at every page of every source; else the middle page of one, and a draw."""
    draw = random.Random(seed)
    found = []
    for case in CASES:
        pages = PAGES if case.where == "page" else ("",)
        for page in pages:
            chosen: Sequence[str] = SOURCES
            if not full:
                chosen = SOURCES[:1] if page in {"", "middle"} else (draw.choice(SOURCES),)
            found += [Run(case, page, source) for source in chosen]
    return found


def expected(run: Run, outcome: Outcome) -> set[State]:
    """The states that are right: what came before the fault tells partial from unavailable."""
    case = run.case
    said = case.later if case.later and run.page in {"middle", "last"} else case.state
    if said in {"partial", "unavailable"} and case.row != 55:
        return {State.PARTIAL if outcome.lines else State.UNAVAILABLE}
    return {State(said)}


def manners(name: str, case: Case | None) -> Manners:
    """A source's own manners, two entries on a page, and what the case changes."""
    preset = {"psychiatry": PSYCHIATRY, "primary-care": PRIMARY_CARE, "pharmacy": PHARMACY}[name]
    small = replace(preset, page_size=2, max_count=2, types={kind: TypeManner() for kind in _TYPES})
    if case is None:
        return small
    return case.manners_of(replace(small, access=TOKENS) if case.signed_in else small)


def small(fault: Fault) -> Fault:
    """The same fault with a body of no more than a few caps; its true size is tested elsewhere."""
    action = fault.action
    if isinstance(action, Content) and action.size > _LARGEST:
        return msgspec.structs.replace(fault, action=msgspec.structs.replace(action, size=_LARGEST))
    return fault


async def outcomes(wanted: Sequence[Run]) -> dict[Run, Outcome]:
    """What the reader said in each run."""
    found: dict[Run, Outcome] = {}

    async def work(waiting: list[Run], booth: list[tuple[Stage, str]]) -> None:
        while waiting:
            run = waiting.pop()
            found[run] = await _outcome(run, booth)

    kinds = {"waits": [run for run in wanted if _waits(run)]}
    kinds["works"] = [run for run in wanted if not _waits(run)]
    async with _booths(sum(BOOTHS.values())) as booths:
        chosen = [kind for kind, number in BOOTHS.items() for _ in range(number)]
        await asyncio.gather(
            *(work(kinds[kind], booth) for kind, booth in zip(chosen, booths, strict=True))
        )
    return found


def _waits(run: Run) -> bool:
    """Whether a run spends its time waiting: for a deadline, or for what the server asked for."""
    slow = [one.action for one in run.case.fault]
    return any(
        isinstance(one, Hang | Drip)
        or (isinstance(one, Truncate) and one.how == "stall")
        or (isinstance(one, Answer) and one.status in {429, 500, 502, 503})
        for one in slow
    )


@asynccontextmanager
async def _booths(number: int) -> AsyncIterator[list[list[tuple[Stage, str]]]]:
    async with AsyncExitStack() as stack:
        booths = []
        for _ in range(number):
            booth = []
            for _ in SOURCES:
                stage = Stage(Sandbox(Manners("nobody")))
                booth.append((stage, await stack.enter_async_context(serving(stage))))  # type: ignore[arg-type]
            booths.append(booth)
        yield booths


async def _outcome(run: Run, booth: list[tuple[Stage, str]]) -> Outcome:
    async def read(name: str, stage: Stage, base: str) -> SourceRead:
        faulty = name == run.source
        app = stage.app = Sandbox(manners(name, run.case if faulty else None))
        app.load(chart())
        credentials: Credentials = Anonymous()
        if faulty:
            app.faults.add(*(small(one) for one in run.case.faults("MedicationRequest", run.page)))
            if run.case.signed_in:
                pem = KEY.as_pem(private=True).decode()
                credentials = SmartBackend("concord", pem, key_id="k")
        async with http_client() as http:
            reader = open_reader(
                name,
                Role.OTHER,
                base,
                http=http,
                limits=LIMITS,
                credentials=credentials,
                profiles=PROFILES,
                vendor=(run.case.vendor if faulty else "") or "generic",
            )
            return await reader.pull(("1",))

    reads = await asyncio.gather(
        *(read(name, *place) for name, place in zip(SOURCES, booth, strict=True))
    )
    faulty = SOURCES.index(run.source)
    calls = sum(1 for one in booth[faulty][0].app.log if one.path.endswith("/token"))
    return Outcome(reads[faulty], tuple(r for n, r in enumerate(reads) if n != faulty), calls)
