"""Single resources of a server by reference: the Patient, and what lines refer to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from service.errors import SourceError, SourceRefused
from service.fhir import bundle as bundles
from service.fhir.body import json_text
from service.fhir.capability import Offer
from service.fhir.client import FhirClient
from service.fhir.paging import SearchResult
from service.fhir.policy import literal
from service.fhir.release import READ, Release
from service.model.source import Certificate, RawResource, State, worst
from service.read.followed import MOST_REFERRED, Followed
from service.read.profile import SourceProfile
from service.read.pull import REFERRED_TYPES, joined
from service.read.pull import referred as references_to

_ADDRESS = 1500
"""Characters of ids in one address: servers take 2,000 of it and more."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed of what lines refer to, and how surely that is all, by resource type."""

    resources: Mapping[str, RawResource] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)

    def told(self, certificate: Certificate) -> Certificate:
        """A type's certificate, not complete where its changes could not be asked for."""
        own = self.certificates.get(certificate.type)
        if own is None or own.state is State.COMPLETE:
            return certificate
        reasons = tuple(dict.fromkeys((*certificate.reasons, *own.reasons)))
        state = worst([State.PARTIAL, certificate.state])
        return replace(certificate, state=state, reasons=reasons)


@dataclass(frozen=True, slots=True)
class References:
    """Reads by reference on one server, until `deadline` (the event loop's clock).

    `ahead` is what was read already because an earlier reading led to it.
    """

    client: FhirClient
    deadline: float
    ahead: Mapping[str, RawResource] = field(default_factory=dict)

    async def expected(self, references: Iterable[str]) -> dict[str, RawResource]:
        """What lines are likely to refer to, read beside them; what does not come is not told."""
        asked: dict[str, list[str]] = {}
        for one in sorted(set(references)):
            kind = one.partition("/")[0]
            known = self.client.known
            if kind in REFERRED_TYPES and (known is None or known.reads(kind)):
                asked.setdefault(kind, []).append(one)
        followed = [Followed(kind, 0) for kind in asked]
        came = await asyncio.gather(
            *(self._follow(one, frozenset(asked[one.kind])) for one in followed)
        )
        return {one.reference: one for part in came for one in part}

    async def changed(
        self, references: Iterable[str], since: datetime, profile: SourceProfile
    ) -> Changed:
        """What of these changed since a moment, asked together: one search for each type.

        Where changes cannot be asked for, or the vendor is doubted, all of them come. A type that
        cannot be searched by `_id` is left to the next reading of everything.
        """
        known = self.client.known
        asked: dict[str, list[str]] = {}
        for one in sorted(set(references)):
            kind = one.partition("/")[0]
            offer = known.offer(kind) if known is not None else Offer()
            by_id = offer.searchable and "_id" in offer.search_params
            if kind in REFERRED_TYPES and by_id and literal(one) is not None:
                asked.setdefault(kind, []).append(one)
        parts = await asyncio.gather(
            *(
                self._changed(kind, names, since if profile.trusts_stamps(kind) else None)
                for kind, names in asked.items()
            )
        )
        return Changed(
            {one.reference: one for part in parts for one in part.resources},
            {part.certificate.type: part.certificate for part in parts},
        )

    async def _changed(
        self, kind: str, references: Sequence[str], since: datetime | None
    ) -> SearchResult:
        known = self.client.known
        offer = known.offer(kind) if known is not None else Offer()
        later: tuple[tuple[str, str], ...] = ()
        if since is not None and offer.tells_changes:
            moment = since.astimezone(UTC).isoformat(timespec="seconds")
            later = (("_lastUpdated", f"ge{moment}"),)
        result = joined(await self._by_id(kind, references, later))
        if later and result.certificate.state is not State.COMPLETE:
            result = joined(await self._by_id(kind, references))
        wanted = tuple(one for one in result.resources if one.reference in references)
        return replace(result, resources=wanted)

    async def _by_id(
        self, kind: str, references: Sequence[str], more: tuple[tuple[str, str], ...] = ()
    ) -> list[SearchResult]:
        """Searches for several of one type, as many as the length of an address makes of them."""
        return await asyncio.gather(
            *(
                self.client.search(
                    kind,
                    (("_id", ",".join(part)), *more, ("_count", str(len(part)))),
                    deadline=self.deadline,
                )
                for part in _parts([one.partition("/")[2] for one in references])
            )
        )

    async def single(self, reference: str) -> tuple[RawResource | None, State, str]:
        """One resource by reference: (None, COMPLETE, "") says that the server has none such."""
        try:
            async with asyncio.timeout_at(self.deadline):
                answer = await self.client.read(reference, deadline=self.deadline)
            if answer.status != 200:
                return None, State.COMPLETE, ""
            body = json_text(answer.body)
        except TimeoutError:
            return None, State.UNAVAILABLE, "not read before the source's deadline"
        except SourceRefused as error:
            return None, State.WITHHELD, error.message
        except SourceError as error:
            return None, State.UNAVAILABLE, error.message
        known = self.client.known
        release = known.release if known and known.release in READ else Release.R4
        return (
            bundles.raw_resource(bundles.peek(body), "", body, release),
            State.COMPLETE,
            "",
        )

    async def referred(
        self, kept: Mapping[str, RawResource]
    ) -> tuple[list[RawResource], list[Certificate]]:
        """What lines refer to and did not come along; a PractitionerRole's own people with it."""
        here = Counter(one.type for one in kept.values())
        followed = {kind: Followed(kind, here[kind]) for kind in REFERRED_TYPES}
        have, new = set(kept), list(kept.values())
        while new:
            wanted = references_to(new, self.client.endpoint)
            came = await asyncio.gather(
                *(self._follow(followed[kind], wanted[kind] - have) for kind in REFERRED_TYPES)
            )
            have.update(*wanted.values())
            new = [one for part in came for one in part if one.type == "PractitionerRole"]
        found = [one for kind in REFERRED_TYPES for one in followed[kind].found]
        return found, [followed[kind].certificate() for kind in REFERRED_TYPES]

    async def _follow(self, followed: Followed, missing: frozenset[str]) -> list[RawResource]:
        """Reads what is missing of one type, as far as it lies here; returns what came."""
        followed.missing += sorted(missing)
        known = self.client.known
        if missing and known is not None and not known.reads(followed.kind):
            followed.offered = False
            return []
        here = sorted(one for one in missing if literal(one) is not None)
        followed.elsewhere += len(missing) - len(here)
        asked = here[: max(0, MOST_REFERRED - followed.asked)]
        followed.left += len(here) - len(asked)
        followed.asked += len(asked)
        came: dict[str, RawResource | None] = {
            one: self.ahead[one] for one in asked if one in self.ahead
        }
        came |= await self._together(followed.kind, [one for one in asked if one not in came])
        alone = [one for one in asked if one not in came]
        for reference, answer in zip(
            alone, await asyncio.gather(*(self.single(one) for one in alone)), strict=True
        ):
            resource, state, reason = answer
            if resource is not None:
                came[reference] = resource
            if reason:
                followed.reasons.append(f"{reference}: {reason}")
                followed.states.add(state)
        read = [resource for resource in came.values() if resource is not None]
        followed.found += read
        return read

    async def _together(
        self, kind: str, references: Sequence[str]
    ) -> dict[str, RawResource | None]:
        """Several of one type by `_id`, where the server offers that; None for what it has not.

        What is not in it at all has to be read one by one.
        """
        known = self.client.known
        offer = known.offer(kind) if known is not None else Offer()
        if len(references) < 2 or not offer.searchable or "_id" not in offer.search_params:
            return {}
        results = await self._by_id(kind, references)
        came: dict[str, RawResource | None] = {}
        if all(one.certificate.state is State.COMPLETE for one in results):
            came = dict.fromkeys(references)
        found = (one for result in results for one in result.resources)
        return came | {one.reference: one for one in found if one.reference in references}


def _parts(ids: Sequence[str]) -> list[list[str]]:
    """The ids in parts that an address can carry."""
    parts: list[list[str]] = [[]]
    length = 0
    for one in ids:
        length += len(one) + 1
        if length > _ADDRESS and parts[-1]:
            parts.append([])
            length = len(one) + 1
        parts[-1].append(one)
    return parts
