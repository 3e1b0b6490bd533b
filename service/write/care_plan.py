"""CarePlan: the pharmacist's action plan, ours alone; nobody else's plan is touched.

What was sent about an activity is its outcome: R4 lets no activity be a Communication.
Sources: Standardized Medication Profile (category SNOMED 736378000, supportingInfo of
DetectedIssues), Multiple Chronic Conditions care plan (activity by reference, never detail), US
Core (category assess-plan, text).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.model.around import PatientWord
from service.write.codes import ASSESS_PLAN, MANAGEMENT_PLAN, SIGNED, WITHHELD, concept
from service.write.desk import Desk
from service.write.elements import compact, instant, meta, narrative, note, person, printable
from service.write.fallback import COMMUNICATION, message_key
from service.write.identity import identifier

TYPE = "CarePlan"
SPOKEN = {"question": "The patient asks", "preference": "The patient wishes"}
REFERRED = ("ServiceRequest", "Appointment")
"""What an activity may refer to, of what we find (FHIR R4 CarePlan.activity.reference)."""


def build(
    desk: Desk,
    issues: Sequence[tuple[str, str]],
    asked: Sequence[tuple[str, str, str]],
    labels: frozenset[str],
) -> dict[str, Any]:
    """The plan over these issues, each as (key, title), and what is asked of somebody, each as
    (type, key, title), or the patient's words alone.

    The report's plan adds, in words, what is due when and what is taught; as references, the
    target's own therapies, booked visits and goals. Nothing of another server is told here. The
    patient's own words are notes, each by who noted it.
    """
    at = instant(desk.signing.at)
    asked = [one for one in asked if one[0] == "Task" or desk.will_stand(one[1])]
    told = [*(title for _, title in issues), *(title for _, _, title in asked)]
    beside = [desk.withholding.said, desk.notice(desk.covered)]
    said = words(desk)
    tags = [SIGNED, WITHHELD] if desk.withheld else [SIGNED]
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta(tags, labels),
            "text": narrative(
                "Medication action plan",
                [*told, *_due(desk), *_taught(desk), *map(_spoken, said), *beside],
            ),
            "identifier": [identifier(desk.standing_key(TYPE))],
            "status": "active",
            "intent": "plan",
            "category": [concept(MANAGEMENT_PLAN), concept(ASSESS_PLAN)],
            "title": "Medication action plan",
            "subject": desk.patient_reference(),
            "created": at,
            "author": person(desk.signing.by),
            "supportingInfo": [
                desk.ours("DetectedIssue", key, printable(title)) for key, title in issues
            ],
            "goal": [desk.theirs(*goal) for goal in _goals(desk)],
            "activity": [
                *(_asked(desk, *one) for one in asked),
                *({"reference": desk.theirs(*activity)} for activity in _activities(desk)),
            ],
            "note": [note(_spoken(word), word.by, instant(word.at)) for word in said],
        }
    )


def _asked(desk: Desk, kind: str, key: str, title: str) -> dict[str, Any]:
    """An activity: the Task or proposed visit, and the message that was sent about it."""
    message = message_key(desk, key)
    sent = [desk.ours(COMMUNICATION, message)] if desk.will_stand(message) else []
    return compact({"reference": desk.ours(kind, key, printable(title)), "outcomeReference": sent})


def words(desk: Desk) -> tuple[PatientWord, ...]:
    """What the patient asks and wishes; nothing where something is withheld from this target, as
    free words may name the very thing."""
    return () if desk.withheld else desk.known.words


def _spoken(word: PatientWord) -> str:
    return f"{SPOKEN[word.kind]}: {word.text}"


def _items(desk: Desk, kind: str) -> list[Mapping[str, Any]]:
    """One list of the report's plan, without what must not reach this target."""
    found: list[Mapping[str, Any]] = desk.report.get("plan", {}).get(kind, [])
    return [item for item in found if desk.withheld.isdisjoint(item.get("medications", ()))]


def _due(desk: Desk) -> list[str]:
    return [
        f"{entry['what']}: due {entry['due']}" + (f" ({entry['owner']})" if entry["owner"] else "")
        for entry in _items(desk, "calendar")
        if entry["medications"]
    ]


def _taught(desk: Desk) -> list[str]:
    return [f"{taught['text']} ({taught['source']})" for taught in _items(desk, "education")]


def _goals(desk: Desk) -> list[tuple[str, str]]:
    return _of_target(desk, "goals", ("Goal",))


def _activities(desk: Desk) -> list[tuple[str, str]]:
    """Therapies, and the booked visits at which a test of the calendar can be done."""
    booked = [
        tuple(entry["appointment"].split(":", 1))
        for entry in _items(desk, "calendar")
        if entry["appointment"]
    ]
    own = [(source, reference) for source, reference in booked if source == desk.target.name]
    return list(dict.fromkeys([*_of_target(desk, "activities", REFERRED), *own]))


def _of_target(desk: Desk, kind: str, types: tuple[str, ...]) -> list[tuple[str, str]]:
    """Resources of these types that the target itself holds, each once."""
    return list(
        dict.fromkeys(
            (item["source"], item["reference"])
            for item in _items(desk, kind)
            if item["source"] == desk.target.name and item["reference"].partition("/")[0] in types
        )
    )
