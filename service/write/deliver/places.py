"""References inside a plan, and where the things that they lead to came to stand on a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from service.fhir.client import Answer
from service.write.target import WRITTEN


def resolved(resource: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """The resource with every place in the plan replaced by where that thing stands."""
    replaced: dict[str, Any] = _resolve(resource, places)
    return replaced


def place_of(location: str | None, resource_type: str) -> str:
    """ "Type/id" out of a Location, absolute or relative, with or without a version."""
    parts = [part for part in (location or "").split("?")[0].split("/") if part]
    if resource_type not in parts:
        return ""
    at = len(parts) - 1 - parts[::-1].index(resource_type)
    return f"{resource_type}/{parts[at + 1]}" if at + 1 < len(parts) else ""


def own_place(answer: Answer) -> str | None:
    """ "Type/id" out of the resource that came back; None when none of ours came."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("resourceType") not in WRITTEN or "id" not in body:
        return None
    return f"{body['resourceType']}/{body['id']}"


def _resolve(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: places.get(inner, inner)
            if name == "reference" and isinstance(inner, str)
            else _resolve(inner, places)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_resolve(inner, places) for inner in value]
    return value
