"""Which decision is allowed when, and what keeps a review from being signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.errors import DecisionNotAllowed, ReviewStale
from service.model.review import Disposition, ReviewState, Target
from service.review import decide
from service.review.asked import asked
from tests.write.synthetic import (
    DOCTOR,
    PHARMACIST,
    PSYCHIATRIST,
    SCHEDULER,
    all_decided,
    decision,
    finding,
    line,
    medication,
    report,
    reviewed,
)


@pytest.mark.parametrize("disposition", sorted(decide.REASON_NEEDED - {Disposition.OVERRIDE}))
def test_what_goes_against_the_list_needs_a_reason_in_words(disposition: Disposition) -> None:
    to = Target("50 mg") if disposition in decide.TARGET_NEEDED else None
    bare = decision("m-ser", disposition, to=to, reason="  ")
    with pytest.raises(DecisionNotAllowed, match="reason"):
        decide.allowed(bare, reviewed(), report())
    decide.allowed(replace(bare, reason="too much"), reviewed(), report())


def test_an_override_needs_a_code_or_words_and_other_needs_words() -> None:
    bare = decision("f-dose", Disposition.OVERRIDE)
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(bare, reviewed(), report())
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(replace(bare, reason_code="other"), reviewed(), report())
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(replace(bare, reason_code="because"), reviewed(), report())
    decide.allowed(replace(bare, reason_code="monitored"), reviewed(), report())


@pytest.mark.parametrize("kind", ["identity-doubt", "source-incomplete"])
def test_a_doubt_about_person_or_source_is_never_overridden(kind: str) -> None:
    content = report(findings=[finding("f-1", [], type=kind)])
    with pytest.raises(DecisionNotAllowed, match="resolved"):
        decide.allowed(decision("f-1", Disposition.OVERRIDE, reason="fine"), reviewed(), content)


def test_a_medication_and_a_finding_each_have_their_own_words() -> None:
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(decision("m-ser", Disposition.ACCEPT), reviewed(), report())
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(decision("f-dose", Disposition.CONTINUE), reviewed(), report())
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(decision("nothing", Disposition.CONTINUE), reviewed(), report())


def test_a_stopped_medication_is_not_continued_by_a_click() -> None:
    stopped = medication("m-1", "1", "x", [line("psychiatry", 9)], state="stopped")
    content = report(medications=[stopped], findings=[])
    with pytest.raises(DecisionNotAllowed, match="add"):
        decide.allowed(decision("m-1", Disposition.CONTINUE), reviewed(), content)
    again = decision("m-1", Disposition.ADD, to=Target("x 10 mg a day"))
    decide.allowed(again, reviewed(), content)


def test_taking_back_is_always_allowed_before_signing_and_never_after() -> None:
    back = decision("m-ser", Disposition.UNDECIDED, 2)
    decide.allowed(back, reviewed(), report())
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(back, reviewed(state=ReviewState.SIGNED), report())
    with pytest.raises(ReviewStale):
        decide.allowed(back, reviewed(state=ReviewState.SUPERSEDED), report())


def test_only_clinicians_decide_and_sign() -> None:
    with pytest.raises(DecisionNotAllowed):
        decide.allowed(decision("m-ser", Disposition.CONTINUE, by=SCHEDULER), reviewed(), report())
    with pytest.raises(DecisionNotAllowed):
        decide.may_sign(reviewed(*all_decided()), report(), SCHEDULER, "all")


def test_a_high_finding_that_is_undecided_keeps_the_list_from_being_signed() -> None:
    made = [one for one in all_decided() if one.item != "f-dose"]
    with pytest.raises(decide.Undecided) as refused:
        decide.may_sign(reviewed(*made), report(), PHARMACIST, "all")
    assert refused.value.items == ("f-dose",)
    decide.may_sign(reviewed(*all_decided()), report(), PHARMACIST, "all")


def test_a_high_finding_taken_back_blocks_again_and_a_suppressed_one_never_does() -> None:
    back = decision("f-dose", Disposition.UNDECIDED, 2)
    assert decide.undecided_high(reviewed(*all_decided(), back), report()) == ("f-dose",)
    quiet = report(findings=[finding("f-dose", ["m-ser"], bucket="suppressed")])
    assert decide.undecided_high(reviewed(), quiet) == ()


def test_mine_asks_only_about_findings_on_what_i_decided() -> None:
    mine = decision("m-li", Disposition.CONTINUE, by=PSYCHIATRIST)
    decide.may_sign(reviewed(mine), report(), PSYCHIATRIST, "mine")
    both = decision("m-ser", Disposition.CONTINUE, by=PSYCHIATRIST)
    with pytest.raises(decide.Undecided):
        decide.may_sign(reviewed(mine, both), report(), PSYCHIATRIST, "mine")
    with pytest.raises(DecisionNotAllowed, match="nothing"):
        decide.may_sign(reviewed(mine), report(), DOCTOR, "mine")


def test_stopping_lithium_takes_two_people_who_decide_the_same() -> None:
    others = [one for one in all_decided() if one.item != "m-li"]
    stop = decision("m-li", Disposition.PROPOSE_STOP, 1, reason="toxic")
    with pytest.raises(decide.Undecided):
        decide.may_sign(reviewed(*others, stop), report(), PHARMACIST, "all")
    twice = decision("m-li", Disposition.PROPOSE_STOP, 2, reason="toxic")
    assert decide.awaiting_second(reviewed(stop, twice), report()) == ("m-li",)
    second = decision("m-li", Disposition.PROPOSE_STOP, 2, by=PSYCHIATRIST, reason="agreed")
    decide.may_sign(reviewed(*others, stop, second), report(), PHARMACIST, "all")
    broken = (
        stop,
        decision("m-li", Disposition.CONTINUE, 2, by=PSYCHIATRIST),
        decision("m-li", Disposition.PROPOSE_STOP, 3, reason="toxic"),
    )
    assert decide.awaiting_second(reviewed(*broken), report()) == ("m-li",)


def test_only_agreeing_medications_without_any_finding_are_accepted_together() -> None:
    pair = [line("psychiatry", 1), line("pharmacy", 2)]
    content = report(
        medications=[
            medication("m-same", "1", "a", pair),
            medication("m-other", "2", "b", pair, agreement="different"),
            medication("m-spoken", "3", "c", pair),
            medication("m-unclear", "4", "d", pair),
            medication("m-stopped", "5", "e", pair, state="stopped"),
        ],
        findings=[
            finding("f-1", ["m-spoken"], "low"),
            finding("f-2", ["m-same"], "none", type="confirmed-match"),
            finding("f-3", ["m-unclear"], "moderate", bucket="not-evaluable"),
        ],
    )
    assert decide.alike(content) == ("m-same",)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "delete"},
        {"decision": "continue", "colour": "red"},
        {"decision": "accept", "harm": True},
        {"decision": "accept", "harm": "2"},
        {"decision": "accept", "intentional": "yes"},
        {"decision": "defer", "due": "tomorrow"},
        {"decision": "change", "to": "50 mg"},
        {"decision": "change", "to": {"text": 50}},
        {"decision": "change", "to": {"text": "x", "daily_doses": "50"}},
        {"decision": "accept", "reason": "x" * 5001},
    ],
)
def test_a_body_that_cannot_be_understood_is_refused_without_repeating_it(
    body: dict[str, Any],
) -> None:
    with pytest.raises(DecisionNotAllowed) as refused:
        asked(body)
    assert "xxx" not in refused.value.message
