"""The transaction Bundle of a plan for one server: shown as dry run, and sent as it stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from service.model.review import PlannedWrite
from service.write.identity import full_url, search_token


def transaction(writes: Iterable[PlannedWrite]) -> dict[str, Any]:
    """Creates guarded by If-None-Exist, updates by If-Match; what is skipped is left out."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry(write) for write in writes if not write.skipped],
    }


def entry(write: PlannedWrite) -> dict[str, Any]:
    """One Bundle.entry with its request."""
    if write.reference:
        return {
            "resource": write.resource,
            "request": {
                "method": "PUT",
                "url": write.reference,
                "ifMatch": f'W/"{write.if_match}"',
            },
        }
    return {
        "fullUrl": full_url(write.key),
        "resource": write.resource,
        "request": {
            "method": "POST",
            "url": write.type,
            "ifNoneExist": guard(write.type, write.key),
        },
    }


def guard(resource_type: str, key: str) -> str:
    """The If-None-Exist query by which a resource is created once only."""
    name, token = search_token(resource_type, key)
    return f"{name}={quote(token, safe='')}"
