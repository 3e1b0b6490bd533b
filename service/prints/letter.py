"""The letter to one prescriber: only what that person must decide, and what we propose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.model.review import Decision, Disposition
from service.prints.comparison import decided
from service.prints.material import Material, Stamp, dose, is_depot, stamp
from service.prints.timing import timing_in
from service.prints.words import ENGLISH, Words

_PROPOSALS = frozenset(
    {Disposition.CHANGE, Disposition.PROPOSE_STOP, Disposition.HOLD, Disposition.ADD}
)
_SETTLED = frozenset({Disposition.OVERRIDE})


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to decide. `drugs` say what is taken where, as far as it matters here."""

    title: str
    text: str
    advice: str
    drugs: tuple[str, ...]
    said: str
    due: str
    source: str


@dataclass(frozen=True, slots=True)
class Letter:
    """To one source's prescriber; `addressee` is its name among the sources."""

    stamp: Stamp
    addressee: str
    questions: tuple[Question, ...]
    proposals: tuple[Question, ...]


def letter(material: Material, addressee: str, words: Words = ENGLISH) -> Letter:
    """What concerns this source's prescriber: nothing of findings that concern others only.

    A finding is asked of a source when it is high or moderate, not overridden, and either names the
    source or rests on an order of the source. A decision that proposes a change is put to the
    source that ordered the drug, or holds no line of it where it is to be added.
    """
    medications = {one["id"]: one for one in material.medications}
    ordered = {
        id_
        for id_, one in medications.items()
        if any(line["source"] == addressee and line["kind"] == "request" for line in one["lines"])
    }
    questions = []
    for finding in material.findings:
        decision = material.decisions.get(finding["id"])
        theirs = addressee in finding["sources"] or ordered & set(finding["medications"])
        settled = decision is not None and decision.disposition in _SETTLED
        if finding["severity"] == "low" or not theirs or settled:
            continue
        drugs = tuple(
            _where(medications[id_], words) for id_ in finding["medications"] if id_ in medications
        )
        questions.append(_asked(finding, drugs, decision, words))
    proposals = tuple(
        _proposed(medications[item], decision, words)
        for item, decision in sorted(material.decisions.items())
        if item in medications
        and decision.disposition in _PROPOSALS
        and (item in ordered or decision.disposition is Disposition.ADD)
    )
    return Letter(stamp(material, words), addressee, tuple(questions), proposals)


def _asked(
    finding: Mapping[str, Any], drugs: tuple[str, ...], decision: Decision | None, words: Words
) -> Question:
    due = decision.due.isoformat() if decision and decision.due else finding["due"]
    return Question(
        title=finding["title"],
        text=finding["message"],
        advice=finding["advice"],
        drugs=drugs,
        said=decided(decision, words),
        due=due or "",
        source=finding["rule"]["source"],
    )


def _proposed(medication: Mapping[str, Any], decision: Decision, words: Words) -> Question:
    return Question(
        title=medication["display"],
        text=decided(decision, words),
        advice="",
        drugs=(_where(medication, words),),
        said="",
        due=decision.due.isoformat() if decision.due else "",
        source="",
    )


def _where(medication: Mapping[str, Any], words: Words) -> str:
    """ "lithium 300 mg oral capsule: psychiatry 900 mg a day (2026-01-10)"."""
    newest: dict[tuple[str, str], str] = {}
    for line in medication["lines"]:
        amount = (
            dose(line, words, depot=is_depot(medication))
            or timing_in(line["timing"] or "", words)[0]
        )
        amount = amount or words.say("dose not read")
        place = (line["source"], amount)
        day = line["authored"] or line["last_supplied"] or ""
        newest[place] = max(newest.get(place, ""), day)
    undated = words.say("no date")
    places = [f"{name} {amount} ({day or undated})" for (name, amount), day in newest.items()]
    return f"{medication['display']}: {'; '.join(places)}"
