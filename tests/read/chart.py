"""A small synthetic chart on a sandbox server, and one read of it over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from service.fhir.auth import Anonymous, Credentials
from service.fhir.outgoing import http_client
from service.fhir.wire import Limits
from service.model.source import Certificate, Role, SourceRead
from service.read.location import open_reader
from service.read.profile import SourceProfiles
from service.read.server import ServerReader
from service.read.since import Since
from service.read.source import Found, PatientQuery
from service.sandbox.faults import Fault
from service.sandbox.manners import Manners
from service.sandbox.server import Sandbox
from tests.read.stage import on_stage

LINES = 6
"""MedicationRequests of Patient/1; two on a page make a first, a middle and a last page."""

QUICK = Limits(connect_s=2.0, answer_s=1.5, deadline_s=4.0, page_cap=2_000_000, pages=20)


def request(id_: str, subject: str = "Patient/1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "subject": {"reference": subject},
        "medicationCodeableConcept": {"text": "Sertralin für morgens"},
        **more,
    }


def chart() -> list[dict[str, Any]]:
    return [
        {"resourceType": "Patient", "id": "1", "name": [{"family": "Muster"}]},
        {"resourceType": "Patient", "id": "2", "name": [{"family": "Anders"}]},
        *(request(f"m{number}") for number in range(LINES)),
        request("other", "Patient/2"),
    ]


def sandbox(*faults: Fault, resources: Iterable[dict[str, Any]] = (), **manners: Any) -> Sandbox:
    """A server with two entries on a page, the chart (or `resources`) and the faults waiting."""
    app = Sandbox(Manners(name="test", **{"page_size": 2, "max_count": 2, **manners}))
    app.load(list(resources) or chart())
    app.faults.add(*faults)
    return app


def pulled(
    app: Sandbox,
    *ids: str,
    limits: Limits = QUICK,
    credentials: Credentials | None = None,
    profiles: SourceProfiles | None = None,
    vendor: str = "auto",
    since: Since | None = None,
) -> SourceRead:
    """What a reader gets of Patient/1 (or `ids`) from the server."""

    async def pull(base: str) -> SourceRead:
        async with http_client() as http:
            reader = open_reader(
                "clinic",
                Role.OTHER,
                base,
                http=http,
                limits=limits,
                credentials=credentials or Anonymous(),
                profiles=profiles,
                vendor=vendor,
            )
            return await reader.pull(ids or ("1",), since=since)

    with on_stage(app) as base:
        return asyncio.run(pull(base))


def found(
    app: Sandbox,
    query: PatientQuery,
    limits: Limits = QUICK,
    *,
    profiles: SourceProfiles | None = None,
    vendor: str = "auto",
    known: bool = False,
) -> Found:
    """What a reader finds on the server; `known` where its capabilities were asked for before."""

    async def find(base: str) -> Found:
        async with http_client() as http:
            reader = open_reader(
                "clinic",
                Role.OTHER,
                base,
                http=http,
                limits=limits,
                profiles=profiles,
                vendor=vendor,
            )
            assert isinstance(reader, ServerReader)
            if known:
                await reader.client.capabilities()
            return await reader.find(query)

    with on_stage(app) as base:
        return asyncio.run(find(base))


def certificate(read: SourceRead, kind: str = "MedicationRequest") -> Certificate:
    return next(one for one in read.certificates if one.type == kind)


def ids_of(read: SourceRead, kind: str = "MedicationRequest") -> set[str]:
    return {one.id for one in read.resources if one.type == kind}
