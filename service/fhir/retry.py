"""Whether a GET is tried again, and how long is waited: politely, and never for long.

Only answers that may change within seconds are retried: lost connections, 408, 429 and 5xx. Waits
are full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter", 2015) or the server's own
Retry-After; longer ones belong to the queue. A budget per source keeps an outage from being made
worse ("Site Reliability Engineering", 2016, chapter 21: a client retries a tenth of its requests).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tenacity import RetryCallState, wait_random_exponential

from service.errors import SourceUnavailable

RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_SHARE = 0.1
_ALIVE_S = 2.0


class Again(SourceUnavailable):
    """The source may answer when asked again shortly.

    Args:
        wait: seconds that the server asked for; None where it named none.
        invited: the server is well and only wants less (429 with a time): no outage.
    """

    def __init__(self, message: str, wait: float | None = None, *, invited: bool = False) -> None:
        super().__init__(message)
        self.wait, self.invited = wait, invited


@dataclass(slots=True)
class Budget:
    """Retries that one source may cost now: one for each ten requests since it last answered.

    While a source answers, a blip may cost one retry at once. A source that answers nothing (a
    total outage) is never asked more than 1.1 times as often as without retries; where fewer than
    ten requests are made, none is repeated.
    """

    asked: int = 0
    retried: int = 0
    _answered_at: float = float("-inf")
    _open: int = 0
    _news: asyncio.Event | None = field(default=None, repr=False)

    def ask(self) -> None:
        """Note a first attempt."""
        self.asked += 1

    def answered(self) -> None:
        """Note an answer that was no failure: whatever there was is over."""
        self.asked = self.retried = 0
        self._answered_at = asyncio.get_running_loop().time()

    def spend(self) -> bool:
        """Whether one more retry is allowed; takes it from the budget."""
        now = asyncio.get_running_loop().time()
        alive = self.retried == 0 and now - self._answered_at < _ALIVE_S
        if not alive and self.retried + 1 > _SHARE * self.asked:
            return False
        self.retried += 1
        return True

    def __enter__(self) -> None:
        """A request is on its way while the block lasts."""
        self._open += 1

    def __exit__(self, *_: object) -> None:
        self._open -= 1
        if self._news is not None:
            self._news.set()
            self._news = None

    async def spend_by(self, latest: float) -> bool:
        """As `spend`; requests that are on their way may still show that the source is alive.

        Args:
            latest: moment of the event loop's clock until which they are waited for.
        """
        while not self.spend():
            if not self._open:
                return False
            try:
                async with asyncio.timeout_at(latest):
                    self._news = self._news or asyncio.Event()
                    await self._news.wait()
            except TimeoutError:
                return False
        return True


_JITTER = wait_random_exponential(multiplier=0.2, max=4.0)


def wait_politely(state: RetryCallState) -> float:
    """tenacity's wait: what the server asked for, else full jitter from 0.2 s up to 4 s."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Again) and error.wait is not None:
        return error.wait
    return float(_JITTER(state))
