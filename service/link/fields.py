"""How single fields of two records compare: names, birth dates, sex, phones, addresses.

A name is close by one wrong letter or an initial, a birth date by one digit or by day and month
swapped. What one of the records does not say is unknown, and never speaks against them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from enum import StrEnum

from service.link.blocking import digits, folded
from service.model.patient import PatientRecord


class Agreement(StrEnum):
    """How one field of two records compares."""

    AGREE = "agree"
    CLOSE = "close"
    DISAGREE = "disagree"
    UNKNOWN = "unknown"


def _names(ours: Sequence[str], theirs: Sequence[str]) -> Agreement:
    if not ours or not theirs:
        return Agreement.UNKNOWN
    if set(ours) & set(theirs):
        return Agreement.AGREE
    if any(_close(one, other) for one in ours for other in theirs):
        return Agreement.CLOSE
    return Agreement.DISAGREE


def _given(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    """The first given names decide; a later one that fits is close (called by the middle name)."""
    if not asked.given or not candidate.given:
        return Agreement.UNKNOWN
    if asked.given[0] == candidate.given[0]:
        return Agreement.AGREE
    if _close(asked.given[0], candidate.given[0]):
        return Agreement.CLOSE
    first_only = asked.given[0] in candidate.given or candidate.given[0] in asked.given
    return Agreement.CLOSE if first_only else Agreement.DISAGREE


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
        return Agreement.UNKNOWN
    if ours == theirs:
        return Agreement.AGREE
    swapped = (ours.year, ours.month, ours.day) == (theirs.year, theirs.day, theirs.month)
    digits = sum(a != b for a, b in zip(ours.isoformat(), theirs.isoformat(), strict=True))
    return Agreement.CLOSE if swapped or digits == 1 else Agreement.DISAGREE


def _sex(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    known = {"male", "female", "other"}
    if asked.sex not in known or candidate.sex not in known:
        return Agreement.UNKNOWN
    return Agreement.AGREE if asked.sex == candidate.sex else Agreement.DISAGREE


def _phone(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    return _shared(digits(asked.phones), digits(candidate.phones))


def _postal(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = folded(asked.postal_code)[:5], folded(candidate.postal_code)[:5]
    return _shared({ours} - {""}, {theirs} - {""})


def _address(asked: PatientRecord, candidate: PatientRecord) -> Agreement:
    ours, theirs = folded(asked.address_line), folded(candidate.address_line)
    if ours and theirs and ours != theirs and (ours in theirs or theirs in ours):
        return Agreement.CLOSE
    return _shared({ours} - {""}, {theirs} - {""})


def _shared(ours: Set[str], theirs: Set[str]) -> Agreement:
    if not ours or not theirs:
        return Agreement.UNKNOWN
    return Agreement.AGREE if ours & theirs else Agreement.DISAGREE


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
