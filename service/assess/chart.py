"""The patient's facts, indexed once for all rules: exposures, results, visits, what is complete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from service.assess.exposure import Exposure, Taking, exposures
from service.assess.facts import answer_fact, result_fact
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.clinical import Condition, LabResult, Visit
from service.model.concept import LOINC
from service.model.evidence import Fact
from service.model.record import PatientView
from service.model.source import Role, SourceRead, State

USABLE = frozenset({"final", "amended", "corrected", "appended"})
KEPT_VISITS = frozenset(
    {"booked", "pending", "arrived", "checked-in", "fulfilled", "waitlist"}
    | {"planned", "triaged", "in-progress", "onleave", "finished"}
)
MISSED_VISITS = frozenset({"noshow", "cancelled"})
DONE_AS = frozenset({"QuestionnaireResponse", "Procedure"})
_TAKEN = (Taking.NOW,)
CLINICAL_ROLES = frozenset({Role.PSYCHIATRY, Role.PRIMARY_CARE, Role.OTHER})


@dataclass(frozen=True, slots=True)
class Measured:
    """One usable result; `value` is canonical, None with `missing` saying what is in the way."""

    result: LabResult
    day: date
    value: Decimal | None
    missing: str = ""


class Chart:
    """A PatientView made ready: one pass over the data, then every look-up is by key."""

    def __init__(self, view: PatientView, washout: Mapping[str, int]) -> None:
        self.view = view
        self.as_of = view.as_of
        self.facts = view.facts
        self.exposures = exposures(view.medications, view.as_of, washout)
        self.rxcuis = frozenset(exposure.ingredient.rxcui for exposure in self.exposures)
        self._dated: list[LabResult] = []
        self._places: dict[str, list[int]] = defaultdict(list)
        self._undated: dict[str, list[LabResult]] = defaultdict(list)
        self._index(view.facts.results)
        self._last: dict[str, Measured | None] = {}

    def _index(self, results: Iterable[LabResult]) -> None:
        """Usable results in the order of time, with their places by LOINC code."""
        usable = [result for result in results if result.status in USABLE]
        usable.sort(key=_moment)
        for result in usable:
            codes = [coding.code for coding in result.codings if coding.system == LOINC]
            if result.effective is None or result.effective > self.as_of:
                for code in codes:
                    self._undated[code].append(result)
            elif not result.absent:
                for code in codes:
                    self._places[code].append(len(self._dated))
                self._dated.append(result)

    # medications

    def of(self, drugs: DrugClass, *states: Taking, local: bool = False) -> list[Exposure]:
        """Exposures of a class in these states (default: taken now), local products apart."""
        wanted = states or _TAKEN
        if self.rxcuis.isdisjoint(drugs.rxcuis):
            return []
        return [
            exposure
            for exposure in self.exposures
            if exposure.ingredient.rxcui in drugs.rxcuis
            and exposure.local is local
            and exposure.taking in wanted
        ]

    # results

    def measured(self, lab: Laboratory) -> tuple[Measured, ...]:
        """Final, amended or corrected results up to the day asked, oldest first."""
        return tuple(_measured(lab, self._dated[place]) for place in self._found(lab))

    def undated(self, lab: Laboratory) -> tuple[LabResult, ...]:
        """Results that no rule may use: without a date of measurement, or dated in the future."""
        found = {
            id(result): result
            for code in sorted(lab.codes & self._undated.keys())
            for result in self._undated[code]
        }
        return tuple(found.values())

    def last(self, lab: Laboratory) -> Measured | None:
        if lab.id not in self._last:
            newest = [self._places[code][-1] for code in lab.codes if code in self._places]
            place = max(newest, default=None)
            self._last[lab.id] = None if place is None else _measured(lab, self._dated[place])
        return self._last[lab.id]

    def _found(self, lab: Laboratory) -> list[int]:
        """The places of a test's results in the order of time, under whichever code."""
        codes = [code for code in lab.codes if code in self._places]
        if len(codes) == 1:
            return self._places[codes[0]]
        return sorted({place for code in codes for place in self._places[code]})

    def watched(
        self, lab: Laboratory, within_days: int, since: date | None
    ) -> tuple[tuple[Fact, ...], str]:
        """The last result of a test within the days, as evidence and as a mitigation in words.

        One of before `since`, the day on which the drugs came together, has seen neither.
        """
        last = self.last(lab)
        if last is None or (self.as_of - last.day).days > within_days:
            return (), ""
        if since is not None and last.day < since:
            return (), ""
        return (result_fact(last.result),), f"{lab.title} measured on {last.day.isoformat()}"

    def named(self, words: CodeSet) -> list[tuple[str, Fact]]:
        """Results without a LOINC code, procedures and questionnaires of that name, up to today.

        Returns: what each is called, with what it says.
        """
        found = [
            (next((c.display or c.code for c in result.codings), words.title), result_fact(result))
            for result in self._dated
            if not any(coding.system == LOINC for coding in result.codings)
            and words.holds(result.codings)
        ]
        found += [
            (answer_fact(answer).value, answer_fact(answer))
            for answer in self.facts.answers
            if answer.type in DONE_AS
            and answer.when is not None
            and answer.when <= self.as_of
            and words.holds(answer.codings, answer.text)
        ]
        return found

    # visits

    def visits(self, services: CodeSet | None, roles: Iterable[str] = ()) -> list[Visit]:
        """Contacts of the right service, by day: held by a source of these roles, or so named."""
        wanted = frozenset(roles)
        chosen = [
            visit
            for visit in self.facts.visits
            if visit.start is not None
            and (
                visit.source_role in wanted
                or (services is not None and services.holds(visit.services, *visit.with_whom))
            )
        ]
        return sorted(chosen, key=lambda visit: (visit.start or date.min, visit.origin))

    # conditions

    def conditions(self, wanted: CodeSet, *, ever: bool = False) -> list[Condition]:
        """Active conditions of the set that nobody refuted; `ever`: those that are over too."""
        return [
            condition
            for condition in self.facts.conditions
            if (condition.active or ever)
            and not condition.refuted
            and wanted.holds(condition.codings, condition.text)
        ]

    # completeness

    def unproven(self, *types: str, roles: frozenset[Role] = CLINICAL_ROLES, part: str = "") -> str:
        """Why an absence of these types cannot be stated, in words; empty when it can.

        Args:
            part: a kind within them ("survey") that some servers do not tell.

        Only sources that would hold them are asked: results and visits of the clinical sources,
        or of all sources where there is no clinical one. A source whose server does not offer the
        type holds none; when no source offers it, nothing is known.
        """
        asked = [source for source in self.view.sources if source.role in roles]
        asked = asked or list(self.view.sources)
        named = _plain(types)
        offering = [source for source in asked if _offers(source, types)]
        if not offering:
            return f"no source holds {named}"
        open_ones = [
            f"{source.name} ({source.state_of(*types).value})"
            for source in offering
            if source.state_of(*types) is not State.COMPLETE
        ]
        open_ones += [
            f"{source.name} ({part} is not told)"
            for source in offering
            if any(part in one.lacks for one in source.certificates if one.type in types)
        ]
        return f"{named} of {', '.join(sorted(open_ones))}" if open_ones else ""


_NAMES = {
    "Observation": "results",
    "Appointment": "appointments",
    "Encounter": "encounters",
    "Condition": "conditions",
    "MedicationDispense": "dispenses",
    "MedicationAdministration": "administrations",
    "CareTeam": "care teams",
    "Procedure": "procedures",
    "Task": "tasks",
}


def _plain(types: Iterable[str]) -> str:
    return " and ".join(_NAMES.get(name, name) for name in types)


def _offers(source: SourceRead, types: Iterable[str]) -> bool:
    if source.state_floor is State.UNAVAILABLE:
        return True
    offered = {c.type for c in source.certificates if c.state is not State.NOT_OFFERED}
    return not offered.isdisjoint(types)


def _moment(result: LabResult) -> tuple[date, str, str, str, str]:
    on, at, origin = result.effective, result.effective_at, result.origin
    moment = at.isoformat() if at else ""
    return (on or date.min, moment, origin.source, origin.reference, result.path)


def _measured(lab: Laboratory, result: LabResult) -> Measured:
    on = result.effective or date.min
    if result.value is None:
        return Measured(result, on, None, f"a value of {lab.title} on {on.isoformat()}")
    value = lab.canonical(result.value)
    if value is None:
        unit = result.value.unit
        missing = f"unit of {lab.title} on {on.isoformat()}"
        return Measured(result, on, None, f"{missing} ({unit!r} is not known)" if unit else missing)
    return Measured(result, on, value)
