"""Words that rows are found by, hidden at rest: equal words rest as equal text and tell nothing.

AES-SIV (RFC 5297), as the same word has to rest the same way. Its key follows from the store's own,
which rests encrypted under the site's key and outlives it: nothing is hidden anew when that one is
rotated. Without a key of the site, words rest as they are.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from service.errors import StoreDamaged

MARK = "siv:"
"""What a hidden word begins with, and no other."""


@dataclass(frozen=True, slots=True)
class Words:
    """How words rest; without a key as they are."""

    key: bytes = b""
    _cipher: AESSIV | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.key:
            own = hmac.digest(self.key, b"concord words", "sha512")
            object.__setattr__(self, "_cipher", AESSIV(own))

    def hide(self, word: str) -> str:
        """The form in which a word rests."""
        if self._cipher is None or not word:
            return word
        return MARK + base64.urlsafe_b64encode(self._cipher.encrypt(word.encode(), None)).decode()

    def show(self, rests: str) -> str:
        """The word; one from before there was a key rests as it is. Raises: StoreDamaged."""
        if not rests.startswith(MARK):
            return rests
        if self._cipher is None:
            raise StoreDamaged
        try:
            sealed = base64.urlsafe_b64decode(rests.removeprefix(MARK))
            return self._cipher.decrypt(sealed, None).decode()
        except (InvalidTag, ValueError) as error:
            raise StoreDamaged from error


IN_CLEAR = Words()
