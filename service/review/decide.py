"""Which decision is allowed when, and what must be decided before a signature.

Sources: the pharmacist's comparison of Twinlist and Inspired EHRs (nothing high stays undecided at
sign-off, everything reversible before it); FHIR workflow (a decision here never stops an order, it
proposes to its owner).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from service.errors import DecisionNotAllowed, ReviewStale
from service.model.review import (
    FINDING_DISPOSITIONS,
    MEDICATION_DISPOSITIONS,
    MITIGATIONS,
    Decision,
    Disposition,
    Review,
    ReviewState,
    User,
    UserRole,
)
from service.review.items import SAME, ReportJson, findings, is_live, is_shown, medications, names

DECIDING_ROLES = frozenset({UserRole.PHARMACIST, UserRole.PSYCHIATRIST, UserRole.PRIMARY_CARE})

REASON_NEEDED = frozenset(
    {Disposition.OVERRIDE, Disposition.CHANGE, Disposition.PROPOSE_STOP, Disposition.HOLD}
)
TARGET_NEEDED = frozenset({Disposition.CHANGE, Disposition.ADD})

PATIENT_ANSWERS = frozenset({"taking", "differently", "not", "not-sure"})

OVERRIDE_REASONS = {
    "benefit-outweighs-risk": "The benefit outweighs the risk for this patient",
    "monitored": "It is monitored already",
    "tolerated": "The patient has tolerated it so far",
    "intended": "The difference is intended",
    "not-current": "A medication named here is no longer taken",
    "record-wrong": "A record that this rests on is wrong",
    "not-relevant": "It does not apply to this patient",
    "other": "Another reason, in words",
}
"""Coded reasons for setting a finding aside (our own code system) with what they say."""

SECOND_PERSON = {"2626": "clozapine", "6448": "lithium"}
"""Ingredients (RxNorm IN) of which stopping or holding takes a second person's equal decision."""

_STOPPING = frozenset({Disposition.PROPOSE_STOP, Disposition.HOLD})
_HARM_LEVELS = range(1, 6)


def allowed(decision: Decision, review: Review, report: ReportJson) -> None:
    """Returns when this decision may be appended now.

    Raises:
        ReviewStale: the review was superseded by a newer report.
        DecisionNotAllowed: with a sentence that says what would be allowed.
    """
    if review.state is ReviewState.SUPERSEDED:
        raise ReviewStale("a newer report replaced the one under review; open it and decide there")
    if review.state is ReviewState.SIGNED:
        raise DecisionNotAllowed("this review is signed; open a new one to decide again")
    if decision.by.role not in DECIDING_ROLES:
        raise DecisionNotAllowed("deciding takes a pharmacist or a physician")
    medication = medications(report).get(decision.item)
    finding = findings(report).get(decision.item)
    if medication is not None:
        _for_medication(decision, medication)
    elif finding is not None:
        _for_finding(decision, finding)
    else:
        raise DecisionNotAllowed("the report under review has nothing under this id")
    _coded_values(decision)


def _for_medication(decision: Decision, medication: Mapping[str, Any]) -> None:
    wanted = decision.disposition
    if wanted not in MEDICATION_DISPOSITIONS:
        raise DecisionNotAllowed(
            "'{decision}' is a decision on a finding, not on a medication",
            decision=wanted.value,
        )
    if wanted in REASON_NEEDED and not decision.reason.strip():
        raise DecisionNotAllowed("'{decision}' needs a reason in words", decision=wanted.value)
    if wanted in TARGET_NEEDED and (decision.to is None or not decision.to.text.strip()):
        raise DecisionNotAllowed(
            "'{decision}' needs to say what should be taken", decision=wanted.value
        )
    if wanted not in TARGET_NEEDED and decision.to is not None:
        raise DecisionNotAllowed(
            "'{decision}' leads to no other dose; choose 'change'", decision=wanted.value
        )
    stopped = not is_live(medication)
    if stopped and wanted in {Disposition.CONTINUE, Disposition.CHANGE, Disposition.HOLD}:
        raise DecisionNotAllowed("no source holds it as current; 'add' proposes to start it again")
    if wanted is Disposition.ADD and medication["state"] == "current":
        raise DecisionNotAllowed("it is current already; 'continue' or 'change' it")


def _for_finding(decision: Decision, finding: Mapping[str, Any]) -> None:
    wanted = decision.disposition
    if wanted not in FINDING_DISPOSITIONS:
        raise DecisionNotAllowed(
            "'{decision}' is a decision on a medication, not on a finding",
            decision=wanted.value,
        )
    if decision.to is not None:
        raise DecisionNotAllowed("a finding has no dose; decide that on its medication")
    if wanted is Disposition.OVERRIDE:
        if not (decision.reason_code or decision.reason.strip()):
            raise DecisionNotAllowed("an override needs its reason")
        if decision.reason_code == "other" and not decision.reason.strip():
            raise DecisionNotAllowed("'other' needs the reason in words")
        if finding["type"] in {"identity-doubt", "source-incomplete"}:
            raise DecisionNotAllowed(
                "a doubt about the person or a missing source is resolved, not overridden"
            )
    if wanted is Disposition.DEFER and not (decision.due or decision.assigned_to):
        raise DecisionNotAllowed("deferring needs a day or somebody to whom it is assigned")


def _coded_values(decision: Decision) -> None:
    if decision.reason_code and decision.reason_code not in OVERRIDE_REASONS:
        raise DecisionNotAllowed(f"reason_code is one of {', '.join(OVERRIDE_REASONS)}")
    if decision.mitigation and decision.mitigation not in MITIGATIONS:
        raise DecisionNotAllowed("mitigation is a management code of ActCode, '1' to '13'")
    if decision.harm is not None and decision.harm not in _HARM_LEVELS:
        raise DecisionNotAllowed("harm is a level from 1 to 5")
    if decision.patient_answer is not None and decision.patient_answer not in PATIENT_ANSWERS:
        raise DecisionNotAllowed("patient_answer is taking, differently, not or not-sure")


def alike(report: ReportJson) -> tuple[str, ...]:
    """Ids of current medications that may be accepted together: sources agree, nothing else said.

    Only identical or equivalent ones without any other finding, shown or not evaluable.
    """
    spoken_of = {
        medication
        for finding in report["findings"]
        if finding["bucket"] != "suppressed" and finding["type"] not in SAME
        for medication in finding["medications"]
    }
    return tuple(
        medication["id"]
        for medication in report["medications"]
        if medication["state"] == "current"
        and medication["agreement"] in {"identical", "equivalent"}
        and medication["id"] not in spoken_of
    )


def undecided_high(review: Review, report: ReportJson) -> tuple[str, ...]:
    """Ids of shown high findings without a decision that counts."""
    decided = review.standing
    return tuple(
        finding["id"]
        for finding in report["findings"]
        if finding["severity"] == "high" and is_shown(finding) and finding["id"] not in decided
    )


def undecided_medications(review: Review, report: ReportJson) -> tuple[str, ...]:
    """Ids of medications that may be taken and have no decision yet."""
    decided = review.standing
    return tuple(
        medication["id"]
        for medication in report["medications"]
        if is_live(medication) and medication["id"] not in decided
    )


def awaiting_second(review: Review, report: ReportJson) -> tuple[str, ...]:
    """Ids of high-risk proposals that still need the equal decision of another person."""
    known = medications(report)
    return tuple(
        item
        for item, decision in sorted(review.standing.items())
        if item in known
        and decision.disposition in _STOPPING
        and names(known[item]) & SECOND_PERSON.keys()
        and not _seconded(decision, review.decisions)
    )


def _seconded(decision: Decision, made: Iterable[Decision]) -> bool:
    """Whether the unbroken run of equal decisions up to this one has two people in it."""
    people: set[str] = set()
    earlier = sorted(
        (one for one in made if one.item == decision.item), key=lambda one: one.number, reverse=True
    )
    for one in earlier:
        if one.disposition is not decision.disposition:
            break
        people.add(one.by.id)
    return len(people) > 1


def items_to_sign(review: Review, user: User, scope: str) -> tuple[str, ...]:
    """Ids of the decisions that a signature of this scope covers."""
    return tuple(
        sorted(
            item
            for item, decision in review.standing.items()
            if scope == "all" or decision.by.id == user.id
        )
    )


def may_sign(review: Review, report: ReportJson, user: User, scope: str) -> None:
    """Returns when this user may sign the review now.

    "all" is the whole list; "mine" covers only what the user decided and acknowledges nothing
    else.

    Raises:
        ReviewStale: the review was superseded by a newer report.
        Undecided: with the ids of what is still open.
        DecisionNotAllowed: signed already, wrong role, wrong scope, or nothing decided.
    """
    if scope not in {"all", "mine"}:
        raise DecisionNotAllowed("scope is 'all' or 'mine'")
    if review.state is ReviewState.SUPERSEDED:
        raise ReviewStale("a newer report replaced the one under review; open it and decide there")
    if review.state is ReviewState.SIGNED:
        raise DecisionNotAllowed("this review is signed already")
    if user.role not in DECIDING_ROLES:
        raise DecisionNotAllowed("signing takes a pharmacist or a physician")
    covered = items_to_sign(review, user, scope)
    if not covered:
        raise DecisionNotAllowed("nothing is decided yet that this signature would cover")
    if scope == "all":
        open_findings = undecided_high(review, report)
    else:
        open_findings = tuple(
            finding
            for finding in undecided_high(review, report)
            if set(findings(report)[finding]["medications"]) & set(covered)
        )
    if open_findings:
        raise Undecided("findings of high severity are undecided", open_findings)
    waiting = tuple(item for item in awaiting_second(review, report) if item in covered)
    if waiting:
        raise Undecided("a second person has to decide the same on these", waiting)


class Undecided(DecisionNotAllowed):
    """Something has to be decided before this can be signed.

    Args:
        reason: what is missing, in words.
        items: ids of the medications or findings concerned.
    """

    def __init__(self, reason: str, items: tuple[str, ...]) -> None:
        super().__init__(f"{reason}: {', '.join(items)}")
        self.phrase = reason
        self.items = items
