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
    two while the secret changes. With `signed` the secret itself does not travel: the header holds
    the HMAC-SHA256 of the body under it, in hexadecimal digits (Medplum's X-Signature)."""

    header: str
    accepted: tuple[bytes, ...]
    signed: bool = False

    def is_right(self, shown: str | None, body: bytes) -> bool:
        """Whether this proves the sender, in time that does not depend on which or how far."""
        given = (shown or "").encode()
        if self.signed:
            given = given.strip().lower()
            proofs = [hmac.digest(one, body, "sha256").hex().encode() for one in self.accepted]
        else:
            proofs = list(self.accepted)
        return sum(hmac.compare_digest(given, one) for one in proofs) > 0


def sender(header: str, secrets: str, *, signed: bool = False) -> Sender:
    """Who shows one of these secrets, one a line, in the header; after "Bearer " in Authorization.

    Args:
        signed: shown is a signature of each body under the secret, bare in any header.
    Raises: SettingsError for a secret that could be guessed.
    """
    lines = tuple(line.strip() for line in secrets.splitlines() if line.strip())
    if not lines or min(map(len, lines)) < SHORTEST_SECRET:
        raise SettingsError(
            f"sync.notifications: a secret has {SHORTEST_SECRET} characters or more, for example "
            "`openssl rand -hex 32`."
        )
    before = "Bearer " if not signed and header.lower() == "authorization" else ""
    return Sender(header, tuple(f"{before}{line}".encode() for line in lines), signed)
