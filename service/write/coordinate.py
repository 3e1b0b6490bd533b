"""Our references inside a care plan that is somebody else's: added, refreshed, never more.

What is ours there is known by our identifier beside each reference. Everything else stays as its
owner wrote it, character for character, what somebody added to ours included. What somebody took
out again is not put back.
Source: HL7 FHIR R4 CarePlan (activity.reference, supportingInfo); MCC (the custodian of a plan
decides on it; others add activities by reference).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from service.write.codes import IDENTIFIER_SYSTEM
from service.write.json_text import (
    Edit,
    Member,
    Span,
    Unreadable,
    edited,
    elements,
    members,
    without,
)

ELEMENTS = ("activity", "supportingInfo")
"""Where our references may stand: a Task as activity, an issue or our own plan beside it."""


_WRITTEN = frozenset({"reference", "type", "identifier", "display"})


class Ours(NamedTuple):
    """One reference of ours: its element, the key of what it leads to, and the FHIR Reference."""

    element: str
    key: str
    reference: Mapping[str, Any]

    @property
    def value(self) -> Mapping[str, Any]:
        """What stands in the array."""
        return {"reference": self.reference} if self.element == "activity" else self.reference


@dataclass(frozen=True, slots=True)
class Coordinated:
    """The new text, where ours stands in it, and keys of what somebody took out of the old one."""

    text: str
    spans: tuple[Span, ...]
    taken_out: tuple[str, ...] = ()


def coordinated(
    text: str,
    wanted: Sequence[Ours],
    *,
    ever: frozenset[str] = frozenset(),
    missed: frozenset[str] = frozenset(),
) -> Coordinated:
    """The plan's text with exactly these references of ours that nobody took out.

    Args:
        ever: keys of everything that we ever put there; what of it is not wanted any more goes.
        missed: keys that we left there last, or that were found taken out before: where one is not
            there now, a person took it out.
    Raises: Unreadable when the text cannot be edited without doubt.
    """
    found = members(text)
    if not any(one.name == "resourceType" for one in found):
        raise Unreadable("it is no resource")
    by_name = {one.name: one for one in found}
    there = keys_in(text)
    taken_out = {one.key for one in wanted if one.key in missed - there}
    kept = [one for one in wanted if one.key not in taken_out]
    known = ever | {one.key for one in wanted}
    edits: list[Edit] = []
    gone: set[int] = set()
    added: list[str] = []
    for element in ELEMENTS:
        own = [one for one in kept if one.element == element]
        member = by_name.get(element)
        if member is None:
            added += [f",{_json(element)}:[{_joined(own)}]"] if own else []
            continue
        inside = _inside(text, member, own, known)
        if inside is None:
            gone.add(found.index(member))
        else:
            edits += inside
    edits += without([one.span for one in found], gone)
    if added:
        last = max(number for number in range(len(found)) if number not in gone)
        edits.append(Edit(found[last].span.end, found[last].span.end, "".join(added)))
    return Coordinated(*edited(text, edits), tuple(sorted(taken_out)))


def own_spans(text: str) -> tuple[Span, ...]:
    """Where references that carry our identifier stand in the plan. Raises: Unreadable."""
    return tuple(
        span
        for member in members(text)
        if member.name in ELEMENTS
        for span, value in elements(text, member.at)
        if key_of(member.name, value)
    )


def keys_in(text: str) -> frozenset[str]:
    """Keys of every reference in the plan that carries our identifier. Raises: Unreadable."""
    return frozenset(
        key
        for member in members(text)
        if member.name in ELEMENTS
        for _, value in elements(text, member.at)
        if (key := key_of(member.name, value))
    )


def key_of(element: str, value: Any) -> str:
    """The key by which one element of these arrays is ours; "" for anybody else's."""
    reference = (
        value.get("reference") if element == "activity" and isinstance(value, dict) else value
    )
    identifier = reference.get("identifier") if isinstance(reference, dict) else None
    if not isinstance(identifier, dict) or identifier.get("system") != IDENTIFIER_SYSTEM:
        return ""
    return str(identifier.get("value", ""))


def placed(text: str, places: Mapping[str, str]) -> str:
    """The text with every place in our plan ("urn:uuid:...") replaced by where that stands.

    Such a place is made from a keyed hash: it stands in no text but by our own writing.
    """
    for place, reference in places.items():
        text = text.replace(_json(place), _json(reference))
    return text


def _inside(
    text: str, member: Member, own: Sequence[Ours], known: frozenset[str]
) -> list[Edit] | None:
    """The edits inside one array; None where nothing of it is left, which FHIR forbids."""
    wanted = {one.key: one for one in own}
    stands = [
        (span, value, key_of(member.name, value)) for span, value in elements(text, member.at)
    ]
    edits: list[Edit] = []
    gone: set[int] = set()
    for number, (span, value, key) in enumerate(stands):
        new = wanted.pop(key, None)
        if not key or not _ours_alone(member.name, value):
            continue
        if new is None and key in known:
            gone.add(number)
        elif new is not None and value != new.value:
            edits.append(Edit(*span, _json(new.value)))
    fresh = _joined(list(wanted.values()))
    left = [number for number in range(len(stands)) if number not in gone]
    spans = [span for span, _, _ in stands]
    if left:
        end = spans[left[-1]].end
        return [*edits, *without(spans, gone), *([Edit(end, end, f",{fresh}")] if fresh else [])]
    if fresh:
        start, end = (spans[0].start, spans[-1].end) if spans else (member.at + 1, member.at + 1)
        return [Edit(start, end, fresh)]
    return None if stands else []


def _ours_alone(element: str, value: Any) -> bool:
    """Whether nobody added anything (progress, an extension) to what we put there."""
    around = {"reference"} if element == "activity" else set(value)
    reference = value["reference"] if element == "activity" else value
    return set(value) == around and set(reference) <= _WRITTEN


def _joined(own: Sequence[Ours]) -> str:
    return ",".join(_json(one.value) for one in own)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


__all__ = [
    "ELEMENTS",
    "Coordinated",
    "Ours",
    "Unreadable",
    "coordinated",
    "key_of",
    "keys_in",
    "placed",
]
