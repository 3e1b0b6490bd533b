"""Care plans of others that a person chose to let refer to ours: one exact text for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from service.fhir.release import check
from service.model.around import ForeignPlan
from service.model.review import PlannedWrite
from service.write import care_plan, issue, task, visit
from service.write.coordinate import Coordinated, Ours, Unreadable, coordinated, key_of, keys_in
from service.write.desk import Desk
from service.write.identity import identifier, identifier_value
from service.write.known import Put
from service.write.refusals import blocked, held_back

TAKEN_OUT = "somebody took our reference out of this plan; it is not put back"
_NOTHING = "it says nothing new: the plan refers to all of it already"
_AS = {
    task.TYPE: "activity",
    visit.TYPE: "activity",
    issue.TYPE: "supportingInfo",
    care_plan.TYPE: "supportingInfo",
}
"""Where in a plan a resource of ours is referred to."""


def chosen(desk: Desk) -> list[ForeignPlan]:
    """The plans of this target that the person who signs chose."""
    return [
        one
        for one in desk.known.plans
        if one.source == desk.target.name and one.name in desk.signing.refer_in
    ]


def unusable(desk: Desk, found: ForeignPlan) -> str:
    """Why nothing of ours is added to this plan; "" where it can be."""
    why = blocked(desk) or desk.target.keeps_out(care_plan.TYPE) or held_back(desk, care_plan.TYPE)
    if why or found.unusable:
        return why or found.unusable
    try:
        problems = check(json.loads(found.text))
    except (ValueError, RecursionError):
        return "its text cannot be read"
    return f"it is not sound as it stands ({problems[0]})" if problems else ""


def key_for(desk: Desk, found: ForeignPlan) -> str:
    """The key of what we write into one plan of somebody else's."""
    return desk.standing_key(care_plan.TYPE, found.reference)


def referring(
    desk: Desk, found: ForeignPlan, going: Sequence[PlannedWrite]
) -> tuple[Coordinated | None, str]:
    """The plan's new text with references to what goes there, or the reason why there is none."""
    why = unusable(desk, found)
    if why:
        return None, why
    put = desk.known.put.get((desk.target.name, found.reference), Put())
    try:
        made = coordinated(
            found.text, _ours(desk, going), ever=put.ever, missed=put.last | put.missed
        )
    except Unreadable as reason:
        return None, f"its text cannot be edited without doubt: {reason}"
    if made.text == found.text and not made.taken_out:
        return None, _NOTHING
    return made, ""


def put_before(texts: Sequence[str], missed: frozenset[str]) -> Put:
    """What stands of ours by the texts that were delivered into one plan, oldest first."""
    keys = [keys_in(text) for text in texts]
    return Put(frozenset().union(*keys), keys[-1] if keys else frozenset(), missed)


def missed_key(key: bytes, patient: str, target: str, reference: str, gone: str) -> str:
    """Under which it is kept that somebody took this reference of ours out of that plan."""
    return identifier_value(key, "missed", patient, target, reference, gone)


def own_elements(resource: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every element of such a plan that carries our identifier, with its path."""
    return [
        (f"{element}[{number}]", value)
        for element in ("activity", "supportingInfo")
        for number, value in enumerate(resource.get(element, ()))
        if key_of(element, value)
    ]


def _ours(desk: Desk, going: Sequence[PlannedWrite]) -> list[Ours]:
    titles = {one["id"]: one["display"] for one in desk.report["medications"]}
    titles |= {one["id"]: one["title"] for one in desk.report["findings"]}
    return [
        Ours(
            _AS[one.type],
            one.key,
            desk.ours(one.type, one.key)
            | {"identifier": identifier(one.key), "display": titles.get(one.item, _PLAN)},
        )
        for one in going
        if one.type in _AS and (one.item or one.type == care_plan.TYPE)
    ]


_PLAN = "Medication action plan"
