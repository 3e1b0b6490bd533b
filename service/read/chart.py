"""One resource type of one patient's chart on a server: asked, certified, told in words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from service.fhir.capability import Capabilities
from service.fhir.client import FhirClient
from service.fhir.paging import SearchResult
from service.fhir.scopes import Grant
from service.model.evidence import Problem
from service.model.source import Certificate, RawResource, State, worst
from service.read.profile import SourceProfile
from service.read.pull import Search, joined, merged, searches
from service.read.since import Since

_REFUSED_PARAMETERS = frozenset({400, 422, 501})
_CHANGED = "_lastUpdated"


@dataclass(frozen=True, slots=True)
class TypeRead:
    """What one resource type gave."""

    certificate: Certificate
    resources: tuple[RawResource, ...] = ()
    included: tuple[RawResource, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ChartReader:
    """Reads types of the patients with `ids`, until `deadline` (the event loop's clock)."""

    source: str
    client: FhirClient
    known: Capabilities
    profile: SourceProfile
    ids: tuple[str, ...]
    deadline: float
    since: Since | None = None

    async def of_type(self, kind: str) -> TypeRead:
        """Everything of one type, or why not; never raises for what the server does wrong."""
        if not self.known.offers(kind):
            reason = f"{kind}: the CapabilityStatement does not offer it"
            return TypeRead(Certificate(kind, State.NOT_OFFERED, (reason,)))
        today = datetime.now(UTC).date()
        since = self.since.of(kind) if self.since else None
        planned = [
            one
            for each in self.ids
            for one in searches(kind, each, self.profile, self.known, today, since=since)
        ]
        if not planned:
            why = next((quirk.reason for quirk in self.profile.of(kind) if quirk.skip), "not asked")
            return TypeRead(Certificate(kind, State.NOT_OFFERED, (f"{kind}: {why}",)))
        granted = self.client.credentials.grants(kind)
        if granted is Grant.NOTHING:
            return TypeRead(Certificate(kind, State.WITHHELD, (_not_granted(kind),)))
        if len(planned) == 1:
            answered = [await self._searched(planned[0])]
        else:
            answered = await asyncio.gather(*(self._searched(one) for one in planned))
        refused = [
            one.may_refuse
            for one, (result, _) in zip(planned, answered, strict=True)
            if one.may_refuse and result.status in _REFUSED_PARAMETERS
        ]
        results = [
            result
            for one, (result, _) in zip(planned, answered, strict=True)
            if one.may_refuse not in refused or not one.may_refuse
        ]
        found = {one.reference: one for result in results for one in result.resources}
        included = {one.reference: one for result in results for one in result.included}
        certificate = merged([result.certificate for result in results], len(found))
        notes = [f"{kind}: {note}" for one in planned for note in one.notes]
        notes += [f"{kind}: {one} is refused by this server, and is missing" for one in refused]
        # The first request of all may be the one that brought the token and its scopes.
        granted = self.client.credentials.grants(kind)
        if granted is not Grant.WHOLE:
            notes.append(_not_granted(kind))
            certificate = replace(certificate, state=worst([State.WITHHELD, certificate.state]))
        asked_since = {moment for _, moment in answered}
        certificate = replace(
            certificate,
            reasons=tuple(dict.fromkeys((*certificate.reasons, *notes))),
            since=asked_since.pop() if len(asked_since) == 1 else None,
            lacks=tuple(dict.fromkeys(refused)),
        )
        return TypeRead(
            certificate,
            tuple(found.values()),
            tuple(included.values()),
            tuple(self._problems(kind, results)),
        )

    def _problems(self, kind: str, results: list[SearchResult]) -> list[Problem]:
        told = dict.fromkeys(text for result in results for text in result.outcomes)
        problems = [Problem(self.source, kind, f"the server said {text}") for text in told]
        noted = dict.fromkeys(note for result in results for note in result.notes)
        problems += [Problem(self.source, kind, note) for note in noted]
        if any(result.alarm for result in results):
            what = "the server sent another patient's data; it was refused"
            problems.append(Problem(self.source, kind, what))
        return problems

    async def _searched(self, search: Search) -> tuple[SearchResult, datetime | None]:
        """The search, and since when it holds changes only (None where it holds everything)."""
        if search.since is not None:
            result = await self._answered(search)
            ignored = _CHANGED in result.certificate.dropped
            if not ignored and result.status not in _REFUSED_PARAMETERS:
                return result, search.since
            search = search.whole
        return await self._answered(search), None

    async def _answered(self, search: Search) -> SearchResult:
        """The search; where its parameters are refused, without those that may be left out."""
        result = await self._asked(search, search.params)
        if result.status in _REFUSED_PARAMETERS and search.params != search.without_include:
            result = await self._asked(search, search.without_include)
        if result.status in _REFUSED_PARAMETERS and search.alternatives:
            # No lists of values here ("intent=order,plan"): one search for each value.
            parts = await asyncio.gather(*(self._asked(search, one) for one in search.alternatives))
            result = joined(parts)
        return result

    async def _asked(self, search: Search, params: tuple[tuple[str, str], ...]) -> SearchResult:
        return await self.client.search(
            search.type,
            params,
            patients=frozenset(f"Patient/{one}" for one in self.ids),
            deadline=self.deadline,
            ignored_outcomes=search.ignore_outcomes,
            withheld_outcomes=search.withheld_outcomes,
            self_link=search.self_link,
        )


def _not_granted(kind: str) -> str:
    return f"{kind}: the granted scopes do not cover all of it"
