"""B6: whether the sources say the same reason for a drug, or none of them says one."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Reasons of two sources that share neither a code nor a telling word."""
    if len(therapy.current) < 2:
        return None
    stated = [h for h in therapy.current if _stated(h)]
    if len(stated) < 2 or all(_agree(one, other) for one, other in combinations(stated, 2)):
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


def reasons_nowhere(therapies: Iterable[Therapy], setting: Setting) -> Finding | None:
    """B6, the other half: current orders whose reason no source states, all in one finding.

    Suppressed: most lists carry no reasons, and a reviewer may open it.
    """
    silent = sorted(
        (
            one
            for one in therapies
            if one.ingredients
            and any(h.ordered for h in one.current)
            and not any(map(_stated, one.current))
        ),
        key=lambda one: one.id,
    )
    if not silent:
        return None
    names = joined(sorted({one.name for one in silent}))
    held = [h for one in silent for h in one.current]
    return finding(
        setting,
        "indication-mismatch",
        silent,
        title=f"{len(silent)} {'drug' if len(silent) == 1 else 'drugs'} without a stated reason",
        message=f"No source says what these are for: {names}.",
        advice="Ask the prescriber what each is for.",
        sources=[h.source for h in held],
        evidence=[fact(line.entry, "reasonCode", "none") for h in held for line in h.base],
        bucket=Bucket.SUPPRESSED,
        reason="no source states a reason; lists without reasons are usual",
    )


def _stated(holding: Holding) -> bool:
    return _reasoned(holding) and bool(_words(holding) or _codes(holding))


def _reasoned(holding: Holding) -> bool:
    return any(line.entry.reasons or line.entry.reason_codings for line in holding.base)


def reasons(holding: Holding) -> tuple[str, ...]:
    """The reasons of a source's current lines in words."""
    if not _reasoned(holding):
        return ()
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
