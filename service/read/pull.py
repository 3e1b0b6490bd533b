"""Which searches make up everything about one patient, and the resources they refer to.

Source: the Patient compartment and the search parameters of FHIR R4; US Core asks clients to take
a Medication as code, contained or by reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from service.fhir.about import references
from service.fhir.capability import Capabilities, Offer
from service.fhir.paging import SearchResult
from service.fhir.policy import Endpoint, literal
from service.model.source import MEDICATION_TYPES, Certificate, RawResource, State, worst
from service.read.profile import Quirk, SourceProfile

SEARCHED_TYPES = (
    *MEDICATION_TYPES,
    "Observation",
    "Appointment",
    "Condition",
    "AllergyIntolerance",
    "CareTeam",
    "CarePlan",
    "Encounter",
    "Communication",
    "Task",
    "ServiceRequest",
    "Goal",
    "FamilyMemberHistory",
    "QuestionnaireResponse",
    "Procedure",
    "Consent",
    "List",
    "DetectedIssue",
)
"""Asked by patient."""

REFERRED_TYPES = ("Medication", "Practitioner", "PractitionerRole", "Organization")
"""Read where a line refers to them."""

RESOURCE_TYPES = ("Patient", *SEARCHED_TYPES, *REFERRED_TYPES, "Provenance")
"""Everything that is kept of a patient. Provenance comes along with our own List and DetectedIssue
where the server offers `_revinclude`."""

_OUR_OWN = frozenset({"List", "DetectedIssue"})
_REFERRING = frozenset(
    {*MEDICATION_TYPES, "Patient", "Appointment", "CareTeam", "PractitionerRole"}
)
_DEFAULT_COUNT = 200


@dataclass(frozen=True, slots=True)
class Search:
    """One search: `without_include` are the parameters to fall back to when a 400 comes.

    `since` is the moment from which changes are asked for, None for everything. `notes` say what it
    leaves out for the vendor's sake. `may_refuse` names what is asked here, where a refusal of it
    leaves the rest of the type as it is.
    """

    type: str
    params: tuple[tuple[str, str], ...]
    without_include: tuple[tuple[str, str], ...]
    since: datetime | None = None
    ignore_outcomes: frozenset[str] = frozenset()
    withheld_outcomes: frozenset[str] = frozenset()
    self_link: bool = True
    notes: tuple[str, ...] = ()
    may_refuse: str = ""

    @property
    def whole(self) -> Search:
        """The same for everything, not changes alone."""
        rest = tuple(one for one in self.params if one[0] != "_lastUpdated")
        bare = tuple(one for one in self.without_include if one[0] != "_lastUpdated")
        return replace(self, params=rest, without_include=bare, since=None)

    @property
    def alternatives(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The same without lists of values: one set of parameters for each; () without a list."""
        lists = [name for name, value in self.without_include if "," in value]
        if len(lists) != 1:
            return ()
        values = dict(self.without_include)[lists[0]].split(",")
        return tuple(
            tuple((name, value if name == lists[0] else old) for name, old in self.without_include)
            for value in values
        )


def searches(
    resource_type: str,
    patient_id: str,
    profile: SourceProfile,
    known: Capabilities,
    today: date,
    *,
    since: datetime | None = None,
) -> tuple[Search, ...]:
    """The searches for one type of one patient; none where the vendor is known not to have it.

    Args:
        since: ask only for what changed from then on, where this server can be trusted with it.
    """
    quirks = profile.of(resource_type)
    if any(quirk.skip for quirk in quirks):
        return ()
    offer = known.offer(resource_type)
    by = "patient"
    if offer.search_params and "patient" not in offer.search_params:
        by = "subject" if "subject" in offer.search_params else "patient"
    base: list[tuple[str, str]] = [(by, patient_id if by == "patient" else f"Patient/{patient_id}")]
    notes: list[str] = []
    count: int | None = _DEFAULT_COUNT
    include: bool | None = None
    each: tuple[str, tuple[str, ...]] | None = None
    optional: frozenset[str] = frozenset()
    for quirk in quirks:
        base += quirk.query
        why = quirk.reason if quirk.verified else f"{quirk.reason} (not verified with the vendor)"
        notes += [f"asked with {name}={value} only: {why}" for name, value in quirk.query]
        if quirk.each is not None:
            name, values = quirk.each
            notes.append(f"asked with {name}={', '.join(values)} only: {why}")
            optional = frozenset(quirk.may_refuse)
        each = quirk.each or each
        count = quirk.count if quirk.count is not None else count
        include = quirk.include if quirk.include is not None else include
        if quirk.window is not None:
            first = today - timedelta(days=quirk.window.past_days)
            last = today + timedelta(days=quirk.window.future_days)
            base += [
                (quirk.window.parameter, f"ge{first.isoformat()}T00:00:00Z"),
                (quirk.window.parameter, f"lt{last.isoformat()}T00:00:00Z"),
            ]
            days = f"from {first.isoformat()} to {last.isoformat()}"
            notes.append(f"asked {days} only: {why}")
    if since is not None and not _stamps(offer, quirks):
        since = None
    if since is not None:
        base.append(("_lastUpdated", f"ge{since.astimezone(UTC).isoformat(timespec='seconds')}"))
    paging = [("_count", str(count))] if count else []
    found: list[Search] = []
    for value in each[1] if each else ("",):
        params = [*base, *([(each[0], value)] if each else []), *paging]
        found.append(
            Search(
                type=resource_type,
                params=(*params, *_includes(resource_type, known, include)),
                without_include=tuple(params),
                since=since,
                ignore_outcomes=frozenset(c for quirk in quirks for c in quirk.ignore_outcomes),
                withheld_outcomes=frozenset(c for quirk in quirks for c in quirk.withheld_outcomes),
                self_link=all(quirk.self_link for quirk in quirks),
                notes=tuple(notes),
                may_refuse=value if value in optional else "",
            )
        )
    return tuple(found)


def _stamps(offer: Offer, quirks: Sequence[Quirk]) -> bool:
    """Whether changes can be asked for: the type has stamps, and the parameter to search them."""
    # A window moves: what enters it has not changed, and would not be told.
    trusted = all(quirk.since and quirk.window is None for quirk in quirks)
    return trusted and offer.tells_changes


def _includes(
    resource_type: str, known: Capabilities, wanted: bool | None
) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    offer = known.offer(resource_type)
    if resource_type in MEDICATION_TYPES:
        medication = f"{resource_type}:medication"
        if wanted or (wanted is None and offer.includes_by(medication)):
            found.append(("_include", medication))
    if resource_type in _OUR_OWN and offer.rev_includes & {"*", "Provenance:target"}:
        found.append(("_revinclude", "Provenance:target"))
    return tuple(found)


def merged(parts: Sequence[Certificate], unique: int) -> Certificate:
    """One certificate for the searches of one type; `unique` is how many resources came in all."""
    first = parts[0]
    totals = [part.total for part in parts]
    return Certificate(
        type=first.type,
        state=worst_of(parts),
        reasons=tuple(dict.fromkeys(reason for part in parts for reason in part.reasons)),
        count=unique,
        pages=sum(part.pages for part in parts),
        total=sum(t for t in totals if t is not None) if None not in totals else None,
        skipped=sum(part.skipped for part in parts),
        dropped=tuple(dict.fromkeys(name for part in parts for name in part.dropped)),
        lacks=tuple(dict.fromkeys(one for part in parts for one in part.lacks)),
    )


def joined(parts: Sequence[SearchResult]) -> SearchResult:
    """One result of several searches of one type."""
    found = {one.reference: one for part in parts for one in part.resources}
    included = {one.reference: one for part in parts for one in part.included}
    return SearchResult(
        resources=tuple(found.values()),
        included=tuple(included.values()),
        certificate=merged([part.certificate for part in parts], len(found)),
        outcomes=tuple(text for part in parts for text in part.outcomes),
        notes=tuple(text for part in parts for text in part.notes),
        alarm=any(part.alarm for part in parts),
    )


def worst_of(parts: Sequence[Certificate]) -> State:
    """The worst state, not-offered only where every part is; one lost part leaves the rest."""
    states = [part.state for part in parts]
    if all(state is State.NOT_OFFERED for state in states):
        return State.NOT_OFFERED
    if State.UNAVAILABLE in states and set(states) != {State.UNAVAILABLE}:
        return State.PARTIAL
    return worst(states)


def referred(
    resources: Iterable[RawResource],
    endpoint: Endpoint | None,
    aliases: Mapping[str, str] | None = None,
) -> dict[str, frozenset[str]]:
    """References to Medication and people that lines make, by type, as "Type/id" or as written.

    Contained ("#id") ones need no reading. One that lies elsewhere stays as written, so that it can
    be named as unresolved.

    Args:
        endpoint: the server that the resources came from; None for files.
        aliases: fullUrl to "Type/id", for files.
    """
    found: dict[str, set[str]] = {kind: set() for kind in REFERRED_TYPES}
    referring = [references(one.body) for one in resources if one.type in _REFERRING]
    for written in frozenset().union(*referring):
        reference = (aliases or {}).get(written, written)
        here = endpoint.relative(reference) if endpoint else literal(reference)
        parts = (here or reference).rsplit("/", 2)
        if len(parts) > 1 and parts[-2] in found:
            found[parts[-2]].add(here or reference)
    return {kind: frozenset(names) for kind, names in found.items()}
