"""Broken payloads made from real ones: a few changes anywhere in the tree, or in the bytes.

Each is drawn from one number, so that a failure is replayed from what the test prints.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

ODD_TEXTS = (
    "", " ", "\x00", "../../x", "Patient/2", "#x", "urn:uuid:", "https://other.example/fhir/Patient/1",
    "2024", "24:00", "0001-01-01T00:00:00Z", "9999-12-31", "2024-02-30", "2016-12-31T23:59:60Z",
    "\u202egnp.exe", "'\"<script>", "entered-in-error", "taking", "R5", "-", "1e999", "x" * 10_000,
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e300, -0.0, [], {}, [None], [[]], {"": None},
    {"reference": "Patient/1"}, {"reference": 7}, {"value": "x"}, {"coding": [None]},
)  # fmt: skip

Path = tuple[str | int, ...]


def mutated(payload: Any, seed: int) -> bytes:
    """The JSON text of a payload after one to four changes, now and then broken as text too."""
    draw = Random(seed)
    tree = copy.deepcopy(payload)
    for _ in range(draw.randint(1, 4)):
        tree = _changed(tree, draw)
    ascii_only = draw.random() < 0.5
    text = json.dumps(tree, ensure_ascii=ascii_only, default=float).encode("utf-8", "surrogatepass")
    return _torn(text, draw) if draw.random() < 0.15 else text


def _changed(tree: Any, draw: Random) -> Any:
    paths = list(_paths(tree))
    path = draw.choice(paths)
    if not path:
        return draw.choice((tree, [tree], draw.choice(ODD_VALUES)))
    parent = _at(tree, path[:-1])
    draw.choice(_CHANGES)(tree, parent, path[-1], draw)
    return tree


def _gone(_tree: Any, parent: Any, key: Any, _draw: Random) -> None:
    del parent[key]


def _odd(_tree: Any, parent: Any, key: Any, draw: Random) -> None:
    parent[key] = copy.deepcopy(draw.choice(ODD_VALUES))


def _text(_tree: Any, parent: Any, key: Any, draw: Random) -> None:
    before = parent[key] if isinstance(parent[key], str) else ""
    parent[key] = draw.choice((*ODD_TEXTS, before[:-1], before.upper(), before + " ", before * 3))


def _wrapped(_tree: Any, parent: Any, key: Any, _draw: Random) -> None:
    parent[key] = [parent[key]]


def _unwrapped(_tree: Any, parent: Any, key: Any, _draw: Random) -> None:
    if isinstance(parent[key], list) and parent[key]:
        parent[key] = parent[key][0]


def _doubled(_tree: Any, parent: Any, key: Any, draw: Random) -> None:
    if isinstance(parent, list):
        parent.insert(draw.randint(0, len(parent)), copy.deepcopy(parent[key]))
    else:
        parent[f"{key}s"] = copy.deepcopy(parent[key])


def _renamed(_tree: Any, parent: Any, key: Any, draw: Random) -> None:
    if isinstance(parent, dict):
        parent[draw.choice((f"_{key}", str(key).upper(), "modifierExtension", ""))] = parent.pop(
            key
        )


def _from_elsewhere(tree: Any, parent: Any, key: Any, draw: Random) -> None:
    parent[key] = copy.deepcopy(_at(tree, draw.choice(list(_paths(tree)))))


def _deep(_tree: Any, parent: Any, key: Any, draw: Random) -> None:
    for _ in range(draw.choice((3, 30, 70))):
        parent[key] = draw.choice(([parent[key]], {"extension": parent[key]}))


_CHANGES: tuple[Callable[[Any, Any, Any, Random], None], ...] = (
    _gone, _odd, _odd, _text, _text, _wrapped, _unwrapped, _doubled, _renamed, _from_elsewhere,
    _deep,
)  # fmt: skip


def _paths(tree: Any, here: Path = ()) -> list[Path]:
    """Every node of the tree, the root as ()."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(tree, dict):
        inner = list(tree.items())
    elif isinstance(tree, list):
        inner = list(enumerate(tree))
    found = [here]
    for key, value in inner:
        found += _paths(value, (*here, key))
    return found


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _torn(text: bytes, draw: Random) -> bytes:
    where = draw.randrange(max(1, len(text)))
    return draw.choice(
        (
            text[:where],
            text[:where] + bytes([draw.randrange(256)]) + text[where + 1 :],
            text[:where] + text[where : where + 40] + text[where:],
            b"\xef\xbb\xbf" + text,
            text.decode("utf-8", "replace").encode("utf-16"),
            text.replace(b'"', b"'", 3),
            text.replace(b":", b":NaN,", 1),
            text + text,
        )
    )
