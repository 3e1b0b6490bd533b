"""Check digits: one digit wrong, or two neighbours swapped, is noticed."""

from __future__ import annotations

import pytest

from service.mappings.codes import loinc_is_sound, snomed_is_sound

LOINC = ("14334-7", "751-8", "2160-0", "98979-8", "44261-6")
SNOMED = ("77386006", "84757009", "13746004", "52448006")


@pytest.mark.parametrize("code", LOINC)
def test_a_loinc_code_is_sound_with_its_own_check_digit_alone(code: str) -> None:
    number = code[:-1]
    assert [d for d in "0123456789" if loinc_is_sound(number + d)] == [code[-1]]


@pytest.mark.parametrize("code", SNOMED)
def test_every_single_wrong_digit_of_a_snomed_identifier_is_noticed(code: str) -> None:
    assert snomed_is_sound(code)
    for place, right in enumerate(code):
        for digit in set("0123456789") - {right}:
            assert not snomed_is_sound(code[:place] + digit + code[place + 1 :])


@pytest.mark.parametrize("code", SNOMED)
def test_swapped_neighbours_of_a_snomed_identifier_are_noticed(code: str) -> None:
    for place in range(len(code) - 1):
        one, two = code[place], code[place + 1]
        if one != two:
            assert not snomed_is_sound(code[:place] + two + one + code[place + 2 :])


@pytest.mark.parametrize("code", ["", "7518", "751-", "751-88", "a-1", "-0"])
def test_what_is_no_loinc_code_is_not_sound(code: str) -> None:
    assert not loinc_is_sound(code)
