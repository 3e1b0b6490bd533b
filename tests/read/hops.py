"""Round trips that wait for each other, counted exactly: only waiting takes time on this loop.

A server takes one second for every answer, and nothing else takes any: the seconds that a read
lasts are its sequential round trips, whatever the machine is doing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from service.fhir.auth import SmartBackend
from service.fhir.client import FhirClient
from service.fhir.wire import Limits
from service.model.source import Role
from service.read.server import ServerReader
from service.sandbox.server import Sandbox
from tests.read.waiting import WaitingLoop

BASE = "http://localhost/fhir"
PATIENT = Limits(answer_s=50, deadline_s=100)


def hops(
    app: Sandbox, *steps: Callable[[ServerReader], Awaitable[object]], key: str
) -> list[float]:
    """The round trips of each step, one step after the other with one reader.

    Args:
        app: a server with a latency of one second and access by SMART Backend Services.
        key: PEM text of the client's key.
    """

    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        spent = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
            backend = SmartBackend("concord", key, key_id="k")
            client = FhirClient(BASE, backend, http=http, limits=PATIENT)
            reader = ServerReader("clinic", Role.OTHER, client)
            for step in steps:
                begun = loop.time()
                await step(reader)
                spent.append(round(loop.time() - begun, 3))
        return spent

    with asyncio.Runner(loop_factory=WaitingLoop) as runner:
        return runner.run(run())
