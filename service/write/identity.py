"""Identifiers of what we write: keyed hashes, so that they tell nothing and never change.

No identifier is made from a record number or a name. The same thing keeps its identifier from
signature to signature, so that a later one updates our earlier resource instead of adding one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service.write.codes import IDENTIFIER_SYSTEM, Code

_WITHOUT_IDENTIFIER = frozenset({"Provenance", "AuditEvent"})


def identifier_value(key: bytes, *parts: str) -> str:
    """The business identifier of one thing: an HMAC-SHA-256 over its parts, 32 hex digits."""
    message = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (p.encode() for p in parts))
    return hmac.digest(key, message, "sha256").hex()[:32]


def resource_id(value: str) -> str:
    """The UUID for a thing: its id where we may choose it, its place inside a Bundle elsewhere."""
    return str(UUID(hex=value, version=4))


def full_url(value: str) -> str:
    return f"urn:uuid:{resource_id(value)}"


def identifier(value: str) -> dict[str, str]:
    return {"system": IDENTIFIER_SYSTEM, "value": value}


def mark(value: str) -> Code:
    """Our identifier as a tag, for what has no identifier element in R4."""
    return Code(IDENTIFIER_SYSTEM, value, "written by Concord")


def search_token(resource_type: str, value: str) -> tuple[str, str]:
    """Parameter and token that find the resource again: for If-None-Exist and every look-up."""
    name = "_tag" if resource_type in _WITHOUT_IDENTIFIER else "identifier"
    return name, f"{IDENTIFIER_SYSTEM}|{value}"


def carries(resource: Mapping[str, Any], value: str) -> bool:
    """Whether a resource on a server is ours under this identifier."""
    tags = resource.get("meta", {}).get("tag", [])
    own = resource.get("identifier", [])
    marks = [(tag.get("system"), tag.get("code")) for tag in tags]
    names = [(one.get("system"), one.get("value")) for one in own if isinstance(one, dict)]
    return (IDENTIFIER_SYSTEM, value) in [*marks, *names]
