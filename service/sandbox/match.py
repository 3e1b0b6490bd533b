"""`Patient/$match` as a server may do it: a score of its own, never more than evidence for others.

Source: FHIR R4, operation Patient-match.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.sandbox.exchange import Refusal, Resource
from service.sandbox.search import values
from service.sandbox.storage import Version

_GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
_POINTS = {"identifier": 0.6, "name.family": 0.2, "birthDate": 0.2}


def matched(parameters: Resource, patients: Iterable[Version], base: str) -> Resource:
    """A searchset of the patients that share something with the asked one, best first.

    Raises: Refusal 400 when the parameters hold no Patient.
    """
    named = {one.get("name"): one for one in parameters.get("parameter") or []}
    asked = named.get("resource", {}).get("resource")
    if not isinstance(asked, dict) or asked.get("resourceType") != "Patient":
        raise Refusal(400, "required", "Patient/$match needs a Patient in `resource`")
    certain_only = named.get("onlyCertainMatches", {}).get("valueBoolean") is True
    scored = [(_score(asked, one.resource), one) for one in patients if one.resource]
    found = [(score, one) for score, one in scored if score > (0.5 if certain_only else 0)]
    found.sort(key=lambda pair: (-pair[0], pair[1].id))
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "entry": [
            {
                "fullUrl": f"{base}/{one.reference}",
                "resource": one.resource,
                "search": {
                    "mode": "match",
                    "score": round(score, 2),
                    "extension": [{"url": _GRADE, "valueCode": _grade(score)}],
                },
            }
            for score, one in found
        ],
    }


def _score(asked: Resource, held: Resource) -> float:
    return sum(
        points
        for path, points in _POINTS.items()
        if _plain(values(asked, path)) & _plain(values(held, path))
    )


def _plain(found: Iterable[Any]) -> set[str]:
    return {
        f"{one.get('system', '')}|{one.get('value')}" if isinstance(one, dict) else str(one).lower()
        for one in found
    }


def _grade(score: float) -> str:
    return "certain" if score >= 0.8 else "probable" if score >= 0.6 else "possible"
