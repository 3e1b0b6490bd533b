"""What a check says about one patient: met, not met, or cannot tell with what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

import msgspec

from service.assess.exposure import Exposure
from service.model.evidence import Fact
from service.model.finding import Severity


class Verdict(StrEnum):
    """The three answers of a rule."""

    MET = "met"
    NOT_MET = "not-met"
    CANNOT_TELL = "cannot-tell"


_NOT_MET = Verdict.NOT_MET


class Answer(msgspec.Struct, frozen=True, gc=False):
    """One answer with what it rests on.

    `words` fill the placeholders of the rule's message. `because` says why not, or what is missing.
    `suppressed` is set where the rule is met but expected or already dealt with; `mitigated` where
    something seen lowers the severity by one step. `severity` and `urgent` replace the rule's.
    `due` is the day something falls due, also for an answer that is not met; `asks` says what.
    """

    verdict: Verdict
    because: str = ""
    words: Mapping[str, str] = msgspec.field(default_factory=dict)
    exposures: tuple[Exposure, ...] = ()
    evidence: tuple[Fact, ...] = ()
    sources: tuple[str, ...] = ()
    severity: Severity | None = None
    urgent: bool = False
    suppressed: str = ""
    mitigated: str = ""
    due: date | None = None
    appointment: str | None = None
    asks: str = ""


def not_met(
    because: str, *, due: date | None = None, on: Iterable[Exposure] = (), asks: str = ""
) -> Answer:
    """The rule does not apply, in words that answer "why not"."""
    return Answer(_NOT_MET, because, due=due, exposures=tuple(on), asks=asks)


def listed(names: Iterable[str]) -> str:
    """Names as a person says them: "a", "a and b", "a, b and c", each once, in order."""
    once = list(dict.fromkeys(names))
    return once[0] if len(once) == 1 else f"{', '.join(once[:-1])} and {once[-1]}" if once else ""


def day(value: date | None) -> str:
    """A date for a sentence; an unknown one says so."""
    return value.isoformat() if value else "an unknown day"
