"""What a rule is: a question as data, its status, and the values in force on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

import msgspec

from service.assess.answer import Answer
from service.assess.chart import Chart
from service.assess.severity import Raising
from service.model.finding import RuleReference, Severity

_MOST_DAYS = 16


class RuleStatus(StrEnum):
    """`off` and `retired` never fire; `unreviewed` fires and says that nobody has signed it."""

    OFF = "off"
    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"
    RETIRED = "retired"


class Modifiers(StrEnum):
    """Whether the general raising of severity (age, kidney, narrow index) applies to a rule."""

    USUAL = "usual"
    NONE = "none"


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters of one `[[when]]` entry; a kind of check is a subclass in a module of its own.

    `words` are the placeholders that its messages may use.
    """

    words: ClassVar[frozenset[str]] = frozenset()

    def triggers(self) -> frozenset[str] | None:
        """RxCUIs of which the patient must have one for the check to say anything; None: always."""
        raise NotImplementedError

    def can_be_unsure(self) -> bool:
        """Whether these parameters know the third answer; a rule then needs a case of it."""
        return True

    def answers(self, chart: Chart) -> Iterator[Answer]:
        """All answers for this patient; none at all reads as not met."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Period:
    """The values in force from `since` on; the first period of a rule has none."""

    since: date | None
    check: Check


@dataclass(frozen=True, slots=True)
class Signature:
    """Who reviewed a rule, when, and when it has to be looked at again."""

    by: str
    on: date
    again: date


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule file. `sources` name title, section and year; `mark` how well that was checked.

    `contraindication` is never lowered; `yields_to` are rules whose finding about the same
    medications makes this one redundant; rules with the same `fold` are told together as one.
    """

    id: str
    version: int
    status: RuleStatus
    title: str
    type: str
    act_code: str
    mark: str
    severity: Severity
    check: str
    message: str
    advice: str
    sources: tuple[str, ...]
    periods: tuple[Period, ...]
    urgent: bool = False
    contraindication: bool = False
    modifiers: Modifiers = Modifiers.USUAL
    false_alarms: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    fold: str = ""
    population: str = ""
    limits: str = ""
    reviewed: Signature | None = None

    def on(self, day: date) -> Check:
        """The check with the values in force on that day."""
        chosen = self.periods[0]
        for period in self.periods[1:]:
            if period.since is not None and period.since <= day:
                chosen = period
        return chosen.check

    @property
    def fires(self) -> bool:
        return self.status in (RuleStatus.UNREVIEWED, RuleStatus.REVIEWED)

    def reference(self, day: date) -> RuleReference:
        """What a finding carries; a signature that ran out is no signature."""
        signed = (
            self.status is RuleStatus.REVIEWED
            and self.reviewed is not None
            and self.reviewed.on <= day <= self.reviewed.again
        )
        return RuleReference(self.id, self.version, "; ".join(self.sources), signed)


class RuleBook:
    """All rules by id, with an index from ingredient to the rules that could concern it."""

    def __init__(
        self,
        rules: Iterable[Rule],
        washout: Mapping[str, int] | None = None,
        raising: Raising | None = None,
    ) -> None:
        self.raising = raising or Raising()
        self.rules = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        self.washout: Mapping[str, int] = dict(washout or {})
        self._ordered = tuple(self.rules.values())
        self._always: list[int] = []
        self._by_rxcui: dict[str, list[int]] = defaultdict(list)
        self._in_force: dict[date, list[Check | None]] = {}
        for place, rule in enumerate(self._ordered):
            triggers = _triggers(rule)
            if triggers is None:
                self._always.append(place)
            else:
                for rxcui in triggers:
                    self._by_rxcui[rxcui].append(place)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules.values())

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, rule_id: str) -> Rule:
        return self.rules[rule_id]

    def concerning(self, rxcuis: Iterable[str]) -> list[Rule]:
        """Rules that could say something about these ingredients, by id; the others cannot."""
        return [self._ordered[place] for place in self._places(rxcuis)]

    def asked(self, rxcuis: Iterable[str], day: date) -> list[tuple[Rule, Check]]:
        """Those of them that fire, each with its values in force on that day."""
        checks = self._in_force.get(day)
        if checks is None:
            checks = [rule.on(day) if rule.fires else None for rule in self._ordered]
            if len(self._in_force) >= _MOST_DAYS:
                self._in_force.clear()
            self._in_force[day] = checks
        return [
            (self._ordered[place], check)
            for place in self._places(rxcuis)
            if (check := checks[place]) is not None
        ]

    def _places(self, rxcuis: Iterable[str]) -> list[int]:
        places = set(self._always)
        for rxcui in rxcuis:
            places.update(self._by_rxcui.get(rxcui, ()))
        return sorted(places)


def _triggers(rule: Rule) -> frozenset[str] | None:
    found: set[str] = set()
    for period in rule.periods:
        triggers = period.check.triggers()
        if triggers is None:
            return None
        found |= triggers
    return frozenset(found)
