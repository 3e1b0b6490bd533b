"""Whom a resource is about, and what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from service.fhir.body import UNREADABLE
from service.fhir.bundle import Peek


class _Reference(msgspec.Struct):
    reference: str = ""


class _Participant(msgspec.Struct):
    actor: _Reference | None = None


_REFERENCE = msgspec.json.Decoder(_Reference)
_PARTICIPANTS = msgspec.json.Decoder(list[_Participant])
_REFERENCES = re.compile(rb'"reference"\s*:\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whom a resource is about: `references` as written; `named` whether it has such an element."""

    references: tuple[str, ...]
    named: bool


def subjects(seen: Peek) -> Subjects:
    """References to whom a resource is about, from subject, patient, for and their like.

    Source: the Patient compartment of R4. Of participants only those that name a Patient count.
    """
    named = False
    found: list[str] = []
    for element in (seen.subject, seen.patient, seen.for_, seen.beneficiary, seen.individual):
        if not element:
            continue
        named = True
        try:
            reference = _REFERENCE.decode(element).reference
        except UNREADABLE:
            continue
        if reference:
            found.append(reference)
    if not found and seen.participant:
        named = True
        try:
            actors = [one.actor for one in _PARTICIPANTS.decode(seen.participant)]
        except UNREADABLE:
            actors = []
        found += [one.reference for one in actors if one and "Patient/" in one.reference]
    return Subjects(tuple(found), named)


def root_of(full_url: str) -> str:
    """The server part of a RESTful fullUrl ("https://h/fhir"), "" where it is none."""
    head, _, _ = full_url.rpartition("/")
    root, slash, _ = head.rpartition("/")
    return root if slash and "://" in root else ""


def references(body: bytes) -> frozenset[str]:
    """Every Reference.reference anywhere in a resource (contained ones with them).

    Where no text holds an escape, every quote begins or ends a text, and a text before a colon is a
    name: the references then stand as they are in the bytes.
    """
    if b"\\" not in body:
        try:
            return frozenset([one.decode() for one in _REFERENCES.findall(body)])
        except UnicodeDecodeError:
            return frozenset()
    try:
        tree = msgspec.json.decode(body)
    except UNREADABLE:
        return frozenset()
    return frozenset(_references(tree))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("reference")
        if isinstance(reference, str):
            yield reference
        for child in node.values():
            if isinstance(child, dict | list):
                yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)
