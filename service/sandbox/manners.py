"""How one server behaves: what it offers, what it refuses, how it pages, how careful it is.

How a drug is named (inline code, reference, contained, display only) is no manner: it stands in
the resources that a server is loaded with. `fixtures/servers/vendors/` holds more manners as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from service.sandbox.parameters import RESOURCE_TYPES


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. `smart-backend` is SMART Backend Services (private_key_jwt, RS384 or ES384).

    `clients` are the JWK Sets of registered clients by client_id. `scopes`, when not None, is the
    most that a token grants, whatever was asked for; `asserted_s` the longest `exp` of an
    assertion (SMART App Launch 2: at most five minutes).
    """

    kind: Literal["none", "bearer", "basic", "smart-backend"] = "none"
    token: str = ""
    user: str = ""
    password: str = ""
    clients: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scopes: tuple[str, ...] | None = None
    token_lifetime_s: float = 300
    asserted_s: float = 300


@dataclass(frozen=True, slots=True)
class TypeManner:
    """What a server does with one resource type.

    Args:
        write: whether clients may create and update it (refused with 405).
        parameters: search parameters it has; None for all that R4 gives the type.
        required: searches need one of each alternative, for example "patient|_id".
        forbidden: everything about it is answered with 403.
    """

    write: bool = False
    parameters: frozenset[str] | None = None
    required: tuple[str, ...] = ()
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """One server's ways.

    Args:
        types: what it offers, by resource type; other types answer 404.
        page_size: entries on a page when `_count` is not given; `max_count` caps `_count`.
        total: whether searchsets carry `Bundle.total`.
        unknown_parameter: 400, or left out (and out of the self link), or an empty set for it.
        comma_lists: False answers 400 to `a,b` in a value.
        match: whether `Patient/$match` is offered.
        include: whether `_include` and `_revinclude` are known parameters.
        paging: "snapshot" keeps the set of the first page, "live" searches again for each page.
        next_links: "get", or links that work by POST to `_search` only, or links that are too long
            for a GET (answered with 414) and work by POST.
        links_live_s: after so many seconds a `next` link answers 410.
        search_cache_s: the same search gets the earlier answer for so long (not with no-cache).
        index_lag_s: searches and conditional creates do not see what was written since then, as
            where the index follows the store; two creates within it lead to two resources.
        versioned: False leaves out ETag, versionId and lastUpdated, and knows no If-Match.
        honours_if_match: False takes any update, whatever version the client has seen.
        requires_if_match: 400 to an update without it (R4 http, "Managing resource contention").
        stale_status: 412 (R4); some servers answer 409 (STU3).
        idempotency_header: where a POST carries a key: 409 to one that was answered already.
        update_create: PUT to an unknown id creates; otherwise 405.
        if_none_match: `If-None-Match: *` keeps a PUT from updating.
        transaction: all or nothing, or whatever works ("partial"), or refused.
        transaction_limit: the most entries in a Bundle; more answer 413.
        absolute_references: False refuses references to other servers with 400.
        checks_references: relative references must lead to a resource that is there.
        drops: top-level elements that are silently left out when a client writes.
        adds: top-level elements that it sets by itself when a client writes without them.
        latency_s: what every answer takes.
        bulk_looks: how often a bulk export is not ready yet when it is looked at.
        bulk_lines: the most lines of one of its files.
        bulk_token: whether its files want the token; otherwise they refuse one.
        bulk_errors: texts of errors that it reports in an error file.
        claims: elements of `CapabilityStatement.rest.resource` that differ from the truth.
    """

    name: str
    types: Mapping[str, TypeManner] = field(
        default_factory=lambda: {name: TypeManner(write=True) for name in RESOURCE_TYPES}
    )
    software: str = "Concord sandbox"
    fhir_version: str = "4.0.1"
    page_size: int = 20
    max_count: int = 100
    total: bool = True
    unknown_parameter: Literal["reject", "drop", "empty"] = "reject"
    comma_lists: bool = True
    post_search: bool = True
    include: bool = True
    match: bool = False
    paging: Literal["snapshot", "live"] = "snapshot"
    next_links: Literal["get", "post", "long"] = "get"
    links_live_s: float = 3600
    search_cache_s: float = 0
    index_lag_s: float = 0
    versioned: bool = True
    honours_if_match: bool = True
    requires_if_match: bool = False
    stale_status: int = 412
    conditional_create: bool = True
    idempotency_header: str = ""
    update_create: bool = True
    if_none_match: bool = True
    transaction: Literal["atomic", "partial", "refused"] = "atomic"
    transaction_limit: int | None = None
    absolute_references: bool = True
    checks_references: bool = False
    drops: frozenset[str] = frozenset()
    adds: Mapping[str, Any] = field(default_factory=dict)
    latency_s: float = 0
    bulk_looks: int = 1
    bulk_lines: int = 1000
    bulk_token: bool = True
    bulk_errors: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    access: Access = field(default_factory=Access)


def offering(types: Iterable[str], *, writable: Iterable[str] = ()) -> dict[str, TypeManner]:
    """Types that are read, of which some may be written."""
    may_write = frozenset(writable)
    return {name: TypeManner(write=name in may_write) for name in (*types, *may_write)}


_PEOPLE = ("Patient", "Practitioner", "PractitionerRole", "Organization", "RelatedPerson")
_CHART = (
    *_PEOPLE,
    "Location",
    "MedicationRequest",
    "Medication",
    "Observation",
    "Appointment",
    "Encounter",
    "Condition",
    "AllergyIntolerance",
    "CareTeam",
    "ServiceRequest",
    "Goal",
    "FamilyMemberHistory",
    "QuestionnaireResponse",
    "Procedure",
    "Consent",
    "DocumentReference",
)
_RESULTS = ("List", "DetectedIssue", "CarePlan", "Task", "Provenance", "Communication")

PSYCHIATRY = Manners(
    name="psychiatry",
    software="Concord sandbox (psychiatry)",
    types=offering(
        (*_CHART, "MedicationAdministration", "MedicationDispense"),
        writable=(*_RESULTS, "MedicationStatement", "Flag", "Appointment"),
    ),
    page_size=7,
    max_count=50,
    requires_if_match=True,
)

PRIMARY_CARE = Manners(
    name="primary-care",
    software="Concord sandbox (primary care)",
    types=offering(
        (*_CHART, "MedicationStatement", "MedicationDispense", "Immunization"),
        writable=_RESULTS,
    ),
    page_size=10,
    max_count=20,
    total=False,
    unknown_parameter="drop",
    update_create=False,
    if_none_match=False,
    absolute_references=False,
)

PHARMACY = Manners(
    name="pharmacy",
    software="Concord sandbox (pharmacy)",
    types=offering(
        (
            *_PEOPLE,
            "MedicationDispense",
            "MedicationRequest",
            "Medication",
            "AllergyIntolerance",
            "List",
        ),
        writable=("Communication", "Task"),
    ),
    page_size=50,
    max_count=200,
    transaction="refused",
)

STRICT = Manners(name="strict", requires_if_match=True, checks_references=True)

WEAK = Manners(
    name="weak",
    total=False,
    unknown_parameter="empty",
    search_cache_s=60,
    index_lag_s=0.2,
    honours_if_match=False,
    update_create=False,
    if_none_match=False,
    transaction="partial",
    transaction_limit=100,
    absolute_references=False,
)

PRESETS: Mapping[str, Manners] = {
    manners.name: manners for manners in (PSYCHIATRY, PRIMARY_CARE, PHARMACY, STRICT, WEAK)
}
