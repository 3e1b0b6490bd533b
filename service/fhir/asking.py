"""A request that changes nothing: asked again where that helps, within what is polite."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from service.errors import SourceUnavailable
from service.fhir.retry import RETRIED_STATUS, Again, Budget, wait_politely
from service.fhir.wire import Lost, NotSent, Reply, Wire


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
        failure: Again | None = None
        last: Reply | None = None
        async for attempt in self._attempts(latest):
            if failure is not None and not await self._may_repeat(failure, latest):
                break
            with attempt:
                last = None
                try:
                    last = await self._sent(method, url, headers, content, latest)
                    _must_not_pass_shortly(last)
                except Again as error:
                    failure = error
                    raise
                self._budget.answered()
                return last
        if last is None:
            raise SourceUnavailable(failure.message if failure else None)
        return last

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

    async def _sent(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        latest: float,
    ) -> Reply:
        try:
            with self._budget.open():
                return await self.wire.send(
                    method, url, headers=headers, content=content, latest=latest
                )
        except (NotSent, Lost) as error:
            raise Again(str(error)) from None

    async def _may_repeat(self, failure: Again, latest: float) -> bool:
        """Whether the budget allows one more; a server that names its time has asked for it."""
        return failure.invited or await self._budget.spend_by(latest)


def _must_not_pass_shortly(reply: Reply) -> None:
    """Raises: Again for a status that may be another one within seconds."""
    if reply.status in RETRIED_STATUS:
        invited = reply.status == 429 and reply.wait is not None
        raise Again(f"the server answers {reply.words}", reply.wait, invited=invited)
