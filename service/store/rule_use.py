"""How often each rule speaks now, and what people said to it: counts, no patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.tables import decisions, worklist_terms


@dataclass(frozen=True, slots=True)
class RuleUse:
    """One rule. `patients` for whom it speaks now; the newest words on its findings by disposition,
    and those that set a finding aside by coded reason ("" where only words were given)."""

    patients: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


async def rule_use(look: AsyncConnection) -> dict[str, RuleUse]:
    """By rule id; a rule that never spoke and was never answered is missing."""
    speaks = await look.execute(
        select(worklist_terms.c.term, func.count().label("patients"))
        .where(worklist_terms.c.kind == "rule")
        .group_by(worklist_terms.c.term)
    )
    newest = (
        select(decisions.c.review, decisions.c.item, func.max(decisions.c.number).label("number"))
        .where(decisions.c.rule.is_not(None))
        .group_by(decisions.c.review, decisions.c.item)
        .subquery()
    )
    counts = and_(
        decisions.c.review == newest.c.review,
        decisions.c.item == newest.c.item,
        decisions.c.number == newest.c.number,
    )
    said = await look.execute(
        select(
            decisions.c.rule,
            decisions.c.disposition,
            decisions.c.reason_code,
            func.count().label("times"),
        )
        .join(newest, counts)
        .where(decisions.c.disposition != "undecided")
        .group_by(decisions.c.rule, decisions.c.disposition, decisions.c.reason_code)
    )
    patients = Counter[str]()
    for row in speaks:
        patients[row.term] += row.patients
    decided: defaultdict[str, Counter[str]] = defaultdict(Counter)
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in said:
        decided[row.rule][row.disposition] += row.times
        if row.disposition == "override":
            reasons[row.rule][row.reason_code or ""] += row.times
    return {
        rule: RuleUse(patients[rule], decided[rule], reasons[rule])
        for rule in patients.keys() | decided.keys()
    }
