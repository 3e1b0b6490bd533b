"""B6: whether the sources say the same reason for a drug, or none of them says one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from service.model.evidence import Fact
from service.model.finding import Bucket, Finding
from service.reconcile.holding import Holding
from service.reconcile.statement import fact, finding
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined


def indication_mismatch(therapy: Therapy, setting: Setting) -> Finding | None:
    """Reasons of two sources that share neither a code nor a telling word."""
    if len(therapy.current) < 2:
        return None
    stated = [h for h in therapy.current if h.reasons.stated]
    if len(stated) < 2 or all(
        one.agree(other) for one, other in combinations({h.reasons for h in stated}, 2)
    ):
        return None
    said = joined(f"{h.source} has {joined(h.reasons.shown)}" for h in stated)
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
            and not any(h.reasons.stated for h in one.current)
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


def _facts(stated: list[Holding]) -> list[Fact]:
    return [
        fact(line.entry, f"reason[{index}]", reason)
        for h in stated
        for line in h.base
        for index, reason in enumerate(
            line.entry.reasons or tuple(c.display or c.code for c in line.entry.reason_codings)
        )
    ]
