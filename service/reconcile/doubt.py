"""C7 to C11: unknown drugs, lines that contradict themselves, doubtful identity and reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.model.evidence import Fact
from service.model.finding import Bucket, Finding
from service.model.medication import PlacedLine, TherapyState
from service.model.patient import MatchGrade, PatientLink
from service.model.source import SourceRead, State
from service.reconcile.statement import fact, finding, product_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined

_DOUBTFUL = frozenset({MatchGrade.PROBABLE, MatchGrade.POSSIBLE})
_OVER = "the entry is not current"


def unresolvable_drug(therapy: Therapy, setting: Setting) -> Finding | None:
    """C7: no coding and no text led to a drug, or two drugs were too close to choose."""
    if therapy.ingredients:
        return None
    lines = therapy.lines
    candidates = sorted({c for line in lines for c in line.entry.resolution.candidates})
    close = f" It may be one of RxNorm {', '.join(candidates)}." if candidates else ""
    return finding(
        setting,
        "unresolvable-drug",
        [therapy],
        title=f"{therapy.name}: drug not recognised",
        message=f'"{therapy.name}" could not be led to a drug; no rule looks at it.{close}',
        advice="Say which drug it is, or ask the source to code it.",
        sources=[line.entry.origin.source for line in lines],
        evidence=[
            *product_facts(lines),
            *(
                fact(line.entry, f"coding[{index}]", f"{coding.system}|{coding.code}")
                for line in lines
                for index, coding in enumerate(line.entry.codings)
            ),
        ],
        bucket=_bucket(lines),
        reason="" if _matters(lines) else _OVER,
    )


def text_structure_conflict(therapy: Therapy, setting: Setting) -> Finding | None:
    """C8: the text of an instruction says another dose or frequency than its structure."""
    lines = _contradicting(therapy)
    if not lines:
        return None
    said = joined(
        dict.fromkeys(
            f"{line.entry.origin.source}: {dosage.conflict}"
            for line in lines
            for dosage in line.entry.dosages
            if dosage.conflict
        )
    )
    return finding(
        setting,
        "text-structure-conflict",
        [therapy],
        title=f"{therapy.name}: text and structure say different doses",
        message=f"{said}.",
        advice="Ask the prescriber which of the two is meant.",
        sources=[line.entry.origin.source for line in lines],
        evidence=[
            fact(line.entry, f"dosageInstruction[{index}]", f"{dosage.text}: {dosage.conflict}")
            for line in lines
            for index, dosage in enumerate(line.entry.dosages)
            if dosage.conflict
        ],
        bucket=_bucket(lines),
        reason="" if _matters(lines) else _OVER,
    )


def _contradicting(therapy: Therapy) -> list[PlacedLine]:
    """The lines of which an instruction contradicts itself."""
    lines = []
    for line in therapy.lines:
        for dosage in line.entry.dosages:
            if dosage.conflict:
                lines.append(line)
                break
    return lines


def code_text_conflict(therapy: Therapy, setting: Setting) -> Finding | None:
    """C11: a coding and the text, or two codings, of one line name different drugs or strengths."""
    lines = [
        line for line in therapy.lines if (read := line.entry.resolution).conflict or read.strengths
    ]
    if not lines:
        return None
    named = {i.name for line in lines for i in line.entry.resolution.conflict}
    others = joined(sorted(named - {i.name for i in therapy.ingredients}) or sorted(named))
    strengths = dict.fromkeys(one for line in lines for one in line.entry.resolution.strengths)
    said = []
    if named and therapy.ingredients:
        said.append(f"was read as {therapy.name} but also names {others}")
    elif named:
        said.append(f'("{therapy.name}") names {others} at once, so that no drug was chosen')
    if strengths:
        said.append(
            f"states {therapy.name} {joined(strengths)} at once, so that no strength was chosen"
        )
    return finding(
        setting,
        "code-text-conflict",
        [therapy],
        title=f"{therapy.name}: code and text name different {'drugs' if named else 'strengths'}",
        message=f"A line of {joined(sorted({line.entry.origin.source for line in lines}))} "
        f"{'; it '.join(said)}.",
        advice=f"Ask which {'drug' if named else 'strength'} is meant "
        "before anything else is decided about it.",
        sources=[line.entry.origin.source for line in lines],
        evidence=[
            *product_facts(lines),
            *(
                fact(line.entry, f"coding[{index}]", f"{coding.code} {coding.display}".strip())
                for line in lines
                for index, coding in enumerate(line.entry.codings)
            ),
        ],
        bucket=_bucket(lines),
        reason="" if _matters(lines) else _OVER,
    )


def _bucket(lines: Iterable[PlacedLine]) -> Bucket:
    return Bucket.SHOWN if _matters(lines) else Bucket.SUPPRESSED


def _matters(lines: Iterable[PlacedLine]) -> bool:
    return any(line.state is not TherapyState.STOPPED for line in lines)


def identity_doubts(links: Sequence[PatientLink], setting: Setting) -> list[Finding]:
    """C9: a record that may be the asked person; it blocks writing, not the report."""
    return [
        finding(
            setting,
            "identity-doubt",
            [],
            title=f"{link.record.source}: is this the same person?",
            message=f"{link.record.reference} of {link.record.source} is {link.grade.value}, "
            "not certainly, the same person; its lines are left out and nothing is written.",
            advice="Compare the records and say whether they are one person.",
            sources=[link.record.source],
            evidence=[
                Fact(
                    link.record.source,
                    link.record.reference,
                    link.record.version,
                    "Patient",
                    "; ".join(link.evidence) or link.grade.value,
                )
            ],
        )
        for link in links
        if link.grade in _DOUBTFUL
    ]


def incomplete_sources(reads: Sequence[SourceRead], setting: Setting) -> list[Finding]:
    """C10: a source that was not read completely, with what is missing."""
    found = []
    for read in reads:
        if read.state is State.COMPLETE:
            continue
        parts = [c for c in read.certificates if c.state not in (State.COMPLETE, State.NOT_OFFERED)]
        reasons = [*read.reasons, *(f"{c.type}: {r}" for c in parts for r in c.reasons)]
        why = "; ".join(dict.fromkeys(reasons)) or "no reason was given"
        found.append(
            finding(
                setting,
                "source-incomplete",
                [],
                title=f"{read.name}: {read.state.value}",
                message=f"{read.name} is {read.state.value}: {why}. "
                "Nothing is concluded from what it does not show.",
                advice="Read it again, or look into its own record before deciding.",
                sources=[read.name],
                evidence=[
                    Fact(read.name, "", None, "state", read.state.value),
                    *(Fact(read.name, c.type, None, "state", c.state.value) for c in parts),
                ],
            )
        )
    return found
