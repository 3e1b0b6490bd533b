"""What a reviewer sees beside the list: who it is, allergies, latest measures, what is next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from service.model.clinical import Allergy, Facts, LabResult
from service.model.record import Measure, Report
from service.report.decimals import shown
from service.report.series import FINAL, effects, loinc, results, visits

OPEN_APPOINTMENTS = frozenset({"booked", "pending", "arrived", "checked-in", "waitlist"})


def identity(report: Report) -> dict[str, Any]:
    """Name, birth date, sex and whether deceased; null where unknown or contradicted."""
    named = [p for p in report.patients if p.display]
    first = min(named, key=lambda p: (p.origin.source, p.origin.reference), default=None)
    born = report.facts.birth_date
    return {
        "name": first.display if first else None,
        "birth_date": born.isoformat() if born else None,
        "sex": report.facts.sex or None,
        "deceased": report.facts.deceased,
    }


def context(
    facts: Facts, measures: Iterable[Measure], tracked: Sequence[Measure], as_of: date
) -> dict[str, Any]:
    """Active allergies with reactions and source, and the latest final result of each measure.

    `visits` and `results` are the series behind the time line; `effects`, recorded side effects,
    stands there where there are any.
    """
    found = effects(facts.allergies, facts.conditions, as_of)
    by_code: dict[str, list[int]] = {}
    for place, result in enumerate(facts.results):
        told = result.value is not None or result.text
        if told and result.effective is not None and result.status in FINAL:
            for code in loinc(result):
                by_code.setdefault(code, []).append(place)
    return {
        "allergies": sorted({_allergy(a) for a in facts.allergies if a.active and not a.refuted}),
        "measures": [_latest(measure, facts.results, by_code) for measure in measures],
        "visits": visits(facts.visits, as_of),
        "results": results(tracked, facts.results, as_of),
        **({"effects": found} if found else {}),
    }


def next_appointment(facts: Facts, as_of: date) -> dict[str, Any] | None:
    """The next booked contact on or after the day, for the worklist's order."""
    booked = [
        (visit.start, visit.origin.source, visit.origin.reference, visit.with_whom)
        for visit in facts.visits
        if visit.kind == "appointment"
        and visit.status in OPEN_APPOINTMENTS
        and visit.start is not None
        and visit.start >= as_of
    ]
    if not booked:
        return None
    day, source, reference, with_whom = min(booked)
    return {
        "appointment": f"{source}:{reference}",
        "date": day.isoformat(),
        "with": list(with_whom),
    }


def _allergy(allergy: Allergy) -> str:
    reactions = f" ({', '.join(sorted(set(allergy.reactions)))})" if allergy.reactions else ""
    grave = ", high risk" if allergy.criticality == "high" else ""
    return f"{allergy.text}{reactions}{grave} [{allergy.origin.source}]"


def _latest(
    measure: Measure, results: Sequence[LabResult], by_code: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """The newest result of a measure; `by_code` are the places of final results by LOINC code."""
    found = {place for code in measure.codes & by_code.keys() for place in by_code[code]}
    if not found:
        return {"title": measure.title, "value": "none found", "detail": ""}
    known = (results[place] for place in sorted(found))
    last = max(known, key=lambda r: (r.effective or date.min, r.origin.source, r.origin.reference))
    value = (
        f"{last.comparator}{shown(last.value.value)} {last.value.unit}".strip()
        if last.value
        else last.text
    )
    day = last.effective.isoformat() if last.effective else ""
    return {"title": measure.title, "value": value, "detail": f"{day}, {last.origin.source}"}
