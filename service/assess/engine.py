"""From a patient and the rules to findings: ordered, folded, without repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from service.assess.answer import Answer, Verdict
from service.assess.chart import Chart
from service.assess.folding import folded
from service.assess.rule import Modifiers, Rule, RuleBook
from service.assess.severity import Raising
from service.model.evidence import Fact
from service.model.finding import Bucket, Finding
from service.model.identity import content_id
from service.model.record import PatientView

_NOT_MET = Verdict.NOT_MET


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule says something about a patient, or why not."""

    rule: str
    verdict: Verdict
    words: str
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """One entry of the monitoring calendar: what a rule asks for next (`what`), and by when."""

    rule: str
    title: str
    what: str
    due: date
    overdue: bool
    medications: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examination:
    """All answers about one patient, each rule asked once: findings and calendar come from it."""

    chart: Chart
    rules: RuleBook
    answers: tuple[tuple[Rule, Answer], ...]


def examined(view: PatientView, rules: RuleBook, as_of: date) -> Examination:
    """Every answer of the rules that could concern this patient; none for a deceased one.

    The caller passes the certain records only. Cost grows with the patient's data: only rules that
    could concern a drug on the list are asked.
    """
    chart = Chart(view, rules.washout)
    answers = () if view.facts.deceased else tuple(_answers(chart, rules, as_of))
    return Examination(chart, rules, answers)


def assess(view: PatientView, rules: RuleBook, as_of: date) -> tuple[Finding, ...]:
    """Findings of families E to H (and D2, D3) for one patient, gravest first."""
    return findings(examined(view, rules, as_of))


def findings(examination: Examination) -> tuple[Finding, ...]:
    """What the answers mean for the reviewer, folded, gravest first."""
    found: dict[str, Finding] = {}
    for rule, answer in examination.answers:
        if answer.verdict is not _NOT_MET:
            finding = _finding(rule, answer, examination.chart, examination.rules.raising)
            found.setdefault(finding.id, finding)
    return tuple(sorted(folded(found.values(), examination.rules), key=_order))


def calendar(examination: Examination) -> tuple[Due, ...]:
    """What the rules ask for next, soonest first: also tests that are not due yet."""
    as_of = examination.chart.as_of
    entries = {
        Due(
            rule.id,
            rule.title,
            answer.asks or rule.title,
            answer.due,
            answer.due < as_of,
            _medications(answer),
        )
        for rule, answer in examination.answers
        if answer.due is not None
    }
    return tuple(sorted(entries, key=lambda entry: (entry.due, entry.rule, entry.medications)))


def _answers(chart: Chart, rules: RuleBook, as_of: date) -> Iterator[tuple[Rule, Answer]]:
    for rule, check in rules.asked(chart.rxcuis, as_of):
        for answer in check.answers(chart):
            yield rule, answer


def explain(view: PatientView, rules: RuleBook, as_of: date) -> tuple[Explanation, ...]:
    """Every rule's answer for this patient in words, by rule id: the "why" and the "why not"."""
    chart = Chart(view, rules.washout)
    concerned = {rule.id for rule in rules.concerning(chart.rxcuis)}
    said: list[Explanation] = []
    for rule in rules:
        if view.facts.deceased:
            said.append(Explanation(rule.id, Verdict.NOT_MET, "The patient has died."))
        elif not rule.fires:
            said.append(Explanation(rule.id, Verdict.NOT_MET, f"The rule is {rule.status.value}."))
        elif rule.id not in concerned:
            because = "None of the drugs that the rule speaks of is on the list."
            said.append(Explanation(rule.id, Verdict.NOT_MET, because))
        else:
            answers = tuple(rule.on(as_of).answers(chart))
            said.extend(
                Explanation(rule.id, answer.verdict, _in_words(rule, answer), answer.due)
                for answer in answers
            )
            if not answers:
                because = "Its drugs are not taken on this day in the way that the rule asks for."
                said.append(Explanation(rule.id, Verdict.NOT_MET, because))
    return tuple(said)


def _in_words(rule: Rule, answer: Answer) -> str:
    if answer.verdict is Verdict.MET:
        said = _sentence(rule.message, answer)
        return f"{said} Suppressed: {answer.suppressed}." if answer.suppressed else said
    if answer.verdict is Verdict.CANNOT_TELL:
        return f"Cannot tell; missing: {answer.because}."
    return answer.because


def _sentence(text: str, answer: Answer) -> str:
    """A message with its words in place; a drug's name at the start gets its capital letter."""
    said = text.format_map(answer.words)
    return said[:1].upper() + said[1:]


def _medications(answer: Answer) -> tuple[str, ...]:
    return tuple(sorted({id for exposure in answer.exposures for id in exposure.ids}))


def _evidence(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    return tuple(dict.fromkeys(facts))


def _finding(rule: Rule, answer: Answer, chart: Chart, raising: Raising) -> Finding:
    cannot_tell = answer.verdict is Verdict.CANNOT_TELL
    severity = answer.severity or rule.severity
    if rule.modifiers is Modifiers.USUAL:
        severity = raising.adjusted(severity, answer.exposures, chart)
    if answer.mitigated and not rule.contraindication:
        severity = severity.lowered()
    medications = _medications(answer)
    evidence = _evidence(answer.evidence)
    message = (
        f"{rule.title}: cannot tell, because something is missing: {answer.because}."
        if cannot_tell
        else _sentence(rule.message, answer)
    )
    bucket = Bucket.SHOWN
    reason = answer.mitigated
    if cannot_tell:
        bucket, reason = Bucket.NOT_EVALUABLE, answer.because
    elif answer.suppressed:
        bucket, reason = Bucket.SUPPRESSED, answer.suppressed
    rests_on = sorted((f.source, f.reference, f.path, f.value) for f in evidence)
    cited = (part for fact in rests_on for part in fact)
    return Finding(
        id=content_id("f", rule.id, str(rule.version), bucket.value, message, *cited),
        type=rule.type,
        severity=severity,
        title=rule.title,
        message=message,
        rule=rule.reference(chart.as_of),
        advice=_sentence(rule.advice, answer) if not cannot_tell else "",
        bucket=bucket,
        urgent=not cannot_tell and (rule.urgent or answer.urgent),
        reason=reason,
        medications=medications,
        sources=tuple(sorted(set(answer.sources) | {fact.source for fact in evidence})),
        ingredients=tuple(sorted({e.ingredient.name for e in answer.exposures})),
        evidence=evidence,
        act_code=rule.act_code,
        due=answer.due,
        appointment=answer.appointment,
    )


def _order(finding: Finding) -> tuple[int, str, str]:
    return (finding.severity.rank, finding.type, finding.id)
