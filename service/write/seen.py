"""In which version something was seen: the server's own number, or its content where it has none.

A server that names no versions cannot be asked to guard them with If-Match: what stands there is
read again right before it is written over, and has to be, byte for byte of its meaning, what was
seen. A content's version holds a character that no FHIR id may hold, so that it is never sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

_CONTENT = "sha256:"
_SERVERS_OWN = frozenset({"versionId", "lastUpdated"})


def version_of(version: str | None, body: bytes) -> str | None:
    """The version of an answer: the server's, else its content's; None for no JSON object."""
    if version:
        return version
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content_version(content) if isinstance(content, dict) else None


def content_version(content: Mapping[str, Any]) -> str:
    """The version of a content, whatever the server calls it."""
    meta = content.get("meta")
    if isinstance(meta, dict):
        content = {**content, "meta": {k: v for k, v in meta.items() if k not in _SERVERS_OWN}}
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return _CONTENT + sha256(plain.encode()).hexdigest()


def server_version(version: str | None) -> str | None:
    """What can be said in If-Match; None where the server names no versions."""
    return None if version is None or version.startswith(_CONTENT) else version
