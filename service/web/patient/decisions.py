"""A decision as a form sends it and as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from service.model.review import MITIGATIONS, Decision, Disposition, Review
from service.pipeline.review import etag
from service.review.asked import Asked, asked
from service.review.decide import OVERRIDE_REASONS
from service.web.language import say

MEDICATION_CHOICES: Final = (
    ("continue", "Continue"),
    ("change", "Change"),
    ("propose-stop", "Propose to stop"),
    ("hold", "Hold"),
    ("add", "Add"),
    ("not-sure", "Not sure"),
)
PATIENT_ANSWERS: Final = {
    "taking": "takes it",
    "differently": "takes it differently",
    "not": "does not take it",
    "not-sure": "is not sure",
}
INTENTIONS: Final = {True: "intended", False: "not intended"}


class DecisionForm(BaseModel):
    """The fields of a decision form; an empty text is a field that was left alone."""

    report: str
    decision: str
    reason: str = ""
    reason_code: str = ""
    to: str = ""
    due: str = ""
    assigned_to: str = ""
    patient_answer: str = ""
    intentional: str = ""
    harm: str = ""
    mitigation: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """The newest word on one item, as a page shows it; `etag` guards the next one.

    `notes` say the rest in words: what the patient answered, to whom it was given, until when.
    `at` is the instant of the newest word and `by_id` whose it is, also of one that took it back.
    """

    disposition: str = ""
    by: str = ""
    reason: str = ""
    to: str = ""
    notes: tuple[str, ...] = ()
    etag: str = '"0"'
    at: str = ""
    by_id: str = ""


def wanted(form: DecisionForm) -> Asked:
    """What a form asks for; fields that belong to another button are left out.

    Raises: DecisionNotAllowed naming the field that cannot be understood.
    """
    return asked(
        {
            "decision": form.decision,
            "reason": form.reason,
            "reason_code": form.reason_code if form.decision == "override" else None,
            "to": {"text": form.to} if form.to and form.decision in {"change", "add"} else None,
            "due": form.due or None,
            "assigned_to": form.assigned_to or None,
            "patient_answer": form.patient_answer or None,
            "intentional": {"yes": True, "no": False}.get(form.intentional),
            "harm": int(form.harm) if form.harm.isdecimal() else None,
            "mitigation": form.mitigation or None,
        }
    )


def not_kept(form: DecisionForm) -> str:
    """What a person chose and wrote when somebody else was faster: no word of it is lost."""
    chosen = say(form.decision.replace("-", " "))
    words = "; ".join(text for text in (form.to.strip(), form.reason.strip()) if text)
    if words:
        return say("You chose {choice} ({words}); it was not kept.", choice=chosen, words=words)
    return say("You chose {choice}; it was not kept.", choice=chosen)


def decided(review: Review | None) -> Mapping[str, Decided]:
    """The word that counts on each item; one that was taken back leaves only its ETag."""
    if review is None:
        return {}
    newest: dict[str, Decision] = {}
    for decision in sorted(review.decisions, key=lambda one: one.number):
        newest[decision.item] = decision
    return {item: _said(decision) for item, decision in newest.items()}


def _said(decision: Decision) -> Decided:
    back = decision.disposition is Disposition.UNDECIDED
    reason = say(OVERRIDE_REASONS.get(decision.reason_code, ""))
    return Decided(
        disposition="" if back else decision.disposition.value.replace("-", " "),
        by=decision.by.name,
        reason="; ".join(words for words in (reason, decision.reason) if words),
        to=decision.to.text if decision.to else "",
        notes=_notes(decision),
        etag=etag(decision.number),
        at=decision.at.isoformat(),
        by_id=decision.by.id,
    )


def _notes(decision: Decision) -> tuple[str, ...]:
    notes = []
    if decision.patient_answer:
        notes.append(say("the patient {does}", does=say(PATIENT_ANSWERS[decision.patient_answer])))
    if decision.assigned_to or decision.due:
        until = say("until {day}", day=decision.due.isoformat()) if decision.due else ""
        whom = say("for {name}", name=decision.assigned_to) if decision.assigned_to else ""
        notes.append(" ".join(word for word in (whom, until) if word))
    if decision.intentional is not None:
        notes.append(say(INTENTIONS[decision.intentional]))
    if decision.harm is not None:
        notes.append(say("harm level {level} of 5", level=decision.harm))
    if decision.mitigation:
        notes.append(say(MITIGATIONS[decision.mitigation]).lower())
    return tuple(notes)
