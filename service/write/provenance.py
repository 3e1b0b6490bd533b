"""Provenance: who signed, for whom, with which software, and from which versions of which sources.

It has no identifier element in R4, so that a tag carries ours. Source: US Core Provenance
(onBehalfOf for every Practitioner and Device, provenance-1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from service.write.codes import ASSEMBLER, AUTHOR, SIGNED, VERIFIER, Code, concept
from service.write.desk import Desk
from service.write.elements import compact, device, instant, meta, narrative, organization, person
from service.write.identity import mark

TYPE = "Provenance"


def build(
    desk: Desk, key: str, targets: Sequence[dict[str, Any]], labels: frozenset[str]
) -> dict[str, Any]:
    """One Provenance over everything that this signature writes here.

    Its sources are every line and every fact of what is not withheld, in the version that was seen,
    and the consents by which something goes that would not go otherwise.

    Args:
        targets: references to each resource.
    """
    at = instant(desk.signing.at)
    consents = ((one.source, one.reference, one.version) for one in desk.withholding.resting_on)
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED, mark(key)], labels),
            "text": narrative(f"Signed by {desk.signing.by.name} at {at}"),
            "target": list(targets),
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
                for source, reference, version in dict.fromkeys([*_seen(desk), *consents])
            ],
        }
    )


def _seen(desk: Desk) -> Iterator[tuple[str, str, str | None]]:
    for medication in desk.report["medications"]:
        if medication["id"] not in desk.withheld:
            for line in medication["lines"]:
                yield line["source"], line["reference"], line["version"]
    for finding in desk.report["findings"]:
        if finding["id"] in desk.covered and finding["id"] not in desk.withheld:
            for fact in finding["evidence"]:
                yield fact["source"], fact["reference"], fact["version"]


def _agent(desk: Desk, role: Code, who: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": concept(role),
        "who": who,
        "onBehalfOf": organization(desk.signing.by),
    }
