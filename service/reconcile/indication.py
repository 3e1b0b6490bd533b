"""B6: whether the sources say the same reason for a drug, or none of them says one."""

from __future__ import annotations

from itertools import combinations

from service.model.evidence import Fact
from service.model.finding import Bucket, Finding
from service.reconcile.group import cleaned
from service.reconcile.holding import Holding
from service.reconcile.statement import fact, finding, joined
from service.reconcile.therapy import Setting, Therapy, distinct

_SHORTEST_WORD = 4
_EMPTY_WORDS = frozenset(
    {"disorder", "disease", "syndrome", "unspecified", "with", "without", "finding", "episode"}
)
_CATEGORY = 3


def indication_mismatch(therapy: Therapy, setting: Setting) -> Finding | None:
    """Reasons of two sources that share neither a code nor a telling word; or no reason anywhere.

    The second is kept suppressed: most lists carry no reasons, and a reviewer may open them.
    """
    held = therapy.current
    stated = [h for h in held if _words(h) or _codes(h)]
    if not stated:
        return (
            _nowhere(therapy, setting)
            if any(h.ordered and therapy.ingredients for h in held)
            else None
        )
    if all(_agree(one, other) for one, other in combinations(stated, 2)):
        return None
    said = joined(f"{h.source} has {joined(reasons(h))}" for h in stated)
    return finding(
        setting,
        "indication-mismatch",
        [therapy],
        title=f"{therapy.name}: different reasons",
        message=f"The reasons differ: {said}.",
        advice="Ask the prescriber what it is for.",
        sources=[h.source for h in stated],
        evidence=_facts(stated),
    )


def _nowhere(therapy: Therapy, setting: Setting) -> Finding:
    held = therapy.current
    return finding(
        setting,
        "indication-mismatch",
        [therapy],
        title=f"{therapy.name}: no reason stated",
        message=f"No source says what {therapy.name} is for.",
        advice="Ask the prescriber what it is for.",
        sources=[h.source for h in held],
        evidence=[fact(line.entry, "reasonCode", "none") for h in held for line in h.base],
        bucket=Bucket.SUPPRESSED,
        reason="no source states a reason; lists without reasons are usual",
    )


def reasons(holding: Holding) -> tuple[str, ...]:
    """The reasons of a source's current lines in words."""
    texts = (reason for line in holding.base for reason in line.entry.reasons)
    codes = (c.display or c.code for line in holding.base for c in line.entry.reason_codings)
    return distinct(texts) or distinct(codes)


def _agree(one: Holding, other: Holding) -> bool:
    codes = _codes(one), _codes(other)
    if all(codes) and codes[0] & codes[1]:
        return True
    words = _words(one), _words(other)
    if all(words):
        return bool(words[0] & words[1])
    systems = [{system for system, _ in some} for some in codes]
    return not (systems[0] & systems[1])


def _codes(holding: Holding) -> frozenset[tuple[str, str]]:
    """Codes by system; of ICD-10 the category alone (F33.1 and F33.2 are one reason)."""
    return frozenset(
        (c.system, c.code[:_CATEGORY] if "icd-10" in c.system else c.code)
        for line in holding.base
        for c in line.entry.reason_codings
        if c.code
    )


def _words(holding: Holding) -> frozenset[str]:
    return frozenset(
        word
        for reason in reasons(holding)
        for word in cleaned(reason).split()
        if len(word) >= _SHORTEST_WORD and word not in _EMPTY_WORDS
    )


def _facts(stated: list[Holding]) -> list[Fact]:
    return [
        fact(line.entry, f"reason[{index}]", reason)
        for h in stated
        for line in h.base
        for index, reason in enumerate(
            line.entry.reasons or tuple(c.display or c.code for c in line.entry.reason_codings)
        )
    ]
