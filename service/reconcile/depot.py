"""B4 across two medications: a depot in one list, the same drug by mouth in the other.

Oral and depot forms are two medications, because they may be meant together (an overlap after the
first injection). Where no source holds both, they are more likely one change that a list missed.
"""

from __future__ import annotations

from service.model.concept import AdministrationClass
from service.model.finding import Finding, Severity
from service.reconcile.statement import finding, product_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined, verb

_CLASSES = {AdministrationClass.DEPOT, AdministrationClass.SYSTEMIC}


def counterpart(therapy: Therapy, setting: Setting) -> Therapy | None:
    """The same ingredients in the other class, current only in sources that do not hold this."""
    if not therapy.current or not therapy.ingredients:
        return None
    same = setting.by_ingredient[therapy.ingredients[0].rxcui]
    if len(same) == 1:
        return None
    holders = {h.source for h in therapy.current}
    for other in same:
        if (
            other.rxcuis == therapy.rxcuis
            and {other.administration, therapy.administration} == _CLASSES
            and other.current
            and not holders & {h.source for h in other.current}
        ):
            return other
    return None


def depot_against_oral(therapy: Therapy, setting: Setting) -> Finding | None:
    """A finding about both medications, the same from either side."""
    other = counterpart(therapy, setting)
    if other is None:
        return None
    pair = sorted((therapy, other), key=lambda one: one.id)
    depot = therapy if therapy.administration is AdministrationClass.DEPOT else other
    oral = other if depot is therapy else therapy
    in_depot, in_oral = ([h.source for h in one.current] for one in (depot, oral))
    has = verb(in_depot, "has", "have")
    return finding(
        setting,
        "form-mismatch",
        pair,
        title=f"{therapy.name}: long-acting injection or by mouth",
        message=f"{joined(in_depot)} {has} {therapy.name} as a long-acting injection, "
        f"{joined(in_oral)} in another form; no list has both.",
        advice="Ask whether the injection replaced the other form, or both are meant.",
        sources=[*in_depot, *in_oral],
        evidence=product_facts(line for one in pair for h in one.current for line in h.base),
        severity=Severity.HIGH,
    )
