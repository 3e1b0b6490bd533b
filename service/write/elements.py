"""Small FHIR elements that every builder uses: references, notes, narrative, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from service.model.review import User
from service.write.codes import (
    ACT_CODE,
    CONFIDENTIALITY,
    DEVICE_SYSTEM,
    ORGANIZATION_SYSTEM,
    PERSON_SYSTEM,
    Code,
)

_XHTML = "http://www.w3.org/1999/xhtml"
_CONFIDENTIALITY = frozenset({"U", "L", "M", "N", "R", "V"})


def instant(at: datetime) -> str:
    """A FHIR dateTime in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def printable(text: str) -> str:
    """Text without the control characters that XML and FHIR strings forbid."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\x7f\ufffe\uffff"))


def narrative(title: str, lines: Iterable[str] = ()) -> dict[str, str]:
    """A generated text.div of a title and lines, everything escaped."""
    items = "".join(f"<li>{escape(printable(line))}</li>" for line in lines if line)
    body = f"<p>{escape(printable(title))}</p>" + (f"<ul>{items}</ul>" if items else "")
    return {"status": "generated", "div": f'<div xmlns="{_XHTML}">{body}</div>'}


def meta(tags: Sequence[Code], labels: Iterable[str] = ()) -> dict[str, Any]:
    """Our tags, and the security labels that the sources' lines carry: never fewer than theirs."""
    found: dict[str, Any] = {"tag": [tag.coding() for tag in tags]}
    security = [
        {"system": CONFIDENTIALITY if label in _CONFIDENTIALITY else ACT_CODE, "code": label}
        for label in sorted(set(labels))
    ]
    if security:
        found["security"] = security
    return found


def person(user: User) -> dict[str, Any]:
    """A clinician by identifier: who signs here need not be a resource on the target."""
    return {
        "type": "Practitioner",
        "identifier": {"system": PERSON_SYSTEM, "value": user.id},
        "display": printable(user.name),
    }


def organization(user: User) -> dict[str, Any]:
    name = printable(user.organization) or "organization not stated"
    return {
        "type": "Organization",
        "identifier": {"system": ORGANIZATION_SYSTEM, "value": name},
        "display": name,
    }


def device(version: str) -> dict[str, Any]:
    return {
        "type": "Device",
        "identifier": {"system": DEVICE_SYSTEM, "value": f"concord-{version}"},
        "display": f"Concord {version}",
    }


def note(text: str, user: User, at: str) -> dict[str, Any]:
    return {"authorString": printable(user.name), "time": at, "text": printable(text)}


def dose_text(medication: Mapping[str, Any]) -> str:
    """The daily dose in words; what each source says where they differ."""
    daily = medication["daily_dose"]
    if daily is not None:
        return f"{daily['value']} {daily['unit']} a day"
    said = []
    for line in medication["lines"]:
        dose = line["daily_dose"]
        if dose is not None and line["status"] not in {"stopped", "cancelled", "completed"}:
            said.append(f"{line['source']}: {dose['value']} {dose['unit']} a day")
    return "; ".join(dict.fromkeys(said))


def compact(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without empty elements, which FHIR forbids."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}
