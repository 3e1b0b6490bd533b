"""One server's CapabilityStatement, asked for once an hour by whoever needs it first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from service.errors import SourceInvalid, SourceUnavailable
from service.fhir.capability import Capabilities, capabilities
from service.fhir.release import READ, Release
from service.fhir.retry import RETRIED_STATUS
from service.fhir.wire import Reply

_KEPT_S = 3600.0
_UNKNOWN_KEPT_S = 30.0


@dataclass(slots=True)
class Statement:
    """Asks with `ask`, which gets the moment after which nothing is waited for."""

    ask: Callable[[float | None], Awaitable[Reply]]
    _found: Capabilities | None = field(init=False, default=None, repr=False)
    _until: float = field(init=False, default=0.0, repr=False)
    _asking: asyncio.Lock = field(init=False, default_factory=asyncio.Lock, repr=False)

    @property
    def known(self) -> Capabilities | None:
        """What was found within the last hour."""
        return self._found if time.monotonic() < self._until else None

    async def capabilities(self, deadline: float | None) -> Capabilities:
        """What the server says it can do; unknown where it says nothing.

        Raises: SourceUnavailable when it does not answer at all, SourceInvalid when it names a
            release that Concord does not read.
        """
        async with self._asking:
            found = self.known
            if found is None:
                found = await self._asked(deadline)
                self._found = found
                self._until = time.monotonic() + (_KEPT_S if found.known else _UNKNOWN_KEPT_S)
        if found.known and found.release not in READ and found.release is not Release.UNKNOWN:
            raise SourceInvalid(
                f"FHIR {found.release.value} ({found.fhir_version or 'by its shape'}) is not read; "
                "ask the source for an R4 address"
            )
        return found

    async def _asked(self, deadline: float | None) -> Capabilities:
        reply = await self.ask(deadline)
        if reply.status in RETRIED_STATUS:
            raise SourceUnavailable(f"the server answers {reply.words}")
        try:
            if reply.status != 200:
                raise SourceInvalid(reply.words)
            return capabilities(reply.body)
        except SourceInvalid as error:
            reason = f"no CapabilityStatement ({error.message})"
            return Capabilities(known=False, release=Release.UNKNOWN, reason=reason)
