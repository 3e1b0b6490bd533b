"""How fast a source may be asked, by its own word: Retry-After and the RateLimit headers.

After a pause one request goes ahead alone; the others follow once it was answered, so that a
source that is still down is not met by all of them again. Read are the fields of the IETF draft
"RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers) in its forms 03 to 10,
which are in use side by side: `RateLimit: "default";r=50;t=30`, `RateLimit: limit=100,
remaining=50, reset=30`, and `RateLimit-Remaining` with `RateLimit-Reset`.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from service.errors import SourceUnavailable

_PARAMETER = re.compile(r"(?<![\w-])([a-z]+)\s*=\s*(\d{1,12})(?![\w.])", re.IGNORECASE)
_QUOTA_FIELDS = frozenset(
    {"ratelimit", "ratelimit-policy", "ratelimit-remaining", "ratelimit-reset"}
)
_LONGEST_PAUSE_S = 3600.0
_FEW = 2
"""So few requests left in the window are sent one after the other."""


def _now() -> float:
    return asyncio.get_running_loop().time()


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or HTTP date); None when it tells none."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


@lru_cache(maxsize=64)
def http_date(text: str | None) -> datetime | None:
    """The moment of an HTTP date, None where it is none."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


@dataclass(frozen=True, slots=True)
class Quota:
    """Requests that are left, and the seconds until there are more (None where not said)."""

    remaining: int
    reset_s: float | None


def quota(headers: Mapping[str, str]) -> Quota | None:
    """The tightest quota that an answer's RateLimit fields name; None where they name none.

    Args:
        headers: names in lower case.
    """
    found: list[Quota] = []
    text = headers.get("ratelimit", "")
    for item in text.split(",") if '"' in text else [text]:
        named = {name.lower(): int(value) for name, value in _PARAMETER.findall(item)}
        left = named.get("r", named.get("remaining"))
        reset = named.get("t", named.get("reset"))
        if left is not None:
            found.append(Quota(left, None if reset is None else float(reset)))
    separate = headers.get("ratelimit-remaining", "").strip()
    if separate.isascii() and separate.isdigit():
        reset_text = headers.get("ratelimit-reset", "").strip()
        seconds = float(reset_text[:12]) if reset_text.isdigit() else None
        found.append(Quota(int(separate[:12]), seconds))
    return min(found, key=lambda one: one.remaining, default=None)


def policies(headers: Mapping[str, str]) -> tuple[tuple[int, float], ...]:
    """(requests, window in seconds) of each policy in RateLimit-Policy.

    `"burst";q=100;w=60` and the older `100;w=60` are read; other units than requests are not ours
    to count.
    """
    found = []
    for item in headers.get("ratelimit-policy", "").split(","):
        named = {name.lower(): int(value) for name, value in _PARAMETER.findall(item)}
        old = re.match(r"\s*(\d{1,12})\s*;", item)
        most = named.get("q", int(old[1]) if old else None)
        unit = re.search(r'qu\s*=\s*"([^"]*)"', item)
        if most and named.get("w") and (unit is None or unit[1] == "requests"):
            found.append((most, float(named["w"])))
    return tuple(found)


@dataclass(slots=True)
class Pace:
    """When the next request to one source may go (the event loop's seconds)."""

    not_before: float = 0.0
    careful: bool = False
    _policies: tuple[tuple[int, float], ...] = ()
    _sent: deque[float] = field(default_factory=deque, repr=False)
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def hold(self, seconds: float) -> None:
        """Nothing goes for so long (at most an hour), and then one request alone."""
        pause = min(seconds, _LONGEST_PAUSE_S)
        self.not_before = max(self.not_before, _now() + pause)
        self.careful = True

    def remaining(self) -> float:
        """Seconds until the next request may go; 0 when it may go now."""
        now = _now()
        wait = self.not_before - now
        for most, window in self._policies:
            while self._sent and self._sent[0] <= now - max(w for _, w in self._policies):
                self._sent.popleft()
            recent = [at for at in self._sent if at > now - window]
            if len(recent) >= most:
                wait = max(wait, recent[-most] + window - now)
        return max(0.0, wait)

    def hear(self, headers: Mapping[str, str], *, well: bool) -> None:
        """Take what an answer says of the quota; `well` where it was no failure."""
        told = not _QUOTA_FIELDS.isdisjoint(headers)
        if told:
            self._policies = policies(headers) or self._policies
        left = quota(headers) if told else None
        if well and _now() >= self.not_before:
            self.careful = left is not None and left.remaining <= _FEW
        if left is not None and left.remaining == 0 and left.reset_s:
            self.hold(left.reset_s)

    @property
    def is_free(self) -> bool:
        """Whether nothing was ever said that would keep a request waiting now."""
        return not (self.careful or self._policies or self.not_before)

    @asynccontextmanager
    async def turn(self, latest: float) -> AsyncIterator[None]:
        """Wait for one's turn to send one request.

        Args:
            latest: the moment (event loop's clock) after which waiting makes no sense.
        Raises: SourceUnavailable, without waiting, when the turn would come later than that.
        """
        while self.careful:
            async with self._alone:
                if self.careful:
                    await self._wait(latest)
                    yield
                    return
        await self._wait(latest)
        yield

    async def _wait(self, latest: float) -> None:
        while wait := self.remaining():
            if _now() + wait > latest:
                raise SourceUnavailable(f"the server asks for a pause of {wait:.0f} s")
            await asyncio.sleep(wait)
        if self._policies:
            self._sent.append(_now())
