"""The transaction Bundle of a plan for one server: shown as dry run, and sent as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from service.model.review import PlannedWrite
from service.write.coordinate import own_spans
from service.write.identity import full_url, search_token
from service.write.seen import server_version


def apart(writes: Iterable[PlannedWrite]) -> frozenset[str]:
    """Keys of what goes by itself and after the rest: text of others, and what refers to it.

    A transaction would carry such a text decoded and encoded anew, and would fall with it.
    """
    going = [write for write in writes if not write.skipped]
    keys = frozenset(write.key for write in going if write.text)
    places = {full_url(key) for key in keys}
    return keys | {write.key for write in going if places & unresolved(write.resource)}


def transaction(writes: Iterable[PlannedWrite]) -> dict[str, Any]:
    """Creates guarded by If-None-Exist, updates by If-Match; what is skipped is left out."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry(write) for write in writes if not write.skipped],
    }


def requests(writes: Iterable[PlannedWrite]) -> list[dict[str, Any]]:
    """What goes by itself, in its order: for a text its exact characters, and which are ours."""
    return [
        {
            "method": "PUT",
            "url": write.reference,
            "ifMatch": f'W/"{write.if_match}"',
            "body": write.text,
            "ours": [list(span) for span in own_spans(write.text)],
        }
        if write.text
        else entry(write)
        for write in writes
    ]


def entry(write: PlannedWrite) -> dict[str, Any]:
    """One Bundle.entry with its request."""
    if write.reference:
        version = server_version(write.if_match)
        guarded = {"ifMatch": f'W/"{version}"'} if version else {}
        request = {"method": "PUT", "url": write.reference} | guarded
        return {"resource": write.resource, "request": request}
    return {
        "fullUrl": full_url(write.key),
        "resource": write.resource,
        "request": {
            "method": "POST",
            "url": write.type,
            "ifNoneExist": guard(write.type, write.key),
        },
    }


def unresolved(resource: object) -> frozenset[str]:
    """Places in the plan that a resource refers to."""
    if isinstance(resource, Mapping):
        own = resource.get("reference")
        found = {own} if isinstance(own, str) and own.startswith("urn:uuid:") else set()
        return frozenset(found).union(*(unresolved(inner) for inner in resource.values()))
    if isinstance(resource, list):
        return frozenset[str]().union(*(unresolved(inner) for inner in resource))
    return frozenset()


def guard(resource_type: str, key: str) -> str:
    """The If-None-Exist query by which a resource is created once only."""
    name, token = search_token(resource_type, key)
    return f"{name}={quote(token, safe='')}"
