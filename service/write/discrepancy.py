"""Discrepancies in the codes of the French reconciliation sheet (FCT), and the ConceptMap to them.

Sources: HL7 France, medication guide 0.1.0 (draft of 2026-01-20), code systems
fr-medication-reconciliation-discrepancy and fr-medication-reconciliation-type; the relations are
ours (FHIR R4 ConceptMapEquivalence: "wider" where the French code means more than ours).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from service.write.codes import AXIS_SYSTEM, FCT_SYSTEM, FINDING_SYSTEM, Code

_QUALIFIED = f"{FCT_SYSTEM}discrepancy"
_TYPED = f"{FCT_SYSTEM}type"

UNQUALIFIED = Code(_QUALIFIED, "10000002", "Divergence non qualifiée")
INTENDED = Code(_QUALIFIED, "10000003", "Divergence intentionnelle")
UNINTENDED = Code(_QUALIFIED, "10000004", "Divergence non-intentionnelle")
_AXES = {
    "agreement": Code(_QUALIFIED, "10000001", "Pas de divergence"),
    "unqualified": UNQUALIFIED,
    "intended": INTENDED,
    "unintended": UNINTENDED,
}

_POSOLOGY = Code(_TYPED, "10000001", "Erreur posologie")
_PRESCRIBED = Code(_TYPED, "10000002", "Oubli médicament prescrit")
_SELF_MEDICATION = Code(_TYPED, "10000003", "Oubli automédication")
_SUBSTITUTION = Code(_TYPED, "10000004", "Erreur substitution")
_FORM = Code(_TYPED, "10000005", "Erreur forme galénique")
_ADDED = Code(_TYPED, "10000006", "Ajout")
_OTHER = Code(_TYPED, "10000007", "Autre")


class Mapped(NamedTuple):
    """The French code for a type of finding and how it relates to it."""

    code: Code
    equivalence: str
    comment: str = ""


TYPES = {
    "dose-mismatch": Mapped(_POSOLOGY, "wider"),
    "frequency-mismatch": Mapped(_POSOLOGY, "wider"),
    "prn-versus-scheduled": Mapped(_POSOLOGY, "wider"),
    "form-mismatch": Mapped(_FORM, "equivalent"),
    "route-mismatch": Mapped(_OTHER, "wider"),
    "omission-prescribed": Mapped(_PRESCRIBED, "equivalent"),
    "omission-specialist-supplied": Mapped(_PRESCRIBED, "wider"),
    "omission-self-medication": Mapped(_SELF_MEDICATION, "equivalent"),
    "addition": Mapped(_ADDED, "equivalent"),
    "dispensed-not-as-ordered": Mapped(
        _SUBSTITUTION, "inexact", "Ours also means another strength or dose of the same drug."
    ),
}
UNMATCHED = (
    "indication-mismatch",
    "prescriber-mismatch",
    "poly-pharmacy-supply",
    "stopped-versus-active",
    "held-versus-active",
    "stale-entry",
    "superseded-not-closed",
    "duplicate-same-drug",
    "therapeutic-duplication",
    "parent-metabolite-duplication",
)
"""Discrepancies of families B to D for which the French list has no code but "other"."""


def codings(finding_type: str, *, intentional: bool | None) -> list[Code]:
    """The French codes of a finding, its type first; none for what is no discrepancy.

    Args:
        intentional: a person's word; None where nobody judged it.
    """
    if finding_type not in TYPES and finding_type not in UNMATCHED:
        return []
    mapped = TYPES.get(finding_type)
    judged = {None: UNQUALIFIED, True: INTENDED, False: UNINTENDED}[intentional]
    return [*([mapped.code] if mapped else []), judged]


def concept_map() -> dict[str, Any]:
    """The ConceptMap (FHIR R4) from our types and axes to the French codes."""
    return {
        "resourceType": "ConceptMap",
        "url": "urn:uuid:a2742f9c-bf80-54ff-9e59-d6020413851a",
        "version": "1",
        "name": "DiscrepanciesToFct",
        "title": "Discrepancies of Concord in the codes of the French reconciliation sheet",
        "status": "draft",
        "experimental": False,
        "description": (
            "The target code systems are a draft (HL7 France, medication guide 0.1.0, 2026-01-20). "
            "The relations are ours and not reviewed by Interop'Santé."
        ),
        "group": [
            {
                "source": FINDING_SYSTEM,
                "target": _TYPED,
                "targetVersion": "0.1.0",
                "element": [
                    *(_element(name, mapped) for name, mapped in TYPES.items()),
                    *(_unmatched(name) for name in UNMATCHED),
                ],
            },
            {
                "source": AXIS_SYSTEM,
                "target": _QUALIFIED,
                "targetVersion": "0.1.0",
                "element": [
                    _element(name, Mapped(code, "equivalent")) for name, code in _AXES.items()
                ],
            },
        ],
    }


def _element(name: str, mapped: Mapped) -> dict[str, Any]:
    target = {
        "code": mapped.code.code,
        "display": mapped.code.display,
        "equivalence": mapped.equivalence,
    }
    if mapped.comment:
        target["comment"] = mapped.comment
    return {"code": name, "display": name.replace("-", " "), "target": [target]}


def _unmatched(name: str) -> dict[str, Any]:
    said = "The French list has no code for it but Autre."
    target = {"equivalence": "unmatched", "comment": said}
    return {"code": name, "display": name.replace("-", " "), "target": [target]}
