"""Bundles and resources as bytes: what is needed to page and to check, and the rest untouched.

Only a few elements are looked at (`Peek`); every resource stays the JSON text that the source sent
(`msgspec.Raw` refers to it), so that nothing is lost or rewritten on the way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import msgspec

from service.errors import SourceInvalid
from service.fhir import release
from service.fhir.body import UNREADABLE, json_text
from service.fhir.outcome import issues
from service.fhir.policy import literal
from service.model.source import RawResource

_NOTHING = msgspec.Raw(b"")


class _Meta(msgspec.Struct):
    versionId: str | None = None


class Peek(msgspec.Struct):
    """The elements of any resource that paging and the patient check need."""

    resourceType: str = ""
    id: str = ""
    meta: msgspec.Raw = _NOTHING
    subject: msgspec.Raw = _NOTHING
    patient: msgspec.Raw = _NOTHING
    for_: msgspec.Raw = msgspec.field(default=_NOTHING, name="for")
    beneficiary: msgspec.Raw = _NOTHING
    individual: msgspec.Raw = _NOTHING
    participant: msgspec.Raw = _NOTHING


class Link(msgspec.Struct):
    """Bundle.link."""

    relation: str = ""
    url: str = ""


class _Coded(msgspec.Struct):
    url: str = ""
    valueCode: str = ""


class _Search(msgspec.Struct):
    mode: str = ""
    score: float | None = None
    extension: list[_Coded] = []


class _Response(msgspec.Struct):
    status: str = ""
    location: str = ""
    etag: str = ""
    outcome: msgspec.Raw = _NOTHING


class Entry(msgspec.Struct):
    """Bundle.entry with its resource as bytes (empty where there is none)."""

    fullUrl: str = ""
    resource: msgspec.Raw = _NOTHING
    search: _Search | None = None
    response: _Response | None = None

    @property
    def mode(self) -> str:
        return self.search.mode if self.search else ""

    @property
    def rating(self) -> str:
        """How well the server says that it matches: "probable 0.8"; empty where it does not."""
        if self.search is None:
            return ""
        graded = [one.valueCode for one in self.search.extension if one.url.endswith("match-grade")]
        score = [] if self.search.score is None else [f"{self.search.score:g}"]
        return " ".join((*graded[:1], *score))


class Bundle(msgspec.Struct):
    """A Bundle whose entries are decoded one by one, so that a broken one harms no other."""

    resourceType: str = ""
    type: str = ""
    id: str = ""
    total: int | None = None
    link: list[Link] | None = None
    entry: list[msgspec.Raw] | None = None

    def link_to(self, relation: str) -> str | None:
        """The address of that relation; None when there is none."""
        return next((one.url for one in self.link or () if one.relation == relation), None)

    def entries(self) -> Iterator[Entry | None]:
        """Each entry, None where it is none that could be decoded."""
        for raw in self.entry or ():
            try:
                yield _ENTRY.decode(raw)
            except UNREADABLE:
                yield None


_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_PEEK = msgspec.json.Decoder(Peek)
_ENTRY = msgspec.json.Decoder(Entry)
_BUNDLE = msgspec.json.Decoder(Bundle)
_META = msgspec.json.Decoder(_Meta)
_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(body: bytes | msgspec.Raw) -> Peek:
    """The few elements of a resource. Raises: SourceInvalid when it is no JSON object of FHIR."""
    try:
        seen = _PEEK.decode(body)
    except UNREADABLE:
        raise SourceInvalid("no readable JSON resource (broken or cut off)") from None
    if not seen.resourceType.isalpha() or len(seen.resourceType) > 64:
        raise SourceInvalid("JSON without a resourceType")
    return seen


def whole_characters(text: bytes) -> bytes:
    """JSON text with every half of a character (a lone surrogate escape) as U+FFFD.

    No JSON reader takes such a half, and one in a drug's name would cost the whole page.
    """
    if b"\\u" not in text:
        return text
    return _ESCAPES.sub(lambda found: rb"\ufffd" if found["half"] else found[0], text)


def decode_bundle(body: bytes) -> Bundle:
    """A Bundle. Raises: SourceInvalid, saying in words what the body is instead."""
    text = whole_characters(json_text(body))
    try:
        bundle = _BUNDLE.decode(text)
    except UNREADABLE:
        raise SourceInvalid("no readable JSON Bundle (broken or cut off)") from None
    if bundle.resourceType == "OperationOutcome":
        told = "; ".join(issue.text for issue in issues(text)) or "without an issue"
        raise SourceInvalid(f"an OperationOutcome instead of a Bundle ({told})")
    if bundle.resourceType != "Bundle":
        kind = bundle.resourceType[:40] or "JSON without a resourceType"
        raise SourceInvalid(f"{kind} instead of a Bundle")
    return bundle


def version(seen: Peek) -> str | None:
    """meta.versionId, None where it is absent or no text."""
    try:
        return _META.decode(seen.meta).versionId if seen.meta else None
    except UNREADABLE:
        return None


def top_level(body: bytes | msgspec.Raw) -> frozenset[str]:
    """The names of a resource's top-level elements."""
    try:
        return frozenset(_KEYS.decode(body))
    except UNREADABLE:
        return frozenset()


def shape(seen: Peek, body: bytes) -> release.Release:
    """The FHIR release whose shape the resource has (see `release.shape`)."""
    return shape_of(seen.resourceType, body)


def shape_of(resource_type: str, body: bytes) -> release.Release:
    """The same for a resource of which the type alone is known."""
    marks = release.marks(resource_type)
    telling = b"\\u" in body
    for mark in marks:
        telling = telling or mark in body
    return release.shape(resource_type, top_level(body) if telling else (), body)


def identity(seen: Peek, full_url: str, body: bytes) -> str:
    """The id of a resource; without a usable one that of its fullUrl, else of its content."""
    if literal(f"{seen.resourceType}/{seen.id}"):
        return seen.id
    tail = full_url.rsplit("/", 1)[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:")
    if literal(f"{seen.resourceType}/{tail}"):
        return tail
    return f"content-{hashlib.sha256(body).hexdigest()[:16]}"


def raw_resource(
    seen: Peek, full_url: str, body: bytes, fhir: release.Release = release.Release.R4
) -> RawResource:
    """The resource as kept: its bytes untouched, with what names it."""
    return RawResource(
        type=seen.resourceType,
        id=identity(seen, full_url, body),
        version=version(seen),
        body=body,
        fhir=fhir.value,
        full_url=full_url,
    )
