"""Ids that are hashes of content: the same from report to report while the content is the same.

And the system by which Concord knows again what it wrote itself.
"""

from __future__ import annotations

from hashlib import blake2b

OUR_IDENTIFIERS = "urn:uuid:0c6f7d52-53c8-5d0a-9a0e-6c1b6a1f2b10"
"""The identifier system of everything that Concord writes to a server."""


_MANY = 1024
_LENGTHS = [length.to_bytes(4, "big") for length in range(_MANY)]


def content_id(prefix: str, *parts: str) -> str:
    """A short id ("m-4f0c...") over the parts in order; parts may hold any text."""
    raw: list[bytes] = []
    for part in parts:
        one = part.encode()
        length = len(one)
        raw.append(_LENGTHS[length] if length < _MANY else length.to_bytes(4, "big"))
        raw.append(one)
    return f"{prefix}-{blake2b(b''.join(raw), digest_size=8).hexdigest()}"
