"""Single resources of a server by reference: the Patient, and what lines refer to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import SourceError, SourceRefused
from service.fhir import bundle as bundles
from service.fhir.body import json_text
from service.fhir.client import FhirClient
from service.fhir.policy import literal
from service.fhir.release import READ, Release
from service.model.source import Certificate, RawResource, State
from service.read.pull import REFERRED_TYPES
from service.read.pull import referred as references_to

_REFERRED_CAP = 300


@dataclass(frozen=True, slots=True)
class References:
    """Reads by reference on one server, until `deadline` (the event loop's clock)."""

    client: FhirClient
    deadline: float

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
        found: list[RawResource] = []
        certificates: dict[str, Certificate] = {}
        have = dict(kept)
        for kinds in (("Medication", "PractitionerRole"), ("Practitioner", "Organization")):
            wanted = references_to(have.values(), self.client.endpoint)
            for kind in kinds:
                resources, certificate = await self._read_all(kind, wanted[kind], have)
                found += resources
                have.update((one.reference, one) for one in resources)
                certificates[kind] = certificate
        return found, [certificates[kind] for kind in REFERRED_TYPES]

    async def _read_all(
        self,
        kind: str,
        wanted: frozenset[str],
        have: Mapping[str, RawResource],
    ) -> tuple[list[RawResource], Certificate]:
        here = sum(1 for one in have.values() if one.type == kind)
        missing = sorted(wanted - have.keys())
        known = self.client.known
        if missing and known is not None and not known.reads(kind):
            reason = f"{kind}: the CapabilityStatement does not offer it"
            certificate = Certificate(
                kind, State.NOT_OFFERED, (reason,), here, unresolved=tuple(missing)
            )
            return [], certificate
        elsewhere = [one for one in missing if literal(one) is None]
        asked = [one for one in missing if literal(one) is not None][:_REFERRED_CAP]
        answers = await asyncio.gather(*(self.single(one) for one in asked))
        found = [resource for resource, _, _ in answers if resource is not None]
        reasons = [
            f"{reference}: {reason}"
            for reference, (_, _, reason) in zip(asked, answers, strict=True)
            if reason
        ]
        states = {state for _, state, _ in answers if state is not State.COMPLETE}
        state = State.COMPLETE
        if states:
            state = State.WITHHELD if states == {State.WITHHELD} else State.PARTIAL
        if len(asked) + len(elsewhere) < len(missing):
            state = State.PARTIAL if state is State.COMPLETE else state
            reasons.append(f"{kind}: more than {_REFERRED_CAP} are referred to, the rest not read")
        if elsewhere:
            reasons.append(f"{kind}: {len(elsewhere)} on another server, not followed")
        came = {one.reference for one in found}
        certificate = Certificate(
            kind,
            state,
            tuple(reasons),
            count=here + len(found),
            unresolved=tuple(one for one in missing if one not in came),
        )
        return found, certificate
