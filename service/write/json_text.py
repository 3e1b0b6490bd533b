"""JSON text edited at located places: every character outside an edit stays as it was written.

A resource of somebody else's is never decoded and encoded again: 1.10 would become 1.1, escapes and
white space would change, and with them what a signature or a digest of the owner's covers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\n\r]*")


class Unreadable(ValueError):
    """No JSON object that can be edited without doubt."""


class Span(NamedTuple):
    """Characters from `start` up to `end`."""

    start: int
    end: int


class Member(NamedTuple):
    """One member of an object: the span from its name on, its value, and where the value stands."""

    name: str
    span: Span
    value: Any
    at: int


class Edit(NamedTuple):
    """What stands in the place of these characters; an empty span only inserts."""

    start: int
    end: int
    text: str


def members(text: str) -> list[Member]:
    """The members of the one object that the text holds, in their order.

    Raises: Unreadable for anything else, and for a name that stands there twice.
    """
    at = _after_space(text, 0)
    found: list[Member] = []
    if text[at : at + 1] != "{":
        raise Unreadable("it is no JSON object")
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "}":
        start = at
        name, at = _value(text, at)
        at = _after_space(text, at)
        if not isinstance(name, str) or text[at : at + 1] != ":":
            raise Unreadable("it is no JSON object")
        place = _after_space(text, at + 1)
        value, end = _value(text, place)
        found.append(Member(name, Span(start, end), value, place))
        at = _after_separator(text, end, "}")
    if _after_space(text, at + 1) != len(text):
        raise Unreadable("something stands behind the object")
    if len({one.name for one in found}) != len(found):
        raise Unreadable("an element stands there twice")
    return found


def elements(text: str, at: int) -> list[tuple[Span, Any]]:
    """The elements of the array that begins at `at`, each with its value. Raises: Unreadable."""
    if text[at : at + 1] != "[":
        raise Unreadable("it is no array")
    found = []
    at = _after_space(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = _value(text, at)
        found.append((Span(at, end), value))
        at = _after_separator(text, end, "]")
    return found


def without(spans: Sequence[Span], gone: Collection[int]) -> list[Edit]:
    """What takes these of the neighbours away, each with the comma and space that join it."""
    kept = [number for number in range(len(spans)) if number not in gone]
    if not kept:
        return [Edit(spans[0].start, spans[-1].end, "")] if spans else []
    edits = [Edit(spans[0].start, spans[kept[0]].start, "")] if kept[0] else []
    edits += [
        Edit(spans[number - 1].end, spans[number].end, "")
        for number in sorted(gone)
        if number > kept[0]
    ]
    return edits


def edited(text: str, edits: Iterable[Edit]) -> tuple[str, tuple[Span, ...]]:
    """The text with these edits, which do not overlap, and where the inserted texts now stand."""
    parts: list[str] = []
    spans: list[Span] = []
    done = length = 0
    for start, end, new in sorted(edits, key=lambda one: one[:2]):
        parts += [text[done:start], new]
        length += start - done
        if new:
            spans.append(Span(length, length + len(new)))
        length += len(new)
        done = end
    return "".join([*parts, text[done:]]), tuple(spans)


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        found: tuple[Any, int] = _decoder.raw_decode(text, at)
    except (ValueError, RecursionError):
        raise Unreadable("it is no sound JSON") from None
    return found


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _after_separator(text: str, at: int, closing: str) -> int:
    at = _after_space(text, at)
    if text[at : at + 1] == ",":
        at = _after_space(text, at + 1)
        if text[at : at + 1] == closing:
            raise Unreadable("a comma joins nothing")
    elif text[at : at + 1] != closing:
        raise Unreadable("it is no sound JSON")
    return at


def _refused(_name: str) -> None:
    raise ValueError


_decoder = json.JSONDecoder(parse_constant=_refused)
