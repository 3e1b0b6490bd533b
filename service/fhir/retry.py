"""When a GET is tried again, and how long is waited: politely, and never for long.

Only answers that may change within seconds are retried: lost connections, 408, 429 and 5xx. Waits
are full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter", 2015) or the server's own
Retry-After; longer ones belong to the queue. A budget per source keeps an outage from being made
worse: retries beyond a small reserve are earned by successes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, wait_random_exponential

from service.errors import SourceUnavailable

RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or HTTP date); None when it tells none."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


class Again(SourceUnavailable):
    """The source may answer when asked again shortly.

    Args:
        wait: seconds that the server asked for; None where it named none.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(slots=True)
class Budget:
    """Retries left for one source: a reserve, and a tenth of a retry for each success."""

    reserve: float = 2.0
    earned_by_success: float = 0.1
    ceiling: float = 10.0

    def earn(self) -> None:
        self.reserve = min(self.ceiling, self.reserve + self.earned_by_success)

    def spend(self) -> bool:
        """Whether one more retry is allowed; takes it from the budget."""
        if self.reserve < 1.0:
            return False
        self.reserve -= 1.0
        return True


@dataclass(slots=True)
class Pace:
    """No request to a source before the moment that its last Retry-After named (monotonic s)."""

    not_before: float = field(default=0.0)

    def hold(self, seconds: float) -> None:
        self.not_before = max(self.not_before, time.monotonic() + seconds)

    def remaining(self) -> float:
        return max(0.0, self.not_before - time.monotonic())


_JITTER = wait_random_exponential(multiplier=0.2, max=4.0)


def wait_politely(state: RetryCallState) -> float:
    """tenacity's wait: what the server asked for, else full jitter from 0.2 s up to 4 s."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Again) and error.wait is not None:
        return error.wait
    return float(_JITTER(state))
