"""`concord subscribe`, and a running service that keeps its Subscriptions: what the settings wish,
whom it concerns, and what was done."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from service.connect import opened_clients
from service.errors import ServiceError, SettingsError, UsageError
from service.fhir.client import FhirClient
from service.read.subscriber import Subscriber
from service.read.subscription import Deed, Standing, Step, Wanted, Wish, steps, wanted
from service.settings import Settings, Source, secret
from service.store import Store, leases, notices, patients
from service.store.notices import Channel

log = structlog.get_logger()

LOOK_S: Final = 3600.0
"""Between two looks at what stands on the servers."""


def wish_of(settings: Settings, name: str) -> Wish | None:
    """What a source is to tell us; None where its `criteria` are empty. Raises: SettingsError."""
    sync = settings.sources[name].sync
    asked = sync.subscribe
    if not asked.criteria:
        return None
    secrets = secret(sync.notifications, os.environ).split()
    if not secrets:
        raise SettingsError(f"sources.{name}.sync.notifications: the secret is empty.")
    return Wish(
        address=f"{settings.web.public_url.rstrip('/')}/api/notifications/{name}",
        criteria=asked.criteria,
        secret=secrets[0],
        header=sync.header,
        signed=sync.signed,
        topic=asked.topic,
        content=asked.content,
        days=asked.days,
        heartbeat_s=asked.heartbeat_s,
    )


@dataclass(frozen=True, slots=True)
class Subscribing:
    """The Subscriptions of one source: `subscriber` asks the server, `store` knows the patients."""

    source: str
    store: Store
    subscriber: Subscriber
    clock: Callable[[], datetime]

    async def planned(self, *, stop: bool = False) -> tuple[Step, ...]:
        """What there is to do. What stands on the server is noted for the operations page.

        Raises: SourceError where that cannot be told.
        """
        want = await self._wanted()
        held = await self.subscriber.found(want)
        await self._note(held)
        return steps(self.subscriber.wish, want, held, now=self.clock(), stop=stop)

    async def do(self, step: Step) -> Standing | None:
        """Do one step and note what stands there now. Raises: SourceError, WriteError."""
        after = await self.subscriber.do(step, now=self.clock())
        await self._note((after,) if after else ())
        return after

    async def _wanted(self) -> tuple[Wanted, ...]:
        wish = self.subscriber.wish
        if not wish.of_patients:
            return wanted(wish, ())
        async with self.store.read() as look:
            held = await patients.held_at(look, self.source)
        return wanted(wish, [(ours, record.partition("/")[2]) for ours, record in held])

    async def _note(self, held: tuple[Standing, ...]) -> None:
        """Keep the statuses that the server says, beside what its notifications said."""
        at = self.clock()
        async with self.store.transaction() as tx:
            for one in held:
                known = await notices.channel(tx, self.source, one.id)
                if known is None or known.status != one.status:
                    before = known or Channel(self.source, one.id, None, "", at)
                    await notices.put(tx, replace(before, status=one.status))


async def subscribed(
    name: str,
    settings: Settings,
    store: Store,
    *,
    stop: bool,
    send: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> bool:
    """`concord subscribe`: says what there is to do and, with `send`, does it; whether all went.

    Raises: UsageError for a source without criteria; SourceError where nothing can be told.
    """
    source = settings.sources.get(name, Source())
    wish = wish_of(settings, name) if source.base_url else None
    if wish is None:
        raise UsageError(
            f"{name}: set [sources.{name}.sync.subscribe] criteria first; nothing is subscribed to "
            "that the configuration does not name."
        )
    well = True
    async with opened_clients(settings, [name]) as clients:
        subscribing = Subscribing(name, store, Subscriber(clients[name], wish), clock)
        for step in await subscribing.planned(stop=stop):
            line = f"{step.deed.value}: {step.name} ({step.why})"
            if not send or step.deed is Deed.KEEP:
                say(line)
                continue
            try:
                after = await subscribing.do(step)
            except ServiceError as error:
                well = False
                say(f"{line}: {error.message}")
            else:
                say(f"{line}: {f'Subscription/{after.id} {after.status}' if after else 'sent'}")
    if not send:
        say("Nothing was sent; --send does it.")
    return well


async def keep_subscribed(
    settings: Settings,
    store: Store,
    clients: Mapping[str, FhirClient],
    clock: Callable[[], datetime],
) -> None:
    """Looks after what stands on the servers once an hour, until it is cancelled."""
    while True:
        await look_after(settings, store, clients, clock)
        await asyncio.sleep(LOOK_S)


async def look_after(
    settings: Settings,
    store: Store,
    clients: Mapping[str, FhirClient],
    clock: Callable[[], datetime],
) -> None:
    """Looks at what stands on each server with criteria, and does what there is to do where the
    configuration says `keep`. One process at a time; a failure waits for the next look."""
    for name in sorted(clients):
        try:
            wish = wish_of(settings, name)
            if wish is None:
                continue
            subscribing = Subscribing(name, store, Subscriber(clients[name], wish), clock)
            async with _turn(store, name, clock) as mine:
                if mine:
                    await _kept(subscribing, settings.sources[name].sync.subscribe.keep)
        except ServiceError as error:
            log.warning("subscribe_again_later", source=name, error=type(error).__name__)


async def _kept(subscribing: Subscribing, keep: bool) -> None:
    for step in await subscribing.planned():
        if keep and step.deed is not Deed.KEEP:
            await subscribing.do(step)
            log.info("subscription_kept", source=subscribing.source, what=step.deed.name.lower())


@asynccontextmanager
async def _turn(store: Store, name: str, clock: Callable[[], datetime]) -> AsyncIterator[bool]:
    """Whether this process is the one that looks now."""
    lease = f"subscribe-{name}"
    async with store.transaction() as tx:
        turn = await leases.acquire(tx, lease, lease, seconds=120, at=clock())
    try:
        yield turn is not None
    finally:
        if turn is not None:
            async with store.transaction() as tx:
                await leases.release(tx, lease, turn, at=clock())
