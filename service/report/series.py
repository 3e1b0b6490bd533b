"""What happened over time beside the drugs: contacts, and results of what is watched.

The drugs themselves need no series of their own: their lines carry dates, doses and supplies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

from service.model.clinical import Allergy, Condition, LabResult, Visit
from service.model.concept import LOINC
from service.model.record import Measure
from service.report.decimals import plain

LOOK_BACK: Final = timedelta(days=3 * 365)
"""How far back the series go; the newest result of each measure is kept however old it is."""

OF_A_DRUG: Final = (
    "drug-induced",
    "drug induced",
    "neuroleptic-induced",
    "neuroleptic induced",
    "neuroleptic malignant",
    "adverse effect",
    "side effect",
)
"""Words by which a diagnosis says that a drug brought it about."""

ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ADVERSE: Final = re.compile(r"T(?:3[6-9]|4\d|50)\.?(?:\w\w5[ADS]?|\w5(?:X[ADS])?)")

FINAL: Final = frozenset({"final", "amended", "corrected"})


def visits(found: Iterable[Visit], as_of: date) -> list[dict[str, Any]]:
    """Appointments and encounters of the last three years and all that are booked, in order."""
    told = {
        (
            visit.start.isoformat(),
            visit.kind,
            visit.status,
            visit.origin.source,
            visit.origin.reference,
            visit.with_whom,
        )
        for visit in found
        if visit.start is not None and visit.start >= as_of - LOOK_BACK
    }
    return [
        {
            "date": day,
            "kind": kind,
            "status": status,
            "source": source,
            "reference": reference,
            "with": list(with_whom),
        }
        for day, kind, status, source, reference, with_whom in sorted(told)
    ]


def results(
    tracked: Sequence[Measure], found: Iterable[LabResult], as_of: date
) -> list[dict[str, Any]]:
    """Final results of what is watched, by title and day.

    Args:
        tracked: the measures, the most specific one first: it names the result, all that hold its
            code stand under `titles`.
    """
    by_code: dict[str, list[int]] = {}
    for place, measure in enumerate(tracked):
        for code in measure.codes:
            by_code.setdefault(code, []).append(place)
    told = []
    for result in found:
        places = {place for c in loinc(result) for place in by_code.get(c, ())}
        titles = [tracked[place].title for place in sorted(places)]
        if titles and result.effective is not None and result.status in FINAL:
            told.append((titles, result.effective, result))
    newest: dict[str, date] = {}
    for titles, day, _ in told:
        newest[titles[0]] = max(day, newest.get(titles[0], day))
    return sorted(
        (
            _result(titles, day, result)
            for titles, day, result in told
            if day >= as_of - LOOK_BACK or day == newest[titles[0]]
        ),
        key=lambda one: (one["titles"], one["date"], one["source"], one["reference"], one["path"]),
    )


def loinc(result: LabResult) -> Iterator[str]:
    """The LOINC codes of a result."""
    return (coding.code for coding in result.codings if coding.system == LOINC)


def effects(
    allergies: Iterable[Allergy], conditions: Iterable[Condition], as_of: date
) -> list[dict[str, Any]]:
    """Side effects as sources record and date them: reactions to a drug, and diagnoses of one.

    A diagnosis counts by the words of its source or by its ICD-10-CM category: T36 to T50 with a 5
    as the fifth or sixth character are adverse effects (ICD-10-CM Official Guidelines, I.C.19.e.5).
    """
    told = {
        (allergy.recorded, f"{allergy.text}: {', '.join(sorted(set(allergy.reactions)))}", allergy)
        for allergy in allergies
        if allergy.recorded and allergy.reactions and not allergy.refuted
    } | {
        (day, condition.text, condition)
        for condition in conditions
        if (day := condition.onset or condition.recorded)
        and not condition.refuted
        and _of_a_drug(condition)
    }
    return [
        {"date": day.isoformat(), "what": what, "source": source, "reference": reference}
        for day, what, source, reference in sorted(
            (day, what, one.origin.source, one.origin.reference)
            for day, what, one in told
            if as_of - LOOK_BACK <= day <= as_of
        )
    ]


def _of_a_drug(condition: Condition) -> bool:
    said = " ".join((condition.text, *(c.display for c in condition.codings))).casefold()
    return any(words in said for words in OF_A_DRUG) or any(
        c.system == ICD_10_CM and ADVERSE.fullmatch(c.code) for c in condition.codings
    )


def _result(titles: list[str], day: date, result: LabResult) -> dict[str, Any]:
    low, high = (None if end is None else plain(end) for end in result.usual)
    usual = {} if low is None and high is None else {"range": {"low": low, "high": high}}
    return {
        "titles": titles,
        "date": day.isoformat(),
        "value": None if result.value is None else plain(result.value.value),
        "comparator": result.comparator,
        "unit": result.value.unit if result.value else "",
        "text": result.text,
        "interpretation": list(result.interpretation),
        "source": result.origin.source,
        "reference": result.origin.reference,
        "path": result.path,
        **usual,
    }
