"""Codings, texts, names and references, from the wire into the words of the model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from service.model.concept import Coding
from service.normalize.wire import base

_RELATIVE = re.compile(
    r"(?:^|/)([A-Z][A-Za-z]{2,40})/([A-Za-z0-9\-.]{1,128})(?:/_history/[^/]+)?\Z"
)
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NPI = "http://hl7.org/fhir/sid/us-npi"


def codings(*concepts: base.CodeableConcept | None) -> tuple[Coding, ...]:
    """Every coding of the concepts, in their order; a coding without any content is left out."""
    return tuple(
        Coding(coding.system, coding.code, coding.display)
        for concept in concepts
        if concept is not None
        for coding in concept.coding
        if coding.code or coding.display
    )


def with_text(*concepts: base.CodeableConcept | None) -> tuple[Coding, ...]:
    """The codings, and for a concept that has only a text, a coding that carries it as display."""
    found: list[Coding] = []
    for concept in concepts:
        if concept is None:
            continue
        own = codings(concept)
        found.extend(own)
        if concept.text and all(coding.display != concept.text for coding in own):
            found.append(Coding("", "", concept.text))
    return tuple(found)


def text_of(concept: base.CodeableConcept | None) -> str:
    """What a person reads: the text, else the first display, else the first code."""
    if concept is None:
        return ""
    if concept.text:
        return concept.text
    for coding in concept.coding:
        if coding.display:
            return coding.display
    return next((coding.code for coding in concept.coding if coding.code), "")


def texts(concepts: Iterable[base.CodeableConcept]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in map(text_of, concepts) if text))


def code_of(concept: base.CodeableConcept | str | None) -> str:
    """The first code, of a status that one release writes as a code and the other as a concept."""
    if concept is None or isinstance(concept, str):
        return concept or ""
    return next((coding.code for coding in concept.coding if coding.code), concept.text)


@lru_cache(maxsize=8192)
def relative(reference: str) -> str:
    """`Type/id` of a relative or absolute reference; others (`#id`, urn) as they are."""
    found = _RELATIVE.search(reference)
    return f"{found[1]}/{found[2]}" if found else reference


def reference_key(reference: base.Reference | None) -> str:
    """What a reference names: `Type/id`, else its identifier as `system|value`, else nothing."""
    if reference is None:
        return ""
    if reference.reference:
        return relative(reference.reference)
    if reference.identifier and reference.identifier.value:
        return f"{reference.identifier.system}|{reference.identifier.value}"
    return ""


def keys(references: Iterable[base.Reference | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for key in map(reference_key, references) if key))


def identifiers(found: Iterable[base.Identifier]) -> tuple[str, ...]:
    return tuple(f"{one.system}|{one.value}" for one in found if one.value)


def name_of(name: base.HumanName) -> str:
    """A person's name as written, else put together from its parts."""
    if name.text:
        return name.text
    return " ".join([*name.prefix, *name.given, *families(name), *name.suffix]).strip()


def families(name: base.HumanName) -> tuple[str, ...]:
    """The family names; STU3 servers are known to write a list."""
    return tuple(part for part in base.several(name.family) if part)


def labels(resource: base.Resource) -> tuple[str, ...]:
    """Security labels (meta.security), as codes."""
    if resource.meta is None or not resource.meta.security:
        return ()
    return tuple(label.code or label.display for label in resource.meta.security)


def absent(extended: base.PrimitiveExtension | None) -> bool:
    """Whether a primitive says by extension that its value is absent.

    Source: HL7 FHIR R4, extension data-absent-reason.
    """
    return extended is not None and any(one.url == _ABSENT for one in extended.extension)
