"""References inside of resources: where they stand, and whether they lead to this server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def local_reference(reference: str, base: str) -> str:
    """`reference` relative to `base` where it is a resource of this server, without its version."""
    own = reference.removeprefix(base + "/") if base else reference
    return own.partition("/_history/")[0]


def references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, reference) of every Reference inside of a resource; `path` is its FHIRPath so far."""
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str):
            yield f"{path}.reference", text
        for key, item in value.items():
            yield from references(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from references(item, f"{path}[{number}]")
