"""Provenance: who signed, for whom, with which software, and from which versions of which sources.

It has no identifier element in R4, so that a tag carries ours. Source: US Core Provenance
(onBehalfOf for every Practitioner and Device, provenance-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.write.codes import ASSEMBLER, AUTHOR, SIGNED, VERIFIER, Code, concept
from service.write.elements import compact, device, instant, meta, narrative, organization, person
from service.write.identity import mark
from service.write.target import Desk

TYPE = "Provenance"


def build(
    desk: Desk, targets: Sequence[tuple[str, str]], labels: frozenset[str], withheld: frozenset[str]
) -> dict[str, Any]:
    """One Provenance over everything that this signature writes here.

    Args:
        targets: (type, key) of each resource.
        withheld: ids of medications whose lines must not be named here.
    """
    at = instant(desk.signing.at)
    lines = dict.fromkeys(
        (line["source"], line["reference"], line["version"])
        for medication in desk.report["medications"]
        if medication["id"] not in withheld
        for line in medication["lines"]
    )
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED, mark(desk.event_key(TYPE))], labels),
            "text": narrative(f"Signed by {desk.signing.by.name} at {at}"),
            "target": [desk.ours(kind, key) for kind, key in targets],
            "occurredDateTime": at,
            "recorded": at,
            "agent": [
                _agent(desk, AUTHOR, person(desk.signing.by)),
                _agent(desk, VERIFIER, person(desk.signing.by)),
                _agent(desk, ASSEMBLER, device(desk.version)),
            ],
            "entity": [
                {
                    "role": "source",
                    "what": desk.theirs(source, reference, version=version, exact=True),
                }
                for source, reference, version in lines
            ],
        }
    )


def _agent(desk: Desk, role: Code, who: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": concept(role),
        "who": who,
        "onBehalfOf": organization(desk.signing.by),
    }
