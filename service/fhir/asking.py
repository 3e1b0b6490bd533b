"""A request that changes nothing: asked again where that helps, within what is polite."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from service.errors import SourceUnavailable
from service.fhir.retry import RETRIED_STATUS, Again, Budget, wait_politely
from service.fhir.wire import Lost, NotSent, Reply, Wire


class _Tried(NamedTuple):
    """What one attempt came to: a failure that may pass within seconds, or the answer to keep."""

    reply: Reply | None
    failure: Again | None = None


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
        first = await self._tried(method, url, headers, content, latest)
        if first.failure is None and first.reply is not None:
            return first.reply
        tried: _Tried | None = None
        async for attempt in self._attempts(latest):
            if tried is not None and not await self._may_repeat(tried, latest):
                break
            with attempt:
                again = tried is not None
                tried = await self._tried(method, url, headers, content, latest) if again else first
                if tried.failure is not None:
                    raise tried.failure
        last = tried or first
        if last.reply is None:
            raise SourceUnavailable(last.failure.message if last.failure else None)
        return last.reply

    def _attempts(self, latest: float) -> AsyncRetrying:
        """Attempts with their pauses; they end without an error when there were enough."""

        def enough(state: RetryCallState) -> bool:
            too_late = asyncio.get_running_loop().time() + state.upcoming_sleep > latest
            return too_late or state.attempt_number >= self.wire.limits.attempts

        return AsyncRetrying(
            retry=retry_if_exception_type(Again),
            wait=wait_politely,
            stop=enough,
            retry_error_callback=lambda _: None,
        )

    async def _tried(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        latest: float,
    ) -> _Tried:
        """One attempt. Raises: SourceError that no repetition would change."""
        try:
            with self._budget:
                reply = await self.wire.send(
                    method, url, headers=headers, content=content, latest=latest
                )
        except (NotSent, Lost) as error:
            return _Tried(None, Again(str(error)))
        if reply.status in RETRIED_STATUS:
            invited = reply.status == 429 and reply.wait is not None
            told = f"the server answers {reply.words}"
            return _Tried(reply, Again(told, reply.wait, invited=invited))
        self._budget.answered()
        return _Tried(reply)

    async def _may_repeat(self, tried: _Tried, latest: float) -> bool:
        """Whether the budget allows one more; a server that names its time has asked for it."""
        invited = tried.failure is not None and tried.failure.invited
        return invited or await self._budget.spend_by(latest)
