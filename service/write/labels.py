"""Which labels protect what carries them, and which label of a consent means which of an item.

Sources: HL7 v3-Confidentiality (U < L < M < N < R < V) and v3-ActCode (THO 6.3, ActCode 9.0);
FHIR R4 Consent.provision.securityLabel ("R" means R or lower, a high water mark; other labels
subsume); IHE ITI Privacy Consent on FHIR 53.4 (ETH stands above ETHUD and OPIOIDUD; what carries a
stigmatizing sensitivity is restricted, all else normal); 42 CFR 2.31(a), 45 CFR 164.508(a)(2) and
38 USC 7332 (what is told by a permission of its own only).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

SUBSTANCE_USE = frozenset({"42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD"})
_MIND = frozenset({"BH", "COGN", "DVD", "EMOTDIS", "MH", "PSY", "PSYTHPN", "HIPAAPsyNotes"})
_BODY_AND_LIFE = frozenset(
    {"ABORTION", "GDIS", "HIV", "MST", "SCA", "SDV", "SEX", "SICKLE", "SOGI", "STD", "TBOO", "VIO"}
)
_WHOLE = frozenset({"SPI", "Title38Section7332"})
SENSITIVE = SUBSTANCE_USE | _MIND | _BODY_AND_LIFE | _WHOLE
"""What something is about: it goes to another server by a permission that names it, or not."""

GRADES = "ULMNRV"
"""Confidentiality, from unrestricted to very restricted."""
RESTRICTED = frozenset({"R", "V"})

NEEDS_A_CONSENT = frozenset(
    {"NODSCLCD", "NODSCLCDS", "NORDSCLCD", "NORDSCLCDS", "NORDSLCD", "NOREDISCLOSEWOCON"}
)
"""Handling caveats: no (further) disclosure without a consent directive, whatever it names."""

NOT_TO_THE_PATIENT = frozenset({"NOPAT"})
"""No disclosure to patient, family or caregivers without the attending provider."""

PROTECTED = SENSITIVE | RESTRICTED
"""Labels each of which a permission has to name."""

_REFUSED_WITH = {
    "SPI": SUBSTANCE_USE | _MIND,
    "BH": _MIND | SUBSTANCE_USE,
    "MH": _MIND,
    "PSY": frozenset({"PSYTHPN", "HIPAAPsyNotes"}),
    "PSYTHPN": frozenset({"HIPAAPsyNotes"}),
    "HIPAAPsyNotes": frozenset({"PSYTHPN"}),
    "Title38Section7332": SUBSTANCE_USE | {"HIV", "SCA", "SICKLE"},
    **dict.fromkeys(SUBSTANCE_USE, SUBSTANCE_USE),
}
"""What a refusal of a label means beside it: read widely, as too much withheld does least harm."""

_PERMITTED_WITH = {"ETH": frozenset({"ETHUD", "OPIOIDUD"})}
"""What a permission of a label means beside it: only what a source says stands below it."""


def permitted(named: Collection[str], label: str) -> bool:
    """Whether a permission that names these labels means this label of an item."""
    if label in GRADES:
        return _grade(label) <= max((_grade(one) for one in named if one in GRADES), default=-1)
    return label in named or any(label in _PERMITTED_WITH.get(one, ()) for one in named)


def refused(named: Collection[str], carried: Collection[str]) -> bool:
    """Whether a refusal that names these labels may mean an item that carries those.

    A refusal of a grade means every grade beside it too: what R4 calls "R or lower" others read as
    "R or higher", and a sensitive item without a grade is a restricted one.
    """
    means = set(named).union(*(_REFUSED_WITH.get(one, frozenset()) for one in named))
    if means & set(carried):
        return True
    graded = any(one in GRADES for one in carried) or bool(SENSITIVE & set(carried))
    return graded and any(one in GRADES for one in named)


def on_substance_use(carried: Iterable[str]) -> bool:
    """Whether what carries these goes with the notice of 42 CFR 2.32."""
    return not SUBSTANCE_USE.isdisjoint(carried)


def _grade(label: str) -> int:
    return GRADES.index(label)
