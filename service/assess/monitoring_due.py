"""Tests that fall due while a drug is taken: when the next one is, and whether it is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

import msgspec

from service.assess.amounts import dose_changes
from service.assess.answer import Answer, Verdict, day, not_met
from service.assess.chart import Chart, Measured
from service.assess.exposure import Exposure
from service.assess.facts import exposure_facts, result_fact
from service.assess.rule import Check
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.model.evidence import Fact

LONGEST_GRACE_D = 14


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often during a part of the treatment: `every_days` until day `until_day` (None: on).

    `age_from`, `taken_with` and `last_at_least` (the last result) make it a stage for some patients
    only; the stages are read in order and the first that fits the patient counts.
    """

    every_days: int
    until_day: int | None = None
    grace_days: int | None = None
    age_from: int | None = None
    taken_with: DrugClass | None = None
    last_at_least: Decimal | None = None

    @property
    def grace(self) -> timedelta:
        """A quarter of the interval, at most a fortnight, unless the rule says otherwise."""
        if self.grace_days is not None:
            return timedelta(days=self.grace_days)
        return _grace(self.every_days)


def _grace(days: int) -> timedelta:
    return timedelta(days=min(days // 4, LONGEST_GRACE_D))


class MonitoringDue(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Any test of `labs` is repeated on schedule while `drug` is taken.

    Due is the later of start and last result, plus the interval; overdue is due plus grace. A
    result of any source counts, whatever its value: the test was done. `named` finds what has no
    code of its own by its words, as a result, procedure or questionnaire. `condition` chooses the
    patients; `last_at_least` asks only after a result so high (a score that calls for a repeat);
    with `once_done` only a repeat is missed, the first one stands in the calendar alone. After a
    dose change one more is due in `change_days`.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "lab", "last", "due", "start"})

    drug: DrugClass
    stages: tuple[Stage, ...]
    labs: tuple[Laboratory, ...] = ()
    named: CodeSet | None = None
    min_days_taken: int = 0
    condition: CodeSet | None = None
    last_at_least: Decimal | None = None
    once_done: bool = False
    change_days: int | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = chart.of(self.drug)
        if taken and (self.condition is None or chart.conditions(self.condition)):
            first = min(taken, key=lambda exposure: exposure.start or date.min)
            yield self._answer(chart, tuple(taken), first)

    def _answer(self, chart: Chart, taken: tuple[Exposure, ...], first: Exposure) -> Answer:
        title = self._title
        last = _last(chart, self.labs)
        done = self._done(chart, last)
        if self.last_at_least is not None and not _reaches(last, self.last_at_least):
            return not_met(f"No {title} of {self.last_at_least} or more stands open.", on=taken)
        start = first.start
        treated = (chart.as_of - start).days if start is not None else None
        if treated is not None and treated < self.min_days_taken:
            return not_met(f"{first.ingredient.name} is taken since {day(start)} only.", on=taken)
        stage = self._stage(chart, treated, last)
        if stage is None:
            return not_met(f"No further {title} is asked for at this stage.", on=taken)
        anchors = [d for d in (start, done.date if done else None) if d is not None]
        if not anchors:
            missing = f"since when {first.ingredient.name} is taken"
            return self._unknown(missing, taken, None)
        due = max(anchors) + timedelta(days=stage.every_days)
        latest = due + stage.grace
        changed = self._changed(taken, done)
        if changed is not None and self.change_days is not None:
            after = changed + timedelta(days=self.change_days)
            if after + _grace(self.change_days) < latest:
                due, latest = after, after + _grace(self.change_days)
        if chart.as_of <= latest:
            words = f"Next {title} is due {due.isoformat()}."
            return not_met(words, due=due, on=taken, asks=title)
        if self.once_done and done is None:
            words = f"No {title} is on record; the first was due {due.isoformat()}."
            return not_met(words, due=due, on=taken, asks=title)
        part = next((lab.part for lab in self.labs if lab.part), "")
        unproven = chart.unproven("Observation", part=part)
        if unproven:
            return self._unknown(unproven, taken, due)
        facts = exposure_facts(*taken)
        return Answer(
            Verdict.MET,
            words={
                "drug": first.ingredient.name,
                "lab": title,
                "last": f"last on {day(done.date)}" if done else "none found in any source",
                "due": due.isoformat(),
                "start": day(start),
            },
            exposures=taken,
            evidence=(*facts, done) if done else facts,
            due=due,
            asks=title,
        )

    def _changed(self, taken: tuple[Exposure, ...], done: Fact | None) -> date | None:
        """The last dose change that no test has seen: none was done after its day."""
        if self.change_days is None:
            return None
        changes = [max(days) for exposure in taken if (days := dose_changes(exposure))]
        last = max(changes, default=None)
        seen = done.date if done is not None else None
        return None if last is None or (seen is not None and seen > last) else last

    def _stage(self, chart: Chart, treated: int | None, last: Measured | None) -> Stage | None:
        age = chart.facts.age_on(chart.as_of)
        for stage in self.stages:
            if stage.age_from is not None and (age is None or age < stage.age_from):
                continue
            if stage.taken_with is not None and not chart.of(stage.taken_with):
                continue
            if stage.last_at_least is not None and not _reaches(last, stage.last_at_least):
                continue
            if stage.until_day is not None and (treated is None or treated > stage.until_day):
                continue
            return stage
        return None

    def _unknown(self, missing: str, taken: tuple[Exposure, ...], due: date | None) -> Answer:
        return Answer(
            Verdict.CANNOT_TELL,
            missing,
            exposures=taken,
            evidence=exposure_facts(*taken),
            due=due,
            asks=self._title,
        )

    @property
    def _title(self) -> str:
        return self.labs[0].title if self.labs else self.named.title if self.named else ""

    def _done(self, chart: Chart, last: Measured | None) -> Fact | None:
        """The last time it was done, under a code or by name."""
        facts = [result_fact(last.result)] if last is not None else []
        if self.named is not None:
            facts += [fact for _, fact in chart.named(self.named)]
        return max(facts, key=lambda fact: fact.date or date.min, default=None)


class BaselineMissing(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No test of `labs` from `look_back_days` before the start of `drug` until now.

    Asked while the treatment is not older than `watch_days`; the next regular test is another
    rule's question. `age_from`, `taken_with` and `condition` choose the patients.
    """

    words: ClassVar[frozenset[str]] = frozenset({"drug", "lab", "start"})

    drug: DrugClass
    labs: tuple[Laboratory, ...]
    look_back_days: int
    watch_days: int = 90
    grace_days: int = 0
    age_from: int | None = None
    taken_with: DrugClass | None = None
    condition: CodeSet | None = None

    def triggers(self) -> frozenset[str]:
        return self.drug.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        taken = chart.of(self.drug)
        if not taken or not self._concerns(chart):
            return
        first = min(taken, key=lambda exposure: exposure.start or date.min)
        start, title = first.start, self.labs[0].title
        if start is None:
            yield not_met(f"Since when {first.ingredient.name} is taken is not known.")
            return
        treated = (chart.as_of - start).days
        if treated > self.watch_days or treated < self.grace_days:
            yield not_met(f"{first.ingredient.name} is taken since {start.isoformat()}.")
            return
        last = _last(chart, self.labs)
        if last is not None and last.day >= start - timedelta(days=self.look_back_days):
            yield not_met(f"{title} was measured on {last.day.isoformat()}.")
            return
        part = next((lab.part for lab in self.labs if lab.part), "")
        unproven = chart.unproven("Observation", part=part)
        yield Answer(
            Verdict.CANNOT_TELL if unproven else Verdict.MET,
            unproven,
            words={"drug": first.ingredient.name, "lab": title, "start": start.isoformat()},
            exposures=(first,),
            evidence=exposure_facts(first),
            due=start,
            asks=title,
        )

    def _concerns(self, chart: Chart) -> bool:
        """Whether the patient is one of those asked about; an unknown age is not."""
        age = chart.facts.age_on(chart.as_of)
        return (
            (self.age_from is None or (age is not None and age >= self.age_from))
            and (self.taken_with is None or bool(chart.of(self.taken_with)))
            and (self.condition is None or bool(chart.conditions(self.condition)))
        )


def _reaches(last: Measured | None, least: Decimal) -> bool:
    return last is not None and last.value is not None and last.value >= least


def _last(chart: Chart, labs: tuple[Laboratory, ...]) -> Measured | None:
    results = [last for lab in labs if (last := chart.last(lab)) is not None]
    return max(results, key=lambda measured: measured.day, default=None)
