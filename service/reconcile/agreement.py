"""Family A: that the sources that hold a medication agree, and how."""

from __future__ import annotations

from collections.abc import Sequence

from service.model.finding import Bucket, Finding
from service.reconcile.difference import base_lines, same_basis, stating_otherwise
from service.reconcile.holding import Holding
from service.reconcile.statement import finding, spoken_facts
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined


def agreements(therapy: Therapy, setting: Setting) -> list[Finding]:
    """What is said of a medication in which no difference stands."""
    held = therapy.compared
    if len(held) < 2:
        return []
    if doubt := _unproven(therapy, held):
        names = joined(h.source for h in held)
        return [
            _agreement(
                therapy,
                setting,
                "confirmed-match",
                f"{therapy.name}: agreement not proven",
                f"{names} hold {therapy.name}; whether the doses agree cannot be told: {doubt}.",
                doubt,
            )
        ]
    return salt_variant(therapy, setting) or [
        _agreement(therapy, setting, *_kind_of_agreement(therapy, held))
    ]


def salt_variant(therapy: Therapy, setting: Setting) -> list[Finding]:
    """A3: other salts of one moiety in the same daily dose; true beside a difference of form."""
    held = therapy.compared
    salts = stating_otherwise(therapy, lambda said: said.salts)
    if not salts or _unproven(therapy, held):
        return []
    said = joined(f"{h.source} has {', '.join(h.said.salts)}" for h in salts)
    return [
        _agreement(
            therapy,
            setting,
            "salt-or-moiety-variant",
            f"{therapy.name}: different salts",
            f"{said}; the moiety and the daily dose are the same.",
        )
    ]


def _agreement(
    therapy: Therapy, setting: Setting, type_: str, title: str, message: str, doubt: str = ""
) -> Finding:
    return finding(
        setting,
        type_,
        [therapy],
        title=title,
        message=message,
        sources=[h.source for h in therapy.compared],
        evidence=spoken_facts(base_lines(therapy.compared)),
        bucket=Bucket.NOT_EVALUABLE if doubt else Bucket.SHOWN,
        reason=doubt,
    )


def _unproven(therapy: Therapy, held: Sequence[Holding]) -> str:
    """Why the doses cannot be called equal, in words; empty where they can."""
    if silent := [h.source for h in held if not h.said.dose.amounts]:
        return f"no daily dose is stated or could be read in {joined(silent)}"
    first, *others = therapy.words
    if not all(same_basis(therapy, first.dose, other.dose) for other in others):
        said = joined(f"{h.source} has {h.dose.words}" for h in held)
        return f"they are stated in ways that do not convert ({said})"
    return ""


def _kind_of_agreement(therapy: Therapy, held: Sequence[Holding]) -> tuple[str, str, str]:
    """Type, title and message of an agreement: one product, or several that come to the same."""
    dose, names = held[0].dose.words, joined(h.source for h in held)
    brands = {brand for said in therapy.words for brand in said.brands}
    branded = brands and any(said.generic for said in therapy.words)
    if (
        branded
        or len(brands) > 1
        or stating_otherwise(therapy, lambda said: said.products)
        or stating_otherwise(therapy, lambda said: said.strengths)
    ):
        return (
            "equivalent-product",
            f"{therapy.name}: equivalent products",
            f"{names} hold different products of {therapy.name} with the same daily dose, {dose}.",
        )
    return (
        "confirmed-match",
        f"{therapy.name}: the sources agree",
        f"{names} agree on {therapy.name}, {dose}.",
    )
