"""Check digits: a mistyped LOINC or SNOMED CT code is refused before it can match nothing."""

from __future__ import annotations

_MULTIPLY = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_PERMUTE = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def loinc_is_sound(code: str) -> bool:
    """Whether a LOINC code ("14334-7") ends in its mod-10 (Luhn) check digit.

    Source: LOINC Users' Guide, appendix on check digits.
    """
    number, dash, digit = code.partition("-")
    if not (dash and number.isdecimal() and digit.isdecimal() and len(digit) == 1):
        return False
    total = 0
    for position, character in enumerate(reversed(number)):
        value = int(character) * (2 if position % 2 == 0 else 1)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10 == int(digit)


def snomed_is_sound(code: str) -> bool:
    """Whether a SNOMED CT identifier (6 to 18 digits) ends in its Verhoeff check digit.

    Source: SNOMED CT Release File Specifications, "Check-digit computation".
    """
    if not (code.isdecimal() and 6 <= len(code) <= 18):
        return False
    check = 0
    for position, character in enumerate(reversed(code)):
        check = _MULTIPLY[check][_PERMUTE[position % 8][int(character)]]
    return check == 0
