"""Sources that may notify us, and how each proves that it is itself."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from service.errors import SettingsError

SHORTEST_SECRET: Final = 16


@dataclass(frozen=True, slots=True)
class Sender:
    """A source that may notify: the header in which it shows its secret, and the values taken;
    two while the secret changes."""

    header: str
    accepted: tuple[bytes, ...]

    def is_right(self, shown: str | None) -> bool:
        """Whether this is one of the values, in time that does not depend on which or how far."""
        given = (shown or "").encode()
        return sum(hmac.compare_digest(given, one) for one in self.accepted) > 0


def sender(header: str, secrets: str) -> Sender:
    """Who shows one of these secrets, one a line, in the header; after "Bearer " in Authorization.

    Raises: SettingsError for a secret that could be guessed.
    """
    lines = tuple(line.strip() for line in secrets.splitlines() if line.strip())
    if not lines or min(map(len, lines)) < SHORTEST_SECRET:
        raise SettingsError(
            f"sync.notifications: a secret has {SHORTEST_SECRET} characters or more, for example "
            "`openssl rand -hex 32`."
        )
    before = "Bearer " if header.lower() == "authorization" else ""
    return Sender(header, tuple(f"{before}{line}".encode() for line in lines))
