"""Ids that are hashes of content: the same from report to report while the content is the same."""

from __future__ import annotations

from hashlib import blake2b


def content_id(prefix: str, *parts: str) -> str:
    """A short id ("m-4f0c...") over the parts in order; parts may hold any text."""
    digest = blake2b(digest_size=8)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return f"{prefix}-{digest.hexdigest()}"
