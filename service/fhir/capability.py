"""What a server says it can do: release, resource types, searches, includes, writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from service.errors import SourceInvalid
from service.fhir.body import UNREADABLE, json_text
from service.fhir.release import Release, named


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server offers for one resource type (CapabilityStatement.rest.resource)."""

    interactions: frozenset[str] = frozenset()
    search_params: frozenset[str] = frozenset()
    includes: frozenset[str] = frozenset()
    rev_includes: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    conditional_create: bool = False
    update_create: bool = False
    versioning: str = ""

    @property
    def searchable(self) -> bool:
        return not self.interactions or "search-type" in self.interactions

    @property
    def readable(self) -> bool:
        return not self.interactions or "read" in self.interactions

    @property
    def tells_changes(self) -> bool:
        """Whether its resources carry a stamp of their last change, and can be searched by it."""
        stamped = self.versioning in {"versioned", "versioned-update"}
        return stamped and "_lastUpdated" in self.search_params

    def includes_by(self, include: str) -> bool:
        """Whether `_include` of "Type:param" is announced."""
        kind = include.partition(":")[0]
        return bool(self.includes & {"*", include, f"{kind}:*"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A CapabilityStatement, as far as Concord acts on it.

    `known` is False where the server gave none: then every type is tried, and a 404 proves nothing.
    """

    known: bool
    release: Release
    fhir_version: str = ""
    software: str = ""
    publisher: str = ""
    types: Mapping[str, Offer] = field(default_factory=dict)
    interactions: frozenset[str] = frozenset()
    reason: str = ""

    def offers(self, resource_type: str) -> bool:
        """Whether the type can be searched; True where the statement lists no types at all."""
        if not self.types:
            return True
        offer = self.types.get(resource_type)
        return offer is not None and offer.searchable

    def reads(self, resource_type: str) -> bool:
        """Whether single resources of the type can be read."""
        if not self.types:
            return True
        offer = self.types.get(resource_type)
        return offer is not None and offer.readable

    def offer(self, resource_type: str) -> Offer:
        """What is offered for the type; an empty offer where nothing is known of it."""
        return self.types.get(resource_type, Offer())


class _Coded(msgspec.Struct):
    code: str = ""


class _Named(msgspec.Struct):
    name: str = ""


class _Resource(msgspec.Struct):
    type: str = ""
    interaction: list[_Coded] = []
    searchParam: list[_Named] = []
    searchInclude: list[str] = []
    searchRevInclude: list[str] = []
    operation: list[_Named] = []
    conditionalCreate: bool = False
    updateCreate: bool = False
    versioning: str = ""


class _Rest(msgspec.Struct):
    mode: str = ""
    resource: list[_Resource] = []
    interaction: list[_Coded] = []


class _Statement(msgspec.Struct):
    resourceType: str = ""
    fhirVersion: str = ""
    publisher: str = ""
    software: _Named | None = None
    rest: list[_Rest] = []


_STATEMENT = msgspec.json.Decoder(_Statement)


def capabilities(body: bytes) -> Capabilities:
    """What the CapabilityStatement in `body` says.

    Raises: SourceInvalid when it is none.
    """
    text = json_text(body)
    try:
        statement = _STATEMENT.decode(text)
    except UNREADABLE:
        raise SourceInvalid("no readable CapabilityStatement") from None
    if statement.resourceType not in {"CapabilityStatement", "Conformance"}:
        kind = statement.resourceType[:40] or "JSON without a resourceType"
        raise SourceInvalid(f"{kind} instead of a CapabilityStatement")
    release = Release.DSTU2 if statement.resourceType == "Conformance" else Release.UNKNOWN
    if statement.fhirVersion:
        release = named(statement.fhirVersion)
    servers = [rest for rest in statement.rest if rest.mode in {"server", ""}]
    return Capabilities(
        known=True,
        release=release,
        fhir_version=statement.fhirVersion,
        software=statement.software.name if statement.software else "",
        publisher=statement.publisher,
        types={
            one.type: Offer(
                interactions=frozenset(item.code for item in one.interaction),
                search_params=frozenset(item.name for item in one.searchParam),
                includes=frozenset(one.searchInclude),
                rev_includes=frozenset(one.searchRevInclude),
                operations=frozenset(item.name.lstrip("$") for item in one.operation),
                conditional_create=one.conditionalCreate,
                update_create=one.updateCreate,
                versioning=one.versioning,
            )
            for rest in servers
            for one in rest.resource
        },
        interactions=frozenset(item.code for rest in servers for item in rest.interaction),
    )
