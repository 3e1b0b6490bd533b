"""The web application over a store in memory, asked without a network, for tests of its routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from service.model.review import User
from service.review.worklist import place
from service.store import Store, audit, open_store, patients, reports, worklist
from service.store import jobs as job_rows
from service.web.application import create_app
from service.web.people.auth import Issuer
from service.web.services import Services
from service.write.target import WriteTarget
from tests.write.synthetic import AS_OF, AT, PHARMACIST, body
from tests.write.synthetic import report as bare_report

BASE = "http://127.0.0.1"
WRITABLE = ("CarePlan", "DetectedIssue", "List", "Provenance", "Task")


def report(**more: Any) -> dict[str, Any]:
    """The usual synthetic report with what a page shows beside it: the person, visits, context."""
    content = bare_report(**more)
    content["patient"] |= {
        "name": "Ada Invented",
        "birth_date": "1984-03-02",
        "sex": "female",
        "deceased": False,
    }
    content["next_appointment"] = {
        "appointment": "psychiatry:Appointment/3",
        "date": "2026-03-20",
        "with": ["Dr Piet Psych"],
    }
    content["context"] = {"allergies": ["penicillin (rash) [primary-care]"], "measures": []}
    for medication in content["medications"]:
        for line in medication["lines"]:
            line.setdefault("sig", "")
    return content


@dataclass
class Office:
    """Everything behind the routes. `now` is the clock; move it with `later`."""

    store: Store
    app: FastAPI
    client: httpx.AsyncClient
    now: list[datetime]
    queued: list[tuple[str, str]] = field(default_factory=list)

    def bearer(self, user: User = PHARMACIST) -> dict[str, str]:
        token = Issuer(self.store.key, lambda: self.now[0]).token(user)
        return {"Authorization": f"Bearer {token}"}

    def later(self, **span: float) -> None:
        self.now[0] += timedelta(**span)

    async def patient(self, number: int = 17, content: dict[str, Any] | None = None) -> str:
        """A patient with a report on the worklist; without `content` the usual synthetic one."""
        asked = {"source": "psychiatry", "reference": f"Patient/{number}"}
        async with self.store.transaction() as tx:
            patient = (await patients.ask(tx, self.store.key, asked, at=self.now[0])).id
        await self.keep(patient, content or report())
        return patient

    async def keep(self, patient: str, content: dict[str, Any]) -> reports.KeptReport:
        at = self.now[0]
        async with self.store.transaction() as tx:
            kept = await reports.keep(tx, patient, body(content), as_of=AS_OF, at=at)
            stands = place(content, patient, at)
            row = worklist.WorklistRow(
                patient=patient,
                report=kept.id,
                severity=stands.severity,
                urgent=stands.urgent,
                next_visit=stands.next_visit.isoformat() if stands.next_visit else "",
                waiting_since=at,
                high=stands.high,
                moderate=stands.moderate,
                low=stands.low,
                not_evaluable=stands.not_evaluable,
                incomplete_sources=stands.incomplete_sources,
                sort=stands.sort,
            )
            await worklist.put(tx, row)
        return kept

    async def empty_patient(self, number: int = 99) -> str:
        """A patient that was asked for and has no report yet."""
        asked = {"source": "psychiatry", "reference": f"Patient/{number}"}
        async with self.store.transaction() as tx:
            return (await patients.ask(tx, self.store.key, asked, at=self.now[0])).id

    async def review(self, patient: str, user: User = PHARMACIST) -> str:
        async with self.store.read() as look:
            kept = await reports.newest(look, patient)
        assert kept is not None
        headers = self.bearer(user) | {"If-Match": kept.etag}
        answer = await self.client.post(f"/api/patients/{patient}/reviews", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def decide(
        self, review: str, item: str, wanted: dict[str, Any], user: User = PHARMACIST
    ) -> httpx.Response:
        state = await self.client.get(f"/api/reviews/{review}", headers=self.bearer(user))
        headers = self.bearer(user) | {"If-Match": state.json()["etags"][item]}
        path = f"/api/reviews/{review}/decisions/{item}"
        return await self.client.put(path, json=wanted, headers=headers)

    async def sign_in(self, user: User = PHARMACIST) -> httpx.Response:
        """Signs a browser in with a token, as the sign-in page's form does."""
        token = self.bearer(user)["Authorization"].removeprefix("Bearer ")
        answer = await self.client.post(
            "/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 303, answer.text
        return answer

    async def changes(self) -> list[audit.AuditRow]:
        """What was done so far, without what was only looked at or refused."""
        looked = ("read", "list", "sign-in")
        return [
            row
            for row in await self.audited()
            if row.outcome == "done" and not row.action.startswith(looked)
        ]

    async def audited(self, patient: str | None = None) -> tuple[audit.AuditRow, ...]:
        """Oldest first."""
        async with self.store.read() as look:
            return tuple(reversed(await audit.rows(look, patient=patient, limit=10_000)))


def in_office(
    use: Callable[[Office], Awaitable[None]],
    *,
    base_url: str = BASE,
    writable: tuple[str, ...] = WRITABLE,
    raise_faults: bool = True,
    clock: list[datetime] | None = None,
    url: str = "sqlite://",
    **services: Any,
) -> None:
    """Runs a test against the application. More keywords go to `Services`."""

    async def run() -> None:
        store = await open_store(url)
        now = clock or [AT]
        queued: list[tuple[str, str]] = []

        async def queue(kind: str, subject: str) -> str:
            queued.append((kind, subject))
            job = f"{kind}-{len(queued)}"
            async with store.transaction() as tx:
                await job_rows.add(tx, job, kind, subject, at=now[0])
            return job

        async def targets() -> tuple[WriteTarget, ...]:
            return (
                WriteTarget(
                    name="psychiatry",
                    base_url="http://psychiatry.test/fhir",
                    allowed=frozenset(writable),
                ),
            )

        given = {"targets": targets, "queue": queue} | services
        app = create_app(
            Services(
                store=store, issuer=Issuer(store.key, lambda: now[0]), now=lambda: now[0], **given
            )
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=raise_faults)
        try:
            async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
                await use(Office(store, app, client, now, queued))
        finally:
            await store.close()

    asyncio.run(run())


def parsed(answer: httpx.Response) -> Any:
    return json.loads(answer.content)
