"""Calls a sandbox server in the process, and resources to put into one."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from service.sandbox.server import Sandbox

BASE = "http://sandbox/fhir"


def call(app: Sandbox, method: str, url: str, **how: Any) -> httpx.Response:
    """One request without a socket; `url` may be relative to the base."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE + "/") as client:
            return await client.request(method, url, **how)

    return asyncio.run(send())


def get(app: Sandbox, url: str, **how: Any) -> httpx.Response:
    return call(app, "GET", url, **how)


def pages(app: Sandbox, url: str, most: int = 50) -> Iterator[dict[str, Any]]:
    """Every page of a search, as its next links lead on."""
    for _ in range(most):
        answer = get(app, url)
        assert answer.status_code == 200, answer.text
        yield answer.json()
        url = link(answer.json(), "next")
        if not url:
            return
    raise AssertionError("the search does not end")


def link(bundle: dict[str, Any], relation: str) -> str:
    found = [x["url"] for x in bundle.get("link", []) if x["relation"] == relation]
    return found[0] if found else ""


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == mode]


def found(app: Sandbox, url: str) -> set[str]:
    """The ids of every match of a search, over all pages."""
    return {id_ for page in pages(app, url) for id_ in ids(page)}


def patient(id_: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def request(id_: str, subject: str = "Patient/1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "sertraline 50 mg"},
        "subject": {"reference": subject},
        **more,
    }


def task(value: str = "1", **more: Any) -> dict[str, Any]:
    """A Task as we write it, with a business identifier."""
    return {
        "resourceType": "Task",
        "identifier": [{"system": "urn:concord", "value": value}],
        "status": "requested",
        "intent": "order",
        **more,
    }


class Clock:
    """A server's clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
