"""How single fields of two records compare: names, birth dates, sex, phones, addresses.

A name is close by one wrong letter or an initial, a birth date by one digit or by day and month
swapped. What one of the records does not say is unknown, and never speaks against them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from service.link.blocking import digits, folded
from service.model.patient import PatientRecord


class Agreement(StrEnum):
    """How one field of two records compares."""

    AGREE = "agree"
    CLOSE = "close"
    DISAGREE = "disagree"
    UNKNOWN = "unknown"


AGREE, CLOSE = Agreement.AGREE, Agreement.CLOSE
DISAGREE, UNKNOWN = Agreement.DISAGREE, Agreement.UNKNOWN
_SEXES = frozenset({"male", "female", "other"})


def _names(ours: Sequence[str], theirs: Sequence[str]) -> Agreement:
    if not ours or not theirs:
        return UNKNOWN
    if not set(ours).isdisjoint(theirs):
        return AGREE
    if any(_close(one, other) for one in ours for other in theirs):
        return CLOSE
    return DISAGREE


def _given(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    """The first given names decide; a later one that fits is close (called by the middle name)."""
    if not asked.given or not candidate.given:
        return UNKNOWN
    if asked.given[0] == candidate.given[0]:
        return AGREE
    if _close(asked.given[0], candidate.given[0]):
        return CLOSE
    first_only = asked.given[0] in candidate.given or candidate.given[0] in asked.given
    return CLOSE if first_only else DISAGREE


def _close(one: str, other: str) -> bool:
    """One letter apart (names of five or more), an initial, or the beginning of the other."""
    short, long = sorted((one, other), key=len)
    if not short:
        return False
    if long.startswith(short) and (len(short) == 1 or len(short) >= 3):
        return True
    if len(short) < 5 or len(long) - len(short) > 1:
        return False
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long, strict=True)) <= 1
    index = next((i for i, c in enumerate(short) if c != long[i]), len(short))
    return short[index:] == long[index + 1 :]


def _birth(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = asked.birth_date, candidate.birth_date
    if ours is None or theirs is None:
        return UNKNOWN
    if ours == theirs:
        return AGREE
    swapped = (ours.year, ours.month, ours.day) == (theirs.year, theirs.day, theirs.month)
    digits = sum(a != b for a, b in zip(ours.isoformat(), theirs.isoformat(), strict=True))
    return CLOSE if swapped or digits == 1 else DISAGREE


def _sex(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    if asked.sex not in _SEXES or candidate.sex not in _SEXES:
        return UNKNOWN
    return AGREE if asked.sex == candidate.sex else DISAGREE


def _phone(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = digits(asked.phones), digits(candidate.phones)
    if not ours or not theirs:
        return UNKNOWN
    return DISAGREE if ours.isdisjoint(theirs) else AGREE


def _postal(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = folded(asked.postal_code)[:5], folded(candidate.postal_code)[:5]
    if not ours or not theirs:
        return UNKNOWN
    return AGREE if ours == theirs else DISAGREE


def _address(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = folded(asked.address_line), folded(candidate.address_line)
    if not ours or not theirs:
        return UNKNOWN
    if ours == theirs:
        return AGREE
    return CLOSE if ours in theirs or theirs in ours else DISAGREE


FIELDS: Mapping[str, Callable[[PatientRecord, PatientRecord], Agreement]] = {
    "birthdate": _birth,
    "family": lambda ours, theirs: _names(ours.family, theirs.family),
    "given": _given,
    "sex": _sex,
    "phone": _phone,
    "postal": _postal,
    "address": _address,
}
"""Each compared field by its name, as the evidence of a link gives it."""
