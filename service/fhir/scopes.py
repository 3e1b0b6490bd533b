"""What a SMART grant opens, in v1 (`system/Observation.read`) and v2 (`system/Observation.rs`).

Source: SMART App Launch 2.2, "Scopes for requesting FHIR Resources".
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

_SCOPE = re.compile(r"(?:system|user|patient)/([A-Za-z]+|\*)\.([a-z]+|\*)(\?.+)?\Z")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


class Grant(StrEnum):
    """How much of a resource type may be read and searched."""

    WHOLE = "whole"
    PART = "part"
    NOTHING = "nothing"


@lru_cache(maxsize=1024)
def grant(scopes: str, resource_type: str) -> Grant:
    """How much of a type the granted scopes let us read and search.

    Args:
        scopes: the token answer's `scope`; "" means that all was granted that was asked for
            (RFC 6749, section 5.1).
    Returns: PART where only a finer scope (`system/Observation.rs?category=laboratory`) opens it.
    """
    if not scopes.strip():
        return Grant.WHOLE
    letters: set[str] = set()
    finer = False
    for scope in scopes.split():
        match = _SCOPE.match(scope)
        if match is None or match[1] not in {"*", resource_type}:
            continue
        opened = set(_V1.get(match[2], match[2]))
        if match[3]:
            finer = finer or {"r", "s"} <= opened
        else:
            letters |= opened
    if {"r", "s"} <= letters:
        return Grant.WHOLE
    return Grant.PART if finer else Grant.NOTHING
