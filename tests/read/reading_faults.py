"""Faults that are no answer of a server's page, and the table of all of them for the docs."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

from service.fhir.auth import Anonymous, Credentials, SmartBackend
from service.fhir.jwks import SigningKey, jwks
from service.fhir.outgoing import http_client
from service.fhir.wire import Limits
from service.model.source import Role, SourceRead, State
from service.read.location import open_reader
from service.read.source import PatientQuery
from service.sandbox.faults import Action, Answer, Edit, Fault
from service.sandbox.manners import Access
from service.sandbox.run import serving
from service.sandbox.server import Sandbox
from tests.read.catalogue import KEY, LIMITS, TOKENS, Outcome, Run
from tests.read.chart import chart, sandbox
from tests.read.transport import DAY, behind_tls, deaf, identity, server_context

PATIENT = replace(LIMITS, connect_s=10, answer_s=15, deadline_s=30)


@dataclass(frozen=True, eq=False)
class Special:
    """A fault that needs a set-up of its own; `run` gives the state that the reader told."""

    row: int
    name: str
    state: State
    run: Callable[[Path], Awaitable[State]]


async def _read(
    base: str,
    *,
    credentials: Credentials | None = None,
    trust: ssl.SSLContext | None = None,
    limits: Limits = PATIENT,
) -> SourceRead:
    async with http_client(trust) as http:
        reader = open_reader(
            "clinic",
            Role.OTHER,
            base,
            http=http,
            limits=limits,
            credentials=credentials or Anonymous(),
        )
        return await reader.pull(("1",))


def _at(base: str) -> Callable[[Path], Awaitable[State]]:
    async def run(_: Path) -> State:
        read = await _read(base)
        assert read.reasons
        return read.state

    return run


async def _refused(_: Path) -> State:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return (await _read(f"http://127.0.0.1:{port}/fhir")).state


async def _deaf(_: Path) -> State:
    async with deaf() as base:
        return (await _read(base, limits=replace(PATIENT, connect_s=0.6))).state


def _tls(
    *, trusted: bool = True, newest: ssl.TLSVersion | None = None, pages: int = 50, **how: Any
) -> Callable[[Path], Awaitable[State]]:
    async def run(folder: Path) -> State:
        own = identity(folder, f"server-{next(_NUMBERS)}", **how)
        trust = ssl.create_default_context(cafile=str(own.authority)) if trusted else None
        app = sandbox(page_size=pages, max_count=pages)
        async with behind_tls(app, server_context(own, newest=newest)) as base:
            read = await _read(base, trust=trust)
        if read.state is State.UNAVAILABLE:
            assert not app.log, read.reasons  # nothing is asked over a connection that is not safe
            assert read.reasons[0].startswith("TLS failed"), read.reasons
        return read.state

    return run


def _signed(
    *,
    access: Access = TOKENS,
    faults: tuple[Fault, ...] = (),
    clock_off_s: float = 0.0,
    keys: tuple[SigningKey, ...] | None = None,
) -> Callable[[Path], Awaitable[State]]:
    """A read with SMART Backend Services."""

    async def run(_: Path) -> State:
        first, *others = keys or (SigningKey(_pem(KEY), "k"),)
        async with serving(sandbox(*faults, access=access)) as base:
            backend = SmartBackend(
                "concord",
                first.private_key,
                key_id=first.key_id,
                next_keys=tuple(others),
                clock=lambda: time.time() + clock_off_s,
            )
            return (await _read(base, credentials=backend)).state

    return run


def _pem(key: ECKey) -> str:
    return key.as_pem(private=True).decode()


def _configuration(**elements: Any) -> Fault:
    return Fault(action=Edit(set=elements), path="smart-configuration$", times=0)


def _token(action: Action) -> Fault:
    return Fault(action=action, path="/token$", times=0)


def _expires(value: Any) -> Fault:
    if value is None:
        return _token(Edit(remove=["expires_in"]))
    return _token(Edit(set={"expires_in": value}))


OTHER = ECKey.generate_key("P-384")
_REGISTERED_OTHER = Access(
    kind="smart-backend", clients={"concord": jwks([SigningKey(_pem(OTHER), "next")])}
)
_SAME_KID = Access(
    kind="smart-backend",
    clients={
        "concord": {
            "keys": [
                one.as_dict(private=False) | {"kid": "k", "alg": "ES384"} for one in (OTHER, KEY)
            ]
        }
    },
)


async def _twins(_: Path) -> State:
    """Two people of one name and birthday come as two, for link and a person to tell apart."""
    born = {"birthDate": "1980-02-03", "name": [{"family": "Muster", "given": ["Kim"]}]}
    people = [
        {"resourceType": "Patient", "id": "1", "gender": "female", **born},
        {"resourceType": "Patient", "id": "2", "gender": "male", "deceasedBoolean": True, **born},
    ]
    async with serving(sandbox(resources=people)) as base, http_client() as http:
        reader = open_reader("clinic", Role.OTHER, base, http=http, limits=PATIENT)
        found = await reader.find(PatientQuery(family="Muster"))
    assert {one.id for one in found.patients} == {"1", "2"}
    return found.read.state


async def _lies(_: Path) -> State:
    """Announces a type and includes that it then refuses."""
    gone = Fault(action=Answer(status=404, issue="no such type"), type="Observation", times=0)
    refused = Fault(action=Answer(status=400, issue="no _include"), type="MedicationRequest")
    async with serving(sandbox(gone, refused)) as base:
        read = await _read(base)
    assert read.state_of("MedicationRequest") is State.COMPLETE
    return read.state_of("Observation")


async def _same_ids(_: Path) -> State:
    """The reads of two servers with the same ids stay two reads; the sources keep them apart."""
    first, second = sandbox(), Sandbox(sandbox().manners)
    second.load(chart())
    async with serving(first) as a, serving(second) as b:
        reads = await asyncio.gather(_read(a), _read(b))
    assert reads[0].base_url != reads[1].base_url
    assert [one.reference for one in reads[0].resources] == [
        one.reference for one in reads[1].resources
    ]
    return reads[0].state


_NUMBERS = count()
UNAVAILABLE, WITHHELD, PARTIAL, COMPLETE = (
    State.UNAVAILABLE,
    State.WITHHELD,
    State.PARTIAL,
    State.COMPLETE,
)
_V1_1 = ssl.TLSVersion.TLSv1_1
SPECIAL = (
    Special(1, "a host name that nobody knows", UNAVAILABLE, _at("http://nowhere.invalid/fhir")),
    Special(2, "connection refused", UNAVAILABLE, _refused),
    Special(3, "no connection comes about", UNAVAILABLE, _deaf),
    Special(4, "a self-signed certificate", UNAVAILABLE, _tls(trusted=False)),
    Special(4, "an expired certificate", UNAVAILABLE, _tls(ends=-DAY)),
    Special(4, "a certificate of another host", UNAVAILABLE, _tls(host="other.example")),
    Special(4, "(a good certificate, for comparison)", COMPLETE, _tls()),
    Special(5, "TLS 1.1 only", UNAVAILABLE, _tls(newest=_V1_1)),
    Special(27, "next links drop https", PARTIAL, _tls(pages=2)),
    Special(65, "the same ids on two servers", COMPLETE, _same_ids),
    Special(70, "twins of one name and birthday", COMPLETE, _twins),
    Special(
        71,
        "token endpoint on another host",
        WITHHELD,
        _signed(faults=(_configuration(token_endpoint="https://other.example/token"),)),
    ),
    Special(
        71,
        "issuer on another host",
        WITHHELD,
        _signed(faults=(_configuration(issuer="https://other.example"),)),
    ),
    Special(
        72,
        "fewer scopes than asked for",
        WITHHELD,
        _signed(access=replace(TOKENS, scopes=("system/Patient.rs", "system/Observation.rs"))),
    ),
    *(
        Special(73, f"expires_in is {value!r}", COMPLETE, _signed(faults=(_expires(value),)))
        for value in (0, -5, "300", "soon", None)
    ),
    Special(
        74,
        "only our next key is known there",
        COMPLETE,
        _signed(
            access=_REGISTERED_OTHER,
            keys=(SigningKey(_pem(KEY), "k"), SigningKey(_pem(OTHER), "next")),
        ),
    ),
    Special(74, "none of our keys is known there", WITHHELD, _signed(access=_REGISTERED_OTHER)),
    Special(
        74,
        "the server cannot fetch our keys",
        WITHHELD,
        _signed(faults=(_token(Answer(status=401, body='{"error":"invalid_client"}')),)),
    ),
    Special(
        74,
        "the authorization server is down",
        UNAVAILABLE,
        _signed(faults=(_token(Answer(status=503)),)),
    ),
    Special(74, "two keys of one kid there", WITHHELD, _signed(access=_SAME_KID)),
    Special(75, "our clock is ten minutes fast", COMPLETE, _signed(clock_off_s=600)),
    Special(75, "our clock is ten minutes slow", COMPLETE, _signed(clock_off_s=-600)),
    Special(76, "a type and includes that were announced are refused", UNAVAILABLE, _lies),
)


async def special_outcomes(folder: Path) -> dict[Special, State]:
    """The state that the reader told in each of them."""
    states = await asyncio.gather(*(one.run(folder) for one in SPECIAL))
    return dict(zip(SPECIAL, states, strict=True))


_BESIDE = """
## Broken payloads

`CONCORD_TEST_SCALE=full pytest tests/read/test_fuzz.py` breaks real payloads at random places,
each from one number that replays it: 84,000 Bundles, CapabilityStatements and OperationOutcomes
through the parsers, 7,500 whole reads of a server that answers so, and 120,000 single resources
through all that makes lines of them. Run whole on 2026-11-22 (211,500 in 597 s): no crash, no
other patient's line, no state without a reason, and nothing to mend.

## On a busy machine

`CONCORD_TEST_SCALE=full pytest tests/read/test_catalogue.py` runs each case at each page of each
of three sources, on a loop where only waiting takes time: no deadline is missed because others
use the processor. Run whole on 2026-11-22 on two cores at a load of ten (1,140 in 117 s): every
state right.

## Safeguards of reading, taken away one at a time

`python -m tests.tools.reading_safeguards` and `tests.tools.mutants`: the self link of a search,
the patient of every entry, the
total of a search, a credential never in clear, no address on another server, none outside the
base path, a name that leads inside, the cap of a page, the Subscriptions of others, who may
notify, an answer that nobody asked for, a head without end, a header field that would end its
line. Run on 2026-11-22, a test failed each time.
"""


def table(results: Mapping[Run, Outcome], specials: Mapping[Special, State]) -> str:
    """docs/reading-faults.md: one line a case; where a page matters, the states by page."""
    lines = [
        "# What the reader says when a source misbehaves",
        "",
        "Generated by the tests (`pytest tests/read/test_catalogue.py --update-docs`), which run",
        "each fault against a sandbox server, on the first, a middle and the last page where there",
        "are pages, and compare this table. `complete` means that nothing was lost: the fault was",
        "survived, or what is strange is kept and told with its line. No other state lets anybody",
        "conclude that a drug is missing.",
        "",
        "| Row | Fault | First page | Middle page | Last page | What is told (middle page) |",
        "|---|---|---|---|---|---|",
    ]
    rows: list[tuple[int, str, str]] = []
    for case in {run.case.name: run.case for run in results}.values():
        by_page = {
            run.page: outcome
            for run, outcome in results.items()
            if run.case is case and run.source == _shown(results, run)
        }
        states = [
            by_page[page].state.value for page in ("first", "middle", "last") if page in by_page
        ]
        if not states:
            states = [by_page[""].state.value, "", ""]
        told = by_page.get("middle", by_page.get(""))
        why = told.reasons[0] if told is not None and told.reasons else ""
        rows.append((case.row, case.name, f"| {' | '.join(states)} | {_masked(why)} |"))
    for one, state in specials.items():
        rows.append((one.row, one.name, f"| {state.value} | | | |"))
    lines += [f"| {row} | {name} {rest}" for row, name, rest in sorted(rows)]
    return "\n".join(lines) + "\n" + _BESIDE


def _shown(results: Mapping[Run, Outcome], run: Run) -> str:
    """The source that stands for a page in the table: the first of those that were run."""
    return next(
        other.source for other in results if other.case is run.case and other.page == run.page
    )


def _masked(reason: str) -> str:
    """A reason without what differs from run to run, such as ports."""
    plain = re.sub(r"no answer within [\d.]+ s|not read before the.*", "not in time", reason)
    return re.sub(r":\d{4,5}\b", ":PORT", plain).replace("|", "\\|")[:160]
