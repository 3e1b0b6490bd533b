"""Who may be meant: patients of a server by identifier, by `$match`, by name and birth date.

Identifiers and names are sent in the body of a POST where the server takes one, so that they stand
in no log of addresses. How well a candidate fits is graded by `link`; a server's own score is
passed on as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from service.errors import SourceError
from service.fhir import bundle as bundles
from service.fhir.client import FhirClient
from service.fhir.paging import SearchResult
from service.fhir.release import READ, Release
from service.model.source import Certificate, RawResource, State
from service.read.pull import merged
from service.read.source import PatientQuery

_PATIENT_CAP = 100


@dataclass(frozen=True, slots=True)
class Candidates:
    """Patients found, the proof that these are all, and what the server itself says of them."""

    result: SearchResult
    ratings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PatientFinder:
    """Looks for patients on one server until `deadline` (the event loop's clock).

    Args:
        post: whether searches are sent by POST; one that is refused is repeated by GET.
    """

    client: FhirClient
    deadline: float
    post: bool = True

    async def candidates(self, query: PatientQuery) -> Candidates:
        """By identifier first; only where none found anybody, by `$match`, else by name."""
        by_identifier: SearchResult | None = None
        for system, value in query.identifiers:
            token = f"{_escaped(system)}|{_escaped(value)}"
            by_identifier = await self._search((("identifier", token),))
            if by_identifier.resources:
                return Candidates(by_identifier)
        if by_identifier is not None and not (query.family or query.birth_date):
            return Candidates(by_identifier)
        named = await self._matched(query) or Candidates(await self._by_name(query))
        if by_identifier is None or by_identifier.certificate.state is State.COMPLETE:
            return named
        count = len(named.result.resources)
        both = merged([by_identifier.certificate, named.result.certificate], count)
        return replace(named, result=replace(named.result, certificate=both))

    async def _by_name(self, query: PatientQuery) -> SearchResult:
        named = (
            ("family", _escaped(query.family)),
            ("birthdate", query.birth_date.isoformat() if query.birth_date else ""),
        )
        return await self._search(tuple((name, value) for name, value in named if value))

    async def _search(self, params: tuple[tuple[str, str], ...]) -> SearchResult:
        return await self.client.search(
            "Patient",
            [*params, ("_count", str(_PATIENT_CAP))],
            deadline=self.deadline,
            post=self.post and bool(params),
        )

    async def _matched(self, query: PatientQuery) -> Candidates | None:
        """What `Patient/$match` gives; None where it is not offered, or gives no answer."""
        known = self.client.known
        if known is None or "match" not in known.offer("Patient").operations:
            return None
        try:
            reply = await self.client.get(
                "Patient/$match", deadline=self.deadline, body=_parameters(query)
            )
            if reply.status != 200:
                return None
            page = bundles.decode_bundle(reply.body)
        except SourceError:
            return None
        release = known.release if known.release in READ else Release.R4
        found: dict[str, RawResource] = {}
        ratings: list[tuple[str, str]] = []
        skipped = 0
        for entry in page.entries():
            try:
                body = bytes(entry.resource) if entry else b""
                seen = bundles.peek(body)
            except SourceError:
                skipped += 1
                continue
            if entry is None or seen.resourceType != "Patient":
                continue
            kept = bundles.raw_resource(seen, entry.fullUrl, body, release)
            found[kept.reference] = kept
            ratings.append((kept.reference, entry.rating))
        reasons = ("Patient/$match: an entry that cannot be read",) if skipped else ()
        state = State.PARTIAL if skipped else State.COMPLETE
        certificate = Certificate(
            "Patient", state, reasons, count=len(found), pages=1, skipped=skipped
        )
        result = SearchResult(tuple(found.values()), (), certificate)
        return Candidates(result, tuple(one for one in ratings if one[1]))


def _parameters(query: PatientQuery) -> bytes:
    """The Parameters resource of the operation. Source: FHIR R4, operation Patient-match."""
    patient: dict[str, object] = {"resourceType": "Patient"}
    if query.identifiers:
        patient["identifier"] = [
            {"system": system, "value": value} for system, value in query.identifiers
        ]
    name = {"family": query.family, "given": [query.given] if query.given else None}
    if any(name.values()):
        patient["name"] = [{key: value for key, value in name.items() if value}]
    if query.birth_date is not None:
        patient["birthDate"] = query.birth_date.isoformat()
    if query.sex in {"male", "female", "other", "unknown"}:
        patient["gender"] = query.sex
    return msgspec.json.encode(
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "resource", "resource": patient},
                {"name": "onlyCertainMatches", "valueBoolean": False},
                {"name": "count", "valueInteger": _PATIENT_CAP},
            ],
        }
    )


def _escaped(value: str) -> str:
    """A search value with FHIR's own separators escaped. Source: R4 search, "Escaping"."""
    for mark in ("\\", ",", "$", "|"):
        value = value.replace(mark, f"\\{mark}")
    return value
