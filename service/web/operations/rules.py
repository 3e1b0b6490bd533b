"""The rules as people here see them: what is on, on whose word, and what was answered to it.

Open to everybody who is signed in: no row names a patient.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.assess.rule import Rule, RuleStatus
from service.errors import NotKept
from service.mappings.rule_pages import MARKS
from service.review.decide import OVERRIDE_REASONS
from service.store.rule_use import RuleUse, rule_use
from service.web.language import counted, say
from service.web.people.access import SignedIn, services_of
from service.web.templating import render

router = APIRouter(include_in_schema=False)

STATUS: Final = {
    RuleStatus.REVIEWED: "signed by a pharmacist of this site",
    RuleStatus.UNREVIEWED: "on, not yet signed",
    RuleStatus.OFF: "off",
    RuleStatus.RETIRED: "retired",
}
ANSWERS: Final = (
    "{aside} of {count} answer set a finding aside",
    "{aside} of {count} answers set a finding aside",
)
IN_WORDS: Final = "in words only"
RUN_OUT: Final = "on, its signature has run out"
OF_LISTS: Final = ("always on", "comparing the lists themselves", "differences between lists")
LISTS: Final = "reconcile/"
"""Ids of what is found by comparing lists, without a rule file."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as its row says it. `reasons` are (words, how often), the frequent ones first."""

    id: str
    title: str
    status: str
    severity: str
    version: str
    source: str
    use: RuleUse = field(default_factory=RuleUse)

    @property
    def answered(self) -> int:
        return sum(self.use.decided.values())

    @property
    def overridden(self) -> int:
        return self.use.decided["override"]

    @property
    def share(self) -> str:
        """ "3 of 4 set aside"; "" where nobody has answered yet."""
        if not self.answered:
            return ""
        return say("{count} of {all} set aside", count=self.overridden, all=self.answered)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return [
            (OVERRIDE_REASONS.get(code, IN_WORDS), count)
            for code, count in self.use.reasons.most_common()
        ]


@dataclass(frozen=True)
class RulesPage:
    """Rules by category, narrowed down to what is asked for."""

    groups: Mapping[str, Sequence[RuleRow]]
    counts: Mapping[str, int]
    state: str
    words: str

    @staticmethod
    def told(rows: Sequence[RuleRow]) -> str:
        """ "12 rules; 3 speak now; 2 of 9 answers set a finding aside"."""
        speaking = sum(1 for row in rows if row.use.patients)
        answered, aside = sum(r.answered for r in rows), sum(r.overridden for r in rows)
        words = [counted("{count} rule", "{count} rules", len(rows))]
        if speaking:
            words.append(counted("{count} speaks now", "{count} speak now", speaking))
        if answered:
            one, many = ANSWERS
            words.append(counted(one, many, answered, aside=aside))
        return "; ".join(words)


@router.get("/rules")
async def rules(request: Request, _user: SignedIn, state: str = "", words: str = "") -> Response:
    """Every rule, or those of one status, or whose words hold these."""
    services = services_of(request)
    async with services.store.read() as look:
        use = await rule_use(look)
    page = rules_page(tuple(services.rules), use, state, words, services.now().date())
    return render(request, "rules.html", page=page, states=[status.value for status in RuleStatus])


def rules_page(
    rules: Sequence[Rule],
    use: Mapping[str, RuleUse],
    state: str,
    words: str,
    today: datetime.date,
) -> RulesPage:
    """What is listed: the rules of the folder, then what comparing lists has found."""
    groups: dict[str, list[RuleRow]] = {}
    for rule in rules:
        row = row_of(rule, use.get(rule.id, RuleUse()), today)
        if (not state or rule.status.value == state) and _holds(row, words):
            groups.setdefault(rule.id.partition("/")[0].replace("-", " "), []).append(row)
    if not state:
        found = [_of_lists(id_, use[id_]) for id_ in sorted(use) if id_.startswith(LISTS)]
        chosen = [row for row in found if _holds(row, words)]
        if chosen:
            groups[OF_LISTS[2]] = chosen
    return RulesPage(groups, Counter(rule.status.value for rule in rules), state, words)


def row_of(rule: Rule, use: RuleUse, today: datetime.date) -> RuleRow:
    """One rule's row; a signature that ran out is said to have run out."""
    said = STATUS[rule.status]
    if rule.status is RuleStatus.REVIEWED and not rule.reference(today).reviewed:
        said = RUN_OUT
    return RuleRow(
        id=rule.id,
        title=rule.title,
        status=said,
        severity=rule.severity.value,
        version=str(rule.version),
        source="; ".join(rule.sources),
        use=use,
    )


def _of_lists(id_: str, use: RuleUse) -> RuleRow:
    return RuleRow(
        id=id_,
        title=say(id_.removeprefix(LISTS).replace("-", " ")).capitalize(),
        status=OF_LISTS[0],
        severity="",
        version="",
        source=say(OF_LISTS[1]),
        use=use,
    )


def _holds(row: RuleRow, words: str) -> bool:
    text = f"{row.id} {row.title} {row.source}".casefold()
    return all(word in text for word in words.casefold().split())


@router.get("/rules/{category}/{rule}")
async def rule_text(request: Request, _user: SignedIn, category: str, rule: str) -> Response:
    """One rule with everything it stands on, and its file to the letter. Raises: NotKept."""
    services = services_of(request)
    found = services.rules.rules.get(f"{category}/{rule}")
    if found is None:
        raise NotKept("No rule goes by this name.")
    async with services.store.read() as look:
        use = (await rule_use(look)).get(found.id, RuleUse())
    return render(
        request,
        "rule.html",
        rule=found,
        row=row_of(found, use, services.now().date()),
        mark=MARKS[found.mark],
        text=services.rule_text(found.id),
    )
