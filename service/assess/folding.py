"""Fewer findings that say the same: what another one covers, what is told together as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from msgspec.structs import replace

from service.assess.rule import RuleBook
from service.model.finding import Bucket, Finding
from service.model.identity import content_id


def folded(findings: Iterable[Finding], rules: RuleBook) -> list[Finding]:
    """The same findings, with those suppressed that another one about the same medications tells.

    First a rule yields to a more specific one (`yields_to`); then findings of rules with one `fold`
    become one, the gravest, that names the others and carries their evidence. What is suppressed
    stays in the list with its reason.
    """
    return _told_together(_yielded(list(findings), rules), rules)


def _yielded(findings: list[Finding], rules: RuleBook) -> list[Finding]:
    shown: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.bucket is Bucket.SHOWN:
            shown[finding.rule.id].append(finding)
    result: list[Finding] = []
    for finding in findings:
        over = next(
            (
                other
                for rule in rules[finding.rule.id].yields_to
                for other in shown.get(rule, ())
                if _about_the_same(other, finding)
            ),
            None,
        )
        if over is not None and finding.bucket is Bucket.SHOWN:
            result.append(suppressed(finding, f"already said by: {over.title}"))
        else:
            result.append(finding)
    return result


def _told_together(findings: list[Finding], rules: RuleBook) -> list[Finding]:
    groups: dict[str, list[Finding]] = defaultdict(list)
    result: list[Finding] = []
    for finding in findings:
        fold = rules[finding.rule.id].fold
        if fold and finding.bucket is Bucket.SHOWN:
            groups[fold].append(finding)
        else:
            result.append(finding)
    for group in groups.values():
        waiting = sorted(group, key=lambda f: (f.severity.rank, not f.urgent, f.rule.id, f.id))
        while waiting:
            leader = waiting.pop(0)
            same = [finding for finding in waiting if _about_the_same(leader, finding)]
            waiting = [finding for finding in waiting if finding not in same]
            result.append(_one(leader, same))
            result.extend(suppressed(f, f"told together with: {leader.title}") for f in same)
    return result


def _one(leader: Finding, others: list[Finding]) -> Finding:
    """The gravest finding with what the others add."""
    if not others:
        return leader
    told = (leader, *others)
    dues: list[date] = [finding.due for finding in told if finding.due is not None]
    return replace(
        leader,
        id=content_id("f", *(finding.id for finding in told)),
        message=f"{leader.message} Also: {'; '.join(finding.title for finding in others)}.",
        medications=_union(finding.medications for finding in told),
        sources=_union(finding.sources for finding in told),
        ingredients=_union(finding.ingredients for finding in told),
        evidence=tuple(dict.fromkeys(fact for finding in told for fact in finding.evidence)),
        due=min(dues, default=None),
    )


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for group in groups for name in group}))


def _about_the_same(one: Finding, other: Finding) -> bool:
    return not set(one.medications).isdisjoint(other.medications)


def suppressed(finding: Finding, reason: str) -> Finding:
    return replace(finding, bucket=Bucket.SUPPRESSED, reason=reason)
