"""Everything that a running service holds open: store, clients, readers, knowledge, jobs, web.

Built once by `open_house` and closed with it; `serve`, `work` and `demo` run on the same house.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

import structlog

from service import app
from service.connect import opened_clients
from service.errors import ServiceError, SourceError
from service.fhir.client import FhirClient
from service.fhir.exchange import JsonExchange
from service.fhir.outgoing import http_client
from service.jobs import Jobs
from service.mappings.folder import mappings_folder
from service.mappings.sources import load_sources
from service.mappings.therapeutic import load_drug_classes
from service.model.review import User
from service.people import People, people, public_keys
from service.pipeline.conflict import look_again, to_look_after
from service.pipeline.courier import Courier
from service.pipeline.deliver import deliver_due, deliver_signature
from service.pipeline.recheck import unchanged
from service.pipeline.reconcile import Knowledge
from service.pipeline.refresh import refresh
from service.pipeline.sync import Syncing
from service.read.connection import Step, connection
from service.read.profile import SourceProfiles
from service.read.server import ServerReader
from service.read.source import Reader
from service.read.subject import subjects_of
from service.settings import Settings, role_of, secret
from service.store import Store
from service.store.seals import seal
from service.subscribing import keep_subscribed
from service.syncing import ages, claimed, keep_planning, rhythms
from service.web.language import of_site
from service.web.pdf import drawn_or_nothing
from service.web.people.auth import Issuer
from service.web.print_pages import style
from service.web.senders import Sender, sender
from service.web.services import Services
from service.write.deliver.recipient import Recipient, write_target
from service.write.target import WriteTarget

log = structlog.get_logger()

TEND_S = 5.0
"""Between two looks for writes whose next try has come."""

LOOK_AGAIN_S = 1.0
"""Between two looks for a write whose answer was lost."""


@dataclass(slots=True)
class House:
    """The open parts. `day` fixes the day that reports stand on; None means today."""

    settings: Settings
    store: Store
    knowledge: Knowledge
    clients: Mapping[str, FhirClient]
    readers: Sequence[Reader]
    profiles: SourceProfiles
    worker: str
    day: date | None = None
    demo_user: User | None = None
    people: People = field(default_factory=People)

    async def reconcile(self, patient: str) -> None:
        """Reads every source of one patient and keeps the new report."""
        at = app.now()
        report = await refresh(
            self.store,
            self.readers,
            self.knowledge,
            patient,
            as_of=self.day or at.date(),
            at=at,
            ages=ages(self.settings),
        )
        log.info("list_reconciled", patient=patient, version=report.number)

    async def unchanged(self, review: str) -> None:
        """Returns when the sources still say what the review stands on; else ReviewStale."""
        at = app.now()
        await unchanged(
            self.store,
            self.readers,
            self.knowledge,
            review,
            day=self.day or at.date(),
            at=at,
            ages=ages(self.settings),
        )

    @property
    def syncing(self) -> Syncing:
        """What reading by itself needs."""
        return Syncing(
            store=self.store,
            readers=self.readers,
            knowledge=self.knowledge,
            rhythms=rhythms(self.settings, self.clients),
            about=self.about,
            clock=app.now,
            ages=ages(self.settings),
            day=self.day,
            claimed=claimed(self.settings),
        )

    async def about(self, source: str, reference: str) -> tuple[str, ...]:
        """Whom a resource of a source is about, by asking it. Raises: SourceError."""
        return await subjects_of(self.clients[source], reference)

    def senders(self) -> dict[str, Sender]:
        """The sources that may notify us, with their secrets. Raises: SettingsError."""
        told = {name: self.settings.sources[name].sync for name in self.clients}
        return {
            name: sender(sync.header, secret(sync.notifications, os.environ), signed=sync.signed)
            for name, sync in told.items()
            if sync.notifications
        }

    async def sync(self, source: str) -> None:
        """Reads the patients of one source who are due."""
        done = await self.syncing.sync(source)
        log.info("source_synced", source=source, count=done.read, entries=done.changed)

    async def deliver(self, signature: str) -> None:
        """Moves the writes of one signature as far as they go now; `_tend` moves what waits."""
        await deliver_signature(await self.courier(), signature)
        log.info("deliver", job=signature)
        await self.look_again()

    async def look_again(self) -> None:
        """Reads everybody anew of whom a write met a changed resource, whoever delivered it, so
        that the difference is shown and the next signature goes on top of it."""
        courier = await self.courier()
        for patient in await to_look_after(courier):
            try:
                await self.reconcile(patient)
                await look_again(courier, patient)
            except ServiceError as error:
                log.warning("reconcile_after_conflict", error=type(error).__name__, patient=patient)

    async def deliver_due(self) -> int:
        """Moves everything on whose time has come; gives how many groups moved."""
        return await deliver_due(await self.courier())

    async def courier(self) -> Courier:
        """Who delivers from this process, to every server as it can be written to now."""
        recipients = {
            target.name: Recipient(self.clients[target.name], target)
            for target in await self.targets()
        }
        return Courier(
            store=self.store,
            recipients=recipients,
            worker=self.worker,
            clock=app.now,
            pause=lambda: asyncio.sleep(LOOK_AGAIN_S),
        )

    async def targets(self) -> Sequence[WriteTarget]:
        """Every server as a recipient: what the site switched on and what the server says."""
        return await asyncio.gather(*(self._target(name) for name in sorted(self.clients)))

    async def _target(self, name: str) -> WriteTarget:
        client, source = self.clients[name], self.settings.sources[name]
        try:
            known = await client.capabilities()
        except SourceError as error:
            reason = error.message
            found = write_target(name, client.base_url, source.write, None, unreachable=reason)
            return self._of_site(found)
        profile = self.profiles.chosen(source.vendor, known.software, known.publisher)
        found = write_target(
            name,
            client.base_url,
            source.write,
            known,
            transaction_limit=profile.transaction_limit,
        )
        return self._of_site(found)

    def _of_site(self, target: WriteTarget) -> WriteTarget:
        """The target with what the site says of it beside the types that may be written."""
        source = self.settings.sources[target.name]
        return replace(
            target,
            coordinate=frozenset(source.coordinate),
            coordinate_unguarded=source.coordinate_unguarded,
            parties=frozenset(source.parties),
            idempotency_header=source.idempotency_header,
            cpt_licensed=self.settings.measures.cpt_licensed,
            draws=draw,
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Jobs]:
        """Jobs that are taken and done in this process, and the outbox looked after."""
        jobs = Jobs(
            store=self.store,
            database=jobs_address(self.settings.store.url),
            works={"reconcile": self.reconcile, "deliver": self.deliver, "sync": self.sync},
            worker=self.worker,
            clock=app.now,
            syncs_at_once=max(4, len(self.clients)),
        )
        await jobs.launch()
        syncing = self.syncing
        tending = [asyncio.create_task(self._tend()), asyncio.create_task(self._look_after())]
        if syncing.rhythms:
            tending.append(asyncio.create_task(keep_planning(syncing, jobs)))
            tending.append(
                asyncio.create_task(
                    keep_subscribed(self.settings, self.store, self.clients, app.now)
                )
            )
        try:
            yield jobs
        finally:
            for task in tending:
                task.cancel()
            await asyncio.gather(*tending, return_exceptions=True)
            await jobs.close()

    async def _tend(self) -> None:
        """Delivers what waits for its next try and seals the audit; a failure is tried again."""
        while True:
            await asyncio.sleep(TEND_S)
            try:
                await self.deliver_due()
                await seal(self.store)
            except ServiceError as error:
                log.warning("deliver_again_later", error=type(error).__name__)

    async def _look_after(self) -> None:
        """Looks for writes that met a change; beside the deliveries, as reading takes its time."""
        while True:
            await asyncio.sleep(TEND_S)
            try:
                await self.look_again()
            except ServiceError as error:
                log.warning("reconcile_after_conflict", error=type(error).__name__)

    async def connection(self, source: str) -> Sequence[Step]:
        """One source tried step by step, without a patient; none for a source that is unknown."""
        client = self.clients.get(source)
        if client is None:
            return ()
        return await connection(client, self.profiles, self.settings.sources[source].vendor)

    def certificates(self) -> Mapping[str, datetime]:
        """When the TLS certificate of each source runs out that showed one to this process."""
        return {
            name: ends
            for name, client in self.clients.items()
            if (ends := client.certificate_ends) is not None
        }

    def rule_text(self, rule: str) -> str:
        """The file of a rule that the book names."""
        file = mappings_folder(self.settings.mappings) / "rules" / f"{rule}.toml"
        return file.read_text(encoding="utf-8")

    def services(self, jobs: Jobs, hosts: tuple[str, ...]) -> Services:
        """What the web application is given."""
        return Services(
            store=self.store,
            issuer=Issuer(self.store.key, app.now),
            queue=jobs.queue,
            targets=self.targets,
            unchanged=self.unchanged,
            now=app.now,
            sources={name: client.base_url for name, client in self.clients.items()},
            hosts=hosts,
            demo_user=self.demo_user,
            origin=self.people.origin,
            only_related=frozenset(self.settings.web.access.only_related),
            openid=self.people.openid,
            launches=self.people.launches,
            public_keys=partial(public_keys, self.settings, os.environ),
            senders=self.senders(),
            stale_after=ages(self.settings).stale,
            every={
                name: rhythm.every
                for name, rhythm in rhythms(self.settings, self.clients).items()
                if rhythm.every
            },
            metrics_token=self.people.metrics_token,
            rules=self.knowledge.rules,
            rule_text=self.rule_text,
            drug_classes=load_drug_classes(mappings_folder(self.settings.mappings)),
            connection=self.connection,
            certificates=self.certificates,
            locales=of_site(self.settings.web.locales),
        )


@asynccontextmanager
async def open_house(
    settings: Settings, *, day: date | None = None, demo_user: User | None = None
) -> AsyncIterator[House]:
    """The parts of a service, opened in order and closed in reverse."""
    async with AsyncExitStack() as stack:
        store = await app.opened_store(settings)
        stack.push_async_callback(store.close)
        profiles = load_sources(mappings_folder(settings.mappings))
        online = [name for name, source in settings.sources.items() if source.base_url]
        clients = await stack.enter_async_context(opened_clients(settings, online))
        readers = [
            ServerReader(
                name,
                role_of(name, settings),
                client,
                profiles,
                settings.sources[name].vendor,
                overlap=timedelta(minutes=settings.read.overlap_min),
            )
            for name, client in clients.items()
        ]
        exchange = JsonExchange(await stack.enter_async_context(http_client()))
        yield House(
            people=people(settings, os.environ, exchange, store.key, app.now),
            settings=settings,
            store=store,
            knowledge=app.knowledge(settings),
            clients=clients,
            readers=readers,
            profiles=profiles,
            worker=f"{socket.gethostname()}-{os.getpid()}",
            day=day,
            demo_user=demo_user,
        )


def draw(html: str) -> bytes:
    """A page as PDF in the style of the prints; nothing where that is not installed."""
    return drawn_or_nothing(html, style())


def jobs_address(store: str) -> str:
    """Where DBOS keeps its steps: beside the SQLite file, or in the same PostgreSQL."""
    if store.startswith("sqlite:///"):
        return f"{store.removesuffix('.db')}-jobs.db"
    return store
