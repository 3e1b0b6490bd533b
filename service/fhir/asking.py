"""A request that changes nothing: asked again where that helps, within what is polite."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.errors import SourceUnavailable
from service.fhir.retry import RETRIED_STATUS, Again, Budget, pause_before
from service.fhir.wire import Lost, NotSent, Reply, Wire


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why another answer may come shortly; `reply` is the one that came, None where none did."""

    why: Again
    reply: Reply | None = None


@dataclass(slots=True)
class Asking:
    """Asks one source for all who do: what one learns of an outage spares the others."""

    wire: Wire
    _budget: Budget = field(init=False, default_factory=Budget, repr=False)

    async def reply(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        latest: float,
    ) -> Reply:
        """The answer, after short retries; whatever status is left at the end.

        Args:
            latest: moment of the event loop's clock beyond which nothing is waited for.
        Raises: SourceUnavailable (nothing answered), SourceRefused (address elsewhere),
            SourceInvalid (body broken, cut off or over the cap).
        """
        self._budget.ask()
        tried = 0
        while True:
            tried += 1
            got = await self._once(method, url, headers, content, latest)
            if isinstance(got, Reply):
                self._budget.answered()
                return got
            last = tried >= self.wire.limits.attempts
            if last or not await self._may_repeat(got.why, tried, latest):
                break
        if got.reply is None:
            raise SourceUnavailable(got.why.message)
        return got.reply

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        latest: float,
    ) -> Reply | _Failed:
        try:
            with self._budget.open():
                reply = await self.wire.send(
                    method, url, headers=headers, content=content, latest=latest
                )
        except (NotSent, Lost) as error:
            return _Failed(Again(str(error)))
        if reply.status not in RETRIED_STATUS:
            return reply
        invited = reply.status == 429 and reply.wait is not None
        why = Again(f"the server answers {reply.words}", reply.wait, invited=invited)
        return _Failed(why, reply)

    async def _may_repeat(self, failure: Again, tried: int, latest: float) -> bool:
        """Whether it may be asked again; returns when its time has come."""
        pause = pause_before(tried, failure)
        if asyncio.get_running_loop().time() + pause > latest:
            return False
        await asyncio.sleep(pause)
        return failure.invited or await self._budget.spend_by(latest)
