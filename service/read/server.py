"""A FHIR server as a source: find the patient, pull everything, certify each type.

All searches of one source run side by side within its deadline; what could not be read in time is
said, what came before stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from service.errors import SourceError, SourceRefused
from service.fhir.capability import Capabilities
from service.fhir.client import FhirClient
from service.fhir.policy import literal
from service.model.evidence import Problem
from service.model.source import (
    MEDICATION_TYPES,
    Certificate,
    RawResource,
    Role,
    SourceRead,
    State,
)
from service.read.chart import ChartReader
from service.read.find import PatientFinder
from service.read.profile import SourceProfile, SourceProfiles
from service.read.pull import REFERRED_TYPES, SEARCHED_TYPES, merged
from service.read.references import Changed, References
from service.read.since import OVERLAP, Since
from service.read.source import NO_SUCH_PATIENT, Found, PatientQuery


@dataclass(slots=True)
class ServerReader:
    """One FHIR server.

    Args:
        vendor: a profile's name, or "auto" to go by the CapabilityStatement.
        overlap: how far before a read the next one asks for changes.
    """

    name: str
    role: Role
    client: FhirClient
    profiles: SourceProfiles = field(default_factory=SourceProfiles)
    vendor: str = "auto"
    overlap: timedelta = OVERLAP

    async def find(self, query: PatientQuery) -> Found:
        """Patient resources that answer the query; every failure is a state with its reason."""
        deadline = self._deadline()
        found, known = await asyncio.gather(
            self._found(query, deadline), self._capabilities(deadline)
        )
        if isinstance(known, SourceRead):
            return Found((), known)
        return found

    async def _found(self, query: PatientQuery, deadline: float) -> Found:
        """As `find`; the capabilities are asked beside it, which saves a round trip."""
        if query.reference is not None:
            reference = self.client.endpoint.relative(query.reference)
            if reference is None or not reference.startswith("Patient/"):
                reason = f"the reference {query.reference[:80]!r} is no Patient of this server"
                return Found((), self._read(reasons=(reason,), floor=State.UNAVAILABLE))
            patient, certificate = await self._patient(reference, deadline)
            patients = (patient,) if patient else ()
            return Found(patients, self._read(patients, (certificate,)))
        found = await PatientFinder(self.client, deadline, self._post()).candidates(query)
        read = self._read(found.result.resources, (found.result.certificate,))
        return Found(found.result.resources, read, ratings=found.ratings)

    async def pull(
        self,
        patient_ids: tuple[str, ...],
        *,
        since: Since | None = None,
        expected: Collection[str] = (),
    ) -> SourceRead:
        """Every type of RESOURCE_TYPES for one patient, with a certificate for each.

        Args:
            expected: what lines referred to when they were read before; read beside them, or,
                with `since`, what of it changed.
            since: types of which changes are enough (`Since.after` a kept read); where the server
                cannot be trusted with that, all of the type is read, as its certificate tells.
        """
        deadline = self._deadline()
        ids = tuple(dict.fromkeys(one.removeprefix("Patient/") for one in patient_ids))
        wrong = [one for one in ids if literal(f"Patient/{one}") is None]
        if wrong or not ids:
            reason = "no patient id that an address can carry was given"
            return self._read(reasons=(reason,), floor=State.UNAVAILABLE)
        # Beside each other: a source that answers neither is down, and is not asked for more.
        patients_read = asyncio.create_task(self._patients(ids, deadline))
        known = await self._capabilities(deadline)
        if isinstance(known, SourceRead):
            await patients_read
            return known
        begun = self.client.wire.server_time()
        profile = self._profile(known)
        chart = ChartReader(self.name, self.client, known, profile, ids, deadline, since)
        references = References(self.client, deadline)
        (patients, certificate), typed, ahead, changed = await asyncio.gather(
            patients_read,
            asyncio.gather(*(chart.of_type(kind) for kind in SEARCHED_TYPES)),
            references.expected(() if since else expected),
            references.changed(expected, since.moment, profile) if since else _nothing_changed(),
        )
        kept: dict[str, RawResource] = {one.reference: one for one in patients}
        certificates = [certificate]
        problems: list[Problem] = []
        came_along: dict[str, RawResource] = {}
        for read in typed:
            kept.update((one.reference, one) for one in read.resources)
            came_along.update((one.reference, one) for one in read.included)
            certificates.append(read.certificate)
            problems += read.problems
        kept.update(
            (name, one)
            for name, one in came_along.items()
            if one.type in {*REFERRED_TYPES, "Provenance"}
        )
        kept.update(changed.resources)
        people, more = await References(self.client, deadline, ahead).referred(kept)
        kept.update((one.reference, one) for one in people)
        certificates += [changed.told(one) for one in more]
        reasons: list[str] = [known.reason] if known.reason else []
        by_type = {one.type: one.state for one in certificates}
        if all(by_type[kind] is State.NOT_OFFERED for kind in MEDICATION_TYPES):
            reasons.append("the server offers no medication resources at all")
        return self._read(
            tuple(sorted(kept.values(), key=lambda one: one.reference)),
            tuple(certificates),
            reasons=tuple(reasons),
            problems=tuple(problems),
            watermark=begun - self.overlap if begun else None,
        )

    async def _patients(
        self, ids: tuple[str, ...], deadline: float
    ) -> tuple[tuple[RawResource, ...], Certificate]:
        read = await asyncio.gather(*(self._patient(f"Patient/{one}", deadline) for one in ids))
        found = tuple(patient for patient, _ in read if patient)
        return found, merged([certificate for _, certificate in read], len(found))

    async def _patient(
        self, reference: str, deadline: float
    ) -> tuple[RawResource | None, Certificate]:
        resource, state, reason = await References(self.client, deadline).single(reference)
        if resource is None and state is State.COMPLETE:
            state, reason = State.UNAVAILABLE, NO_SUCH_PATIENT
        reasons = (f"{reference}: {reason}",) if reason else ()
        return resource, Certificate("Patient", state, reasons, count=int(resource is not None))

    async def _capabilities(self, deadline: float) -> Capabilities | SourceRead:
        floor = State.UNAVAILABLE
        try:
            async with asyncio.timeout_at(deadline):
                return await self.client.capabilities(deadline=deadline)
        except TimeoutError:
            reason = f"no answer within {self.client.limits.deadline_s:g} s"
        except SourceRefused as error:
            reason, floor = error.message, State.WITHHELD
        except SourceError as error:
            reason = error.message
        return self._read(reasons=(reason,), floor=floor)

    def _profile(self, known: Capabilities) -> SourceProfile:
        return self.profiles.chosen(self.vendor, known.software, known.publisher)

    def _post(self) -> bool:
        """Whether searches by POST are worth a try here, as far as the vendor is known by now."""
        known = self.client.known
        if known is None and self.vendor == "auto":
            return True
        profile = self._profile(known) if known else self.profiles.chosen(self.vendor, "", "")
        return all(quirk.post_search for quirk in profile.of("Patient"))

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.client.limits.deadline_s

    def _read(
        self,
        resources: tuple[RawResource, ...] = (),
        certificates: tuple[Certificate, ...] = (),
        *,
        reasons: tuple[str, ...] = (),
        floor: State = State.COMPLETE,
        problems: tuple[Problem, ...] = (),
        watermark: datetime | None = None,
    ) -> SourceRead:
        return SourceRead(
            name=self.name,
            role=self.role,
            resources=resources,
            certificates=certificates,
            reasons=reasons,
            state_floor=floor,
            problems=problems,
            read_at=datetime.now(UTC),
            base_url=self.client.base_url,
            watermark=watermark,
        )


async def _nothing_changed() -> Changed:
    """For a reading of everything."""
    return Changed()
