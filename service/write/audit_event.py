"""AuditEvent: that data was read or written, of whom, by whom; references only, never a word.

Shape: IHE Basic Audit Log Patterns 1.1 (type rest, subtype the interaction, client and server as
agents by DICOM role, entities patient and data). No profile is claimed: one event names all that
one signature read or wrote at one server. It has no identifier element, so that a tag carries ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from service.model.review import User
from service.write.codes import (
    ACTION_SYSTEM,
    DEVICE_SYSTEM,
    PATIENT_SYSTEM,
    SIGNED,
    Code,
    concept,
)
from service.write.desk import Desk
from service.write.elements import compact, device, instant, person
from service.write.identity import mark

TYPE = "AuditEvent"

_EVENT = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
REST = Code(_EVENT, "rest", "RESTful Operation")
PATIENT_RECORD = Code(_DICOM, "110110", "Patient Record")
_SOURCE = Code(_DICOM, "110153", "Source Role ID")
_DESTINATION = Code(_DICOM, "110152", "Destination Role ID")
_USER = Code(
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient"
)
_AUTHOR = Code(
    "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "AUT", "author (originator)"
)
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_PERSON = Code(_ENTITY, "1", "Person")
_OBJECT = Code(_ENTITY, "2", "System Object")
_PATIENT = Code(_ROLE, "1", "Patient")
_DATA = Code(_ROLE, "4", "Domain Resource")
_SERVER = Code(
    "http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server"
)
SUCCESS, MINOR_FAILURE, SERIOUS_FAILURE = "0", "4", "8"


class Kind(NamedTuple):
    """What was done, by FHIR's word for the interaction and by the DICOM letter."""

    interaction: str
    action: str


READ = Kind("read", "R")
CREATE = Kind("create", "C")
UPDATE = Kind("update", "U")


def event(
    what: Kind,
    *,
    recorded: datetime,
    by: User | None,
    version: str,
    server: str,
    patient: dict[str, Any],
    data: Iterable[dict[str, Any]],
    outcome: str = SUCCESS,
) -> dict[str, Any]:
    """One event between us and a server; `patient` and `data` are references.

    Whoever sends data is the source, whoever gets it the destination (DICOM roles, as IHE has it).
    """
    reading = what.action == "R"
    return compact(
        {
            "resourceType": TYPE,
            "type": REST.coding(),
            "subtype": [Code(_INTERACTION, what.interaction, what.interaction).coding()],
            "action": what.action,
            "recorded": instant(recorded),
            "outcome": outcome,
            "agent": [
                _agent(_DESTINATION if reading else _SOURCE, device(version)),
                _agent(_SOURCE if reading else _DESTINATION, {"display": server}),
                *_asked(by, _USER if reading else _AUTHOR),
            ],
            "source": _observer(version),
            "entity": [_about_patient(patient), *(_about(one) for one in data)],
        }
    )


def act(
    action: str,
    *,
    recorded: datetime,
    by: str,
    version: str,
    patient: str,
    subject: str,
    outcome: str,
) -> dict[str, Any]:
    """One row of the audit trail that is no request to a server; every id is our own."""
    named = {"identifier": {"system": PATIENT_SYSTEM, "value": patient}, "type": "Patient"}
    return compact(
        {
            "resourceType": TYPE,
            "type": PATIENT_RECORD.coding(),
            "subtype": [{"system": ACTION_SYSTEM, "code": action}],
            "action": "R" if action.startswith("read-") else "E",
            "recorded": instant(recorded),
            "outcome": outcome,
            "agent": [
                {
                    "who": {"identifier": {"system": ACTION_SYSTEM, "value": by}},
                    "requestor": True,
                }
            ],
            "source": _observer(version),
            "entity": [
                *([_about_patient(named)] if patient else []),
                *([_about({"identifier": {"value": subject}})] if subject else []),
            ],
        }
    )


def of_signature(
    desk: Desk,
    key: str,
    what: Kind,
    data: Sequence[dict[str, Any]],
    *,
    recorded: datetime | None = None,
) -> dict[str, Any]:
    """The event of reading from, or writing to, the target under this signature."""
    found = event(
        what,
        recorded=recorded or desk.signing.at,
        by=desk.signing.by,
        version=desk.version,
        server=desk.target.base_url,
        patient=desk.patient_reference(),
        data=[
            {name: one[name] for name in ("reference", "identifier") if name in one} for one in data
        ],
    )
    return found | {"meta": {"tag": [SIGNED.coding(), mark(key).coding()]}}


def _agent(role: Code, who: dict[str, Any]) -> dict[str, Any]:
    return {"type": concept(role), "who": who, "requestor": False}


def _asked(by: User | None, role: Code) -> list[dict[str, Any]]:
    """The person behind it, by id: names stand in the Provenance, not here."""
    if by is None:
        return []
    who = {name: value for name, value in person(by).items() if name != "display"}
    return [{"type": concept(role), "who": who, "requestor": True}]


def _observer(version: str) -> dict[str, Any]:
    observer = {"identifier": {"system": DEVICE_SYSTEM, "value": f"concord-{version}"}}
    return {"observer": observer | {"display": "Concord"}, "type": [_SERVER.coding()]}


def _about_patient(patient: dict[str, Any]) -> dict[str, Any]:
    kept = {name: patient[name] for name in ("reference", "type", "identifier") if name in patient}
    return {"what": kept, "type": _PERSON.coding(), "role": _PATIENT.coding()}


def _about(what: dict[str, Any]) -> dict[str, Any]:
    return {"what": what, "type": _OBJECT.coding(), "role": _DATA.coding()}
