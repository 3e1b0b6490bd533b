"""Bulk exports of one server: kick-off, looks at the job, the manifest, the files, the end.

Faults reach every one of these answers like any other (`faults`): a 429 at a look, a broken file,
an edited manifest.
Source: HL7 FHIR Bulk Data Access 2.0.0, export.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.sandbox.exchange import Ask, Refusal, Reply, Resource, encode, operation_outcome
from service.sandbox.manners import Manners
from service.sandbox.references import local_reference
from service.sandbox.storage import Storage, instant

JOBS = "_bulk"
_NDJSON = "application/fhir+ndjson"
_ABOUT = ("subject", "patient", "for", "beneficiary")


@dataclass(slots=True)
class _Job:
    """One export: its files by name, and how many more looks it takes until they are there."""

    request: str
    at: str
    files: dict[str, tuple[str, list[Resource]]]
    looks: int
    errors: list[Resource]


class Exports:
    """The exports of one server."""

    def __init__(self, manners: Manners, storage: Storage) -> None:
        self._manners = manners
        self._storage = storage
        self._jobs: dict[str, _Job] = {}

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that stand: begun, and not deleted."""
        return tuple(self._jobs)

    def is_open(self, ask: Ask) -> bool:
        """Whether this is a file that is given out without a token."""
        is_file = ask.segments[:1] == (JOBS,) and len(ask.segments) > 2
        return is_file and not self._manners.bulk_token

    def kick_off(self, ask: Ask) -> Reply:
        """Starts a job for the system, all patients or a Group.

        Raises: Refusal 400 without `Prefer: respond-async` or with a parameter that is wrong.
        """
        if "respond-async" not in ask.headers.get("prefer", ""):
            raise Refusal(400, "required", "$export wants Prefer: respond-async")
        query = dict(ask.query)
        types = [one for one in query.get("_type", "").split(",") if one]
        unknown = [one for one in types if one not in self._manners.types]
        if unknown:
            raise Refusal(400, "not-supported", f"_type {unknown[0]} is not offered here")
        chosen = self._patients(ask)
        found: dict[str, list[Resource]] = {}
        for resource in self._resources(types or list(self._manners.types), chosen):
            if resource["meta"]["lastUpdated"] > query.get("_since", ""):
                found.setdefault(resource["resourceType"], []).append(resource)
        files: dict[str, tuple[str, list[Resource]]] = {}
        most = self._manners.bulk_lines
        for kind in sorted(found):
            for number in range(0, len(found[kind]), most):
                name = f"{kind}-{number // most + 1}.ndjson"
                files[name] = (kind, found[kind][number : number + most])
        job = self._storage.new_id()
        self._jobs[job] = _Job(
            f"{ask.base}/{ask.path}",
            instant(self._storage.clock()),
            files,
            self._manners.bulk_looks,
            [operation_outcome("error", "processing", text) for text in self._manners.bulk_errors],
        )
        return Reply(202, headers={"Content-Location": f"{ask.base}/{JOBS}/{job}"})

    def _patients(self, ask: Ask) -> set[str] | None:
        """References to the patients that are meant; None for the whole system."""
        match ask.segments:
            case ("Patient", _):
                return {version.reference for version in self._storage.live("Patient")}
            case ("Group", str(id_), _):
                version = self._storage.current("Group", id_)
                if version is None or version.resource is None:
                    raise Refusal(404, "not-found", f"Group/{id_} is not known here")
                return {
                    local_reference(member["entity"]["reference"], ask.base)
                    for member in version.resource.get("member", [])
                }
            case _:
                return None

    def _resources(self, types: list[str], chosen: set[str] | None) -> Iterator[Resource]:
        """What belongs to these patients, and what belongs to nobody (Medication, Practitioner)."""
        for kind in types:
            if kind == "Group" and chosen is not None:
                continue
            for version in self._storage.live(kind):
                resource = version.resource or {}
                about = {
                    element["reference"]
                    for name in _ABOUT
                    if isinstance(element := resource.get(name), dict) and "reference" in element
                }
                if kind == "Patient":
                    about = {version.reference}
                if chosen is None or not about or about & chosen:
                    yield resource

    def answer(self, ask: Ask) -> Reply:
        """A look at a job, one of its files, or its end.

        Raises: Refusal 404 for what is not known, 400 for a token at a file that takes none.
        """
        job = self._jobs.get(ask.segments[1]) if len(ask.segments) > 1 else None
        if job is None:
            raise Refusal(404, "not-found", "this export is not known here")
        match (ask.method, *ask.segments[2:]):
            case ("DELETE",):
                del self._jobs[ask.segments[1]]
                return Reply(202)
            case ("GET",) if job.looks > 0:
                job.looks -= 1
                return Reply(202, headers={"X-Progress": f"{job.looks} to go", "Retry-After": "1"})
            case ("GET",):
                return Reply(200, self._manifest(ask, job), {"Content-Type": "application/json"})
            case ("GET", "errors.ndjson"):
                return _lines(job.errors)
            case ("GET", str(name)) if name in job.files:
                if not self._manners.bulk_token and ask.headers.get("authorization"):
                    raise Refusal(400, "security", "a token was sent where none is taken")
                return _lines(job.files[name][1])
            case _:
                raise Refusal(404, "not-found", "this file is not known here")

    def _manifest(self, ask: Ask, job: _Job) -> Resource:
        here = f"{ask.base}/{JOBS}/{ask.segments[1]}"
        errors = [{"type": "OperationOutcome", "url": f"{here}/errors.ndjson"}]
        return {
            "transactionTime": job.at,
            "request": job.request,
            "requiresAccessToken": self._manners.bulk_token,
            "output": [
                {"type": kind, "url": f"{here}/{name}", "count": len(resources)}
                for name, (kind, resources) in job.files.items()
            ],
            "error": errors if job.errors else [],
        }


def _lines(resources: list[Resource]) -> Reply:
    text = "".join(f"{encode(resource).decode()}\n" for resource in resources)
    return Reply(200, headers={"Content-Type": _NDJSON}, text=text)
