"""What would be written, before anybody signed: a Bundle that claims nothing and goes nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from service.model.review import Review, User, UserRole
from service.write import issue, medication_list, statement
from service.write.codes import DRAFT
from service.write.desk import Desk
from service.write.elements import meta
from service.write.identity import full_url
from service.write.known import Known
from service.write.refusals import incomplete_sources
from service.write.target import Signing, WriteTarget
from service.write.wanted import AGREEING, LISTED
from service.write.withhold import NOTHING_WITHHELD, Withholding, without

_KEY = b"draft"
"""Drafts leave no system, so that their identifiers need no secret."""


def draft_bundle(
    report: Mapping[str, Any], withholding: Withholding = NOTHING_WITHHELD
) -> dict[str, Any]:
    """The draft list, its statements and preliminary issues, as a Bundle of type collection.

    Args:
        report: the JSON report. Everything is tagged draft, and incomplete where a source is; the
            moment is the report's own day, so that the same report gives the same Bundle.
        withholding: what of it is not told to the one whom the Bundle is for; the list says so.
            The Bundle itself carries every label of what is in it.
    """
    service = User("concord", "Concord", UserRole.IT)
    at = datetime.fromisoformat(report["as_of"]).replace(tzinfo=UTC)
    desk = Desk(
        key=_KEY,
        version=report["provenance"]["service"],
        patient="",
        subject="",
        review=Review("draft", "", "", "", service, at),
        report=report,
        signing=Signing("draft", service, at, "all"),
        target=WriteTarget(name=""),
        bases={},
        covered={},
        known=Known(labels=withholding.labels),
        withholding=withholding,
    )
    report = without(report, withholding)
    listed = [medication for medication in report["medications"] if medication["state"] in LISTED]
    spoken = [
        finding
        for finding in report["findings"]
        if finding["bucket"] == "shown" and finding["type"] not in AGREEING
    ]
    for medication in listed:
        desk.plan_place(desk.standing_key(statement.TYPE, medication["id"]))
    incomplete = bool(incomplete_sources(report))
    built = [
        (
            desk.standing_key(medication_list.TYPE, "draft"),
            medication_list.draft(desk, listed, incomplete=incomplete),
        ),
        *(
            (
                desk.standing_key(statement.TYPE, medication["id"]),
                statement.build(desk, medication, None),
            )
            for medication in listed
        ),
        *((desk.issue_key(finding["id"]), issue.build(desk, finding, None)) for finding in spoken),
    ]
    carried = {one["code"] for _, resource in built for one in resource["meta"].get("security", ())}
    return {
        "resourceType": "Bundle",
        "meta": meta([DRAFT], carried),
        "type": "collection",
        "timestamp": at.isoformat(),
        "entry": [{"fullUrl": full_url(key), "resource": resource} for key, resource in built],
    }
