"""Patient as PatientRecord: names folded, telephone numbers as digits, links followed.

Source: HL7 FHIR R4 (4.0.1), Patient; v2-0203 for identifier types.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from service.model.evidence import Origin
from service.model.patient import Identifier, PatientRecord
from service.normalize.concept import codings, families, name_of, reference_key
from service.normalize.context import Notes
from service.normalize.wire import base, clinical

_OLD_NAMES = frozenset({"old", "maiden"})
_NO_DIGITS = re.compile(r"[^0-9]+")
_PHONES = frozenset({"phone", "sms"})


def record(origin: Origin, found: clinical.Patient, notes: Notes) -> PatientRecord:
    """One source's patient; the address and names in use come first."""
    names = sorted(found.name, key=lambda name: name.use in _OLD_NAMES)
    address = next((one for one in found.address if one.use != "old"), None)
    died = notes.first_day(found.deceased_date_time, "deceasedDateTime")
    return PatientRecord(
        origin=origin,
        identifiers=tuple(map(_identifier, filter(lambda one: one.value, found.identifier))),
        family=_folded(family for name in names for family in _family(name)),
        given=_folded(given for name in names for given in _given(name)),
        display=name_of(names[0]) if names else "",
        birth_date=notes.first_day(found.birth_date, "birthDate")
        if len(found.birth_date) != 4 and len(found.birth_date) != 7
        else None,
        sex=found.gender,
        phones=tuple(
            dict.fromkeys(
                digits
                for contact in found.telecom
                if contact.system in _PHONES and (digits := _digits(contact.value))
            )
        ),
        postal_code=fold(address.postal_code).replace(" ", "") if address else "",
        address_line=fold(" ".join(address.line)) if address else "",
        deceased=bool(found.deceased_boolean) or bool(found.deceased_date_time),
        deceased_on=died,
        active=found.active,
        replaced_by=next(
            (reference_key(link.other) for link in found.link if link.type == "replaced-by"), None
        )
        or None,
        general_practitioners=tuple(filter(None, map(reference_key, found.general_practitioner))),
    )


def fold(text: str) -> str:
    """Lower case without accents and needless space, so that spellings of one name compare."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFKD", folded)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(letters.replace("’", "'").split())


def _family(name: base.HumanName) -> tuple[str, ...]:
    """The family name, or the last word of a name that was only written as a whole."""
    if (known := families(name)) or name.given or not name.text:
        return known
    before, comma, _ = name.text.partition(",")
    return (before,) if comma else tuple(name.text.split()[-1:])


def _given(name: base.HumanName) -> tuple[str, ...]:
    if name.given or families(name) or not name.text:
        return name.given
    _, comma, after = name.text.partition(",")
    return tuple(after.split()) if comma else tuple(name.text.split()[:-1])


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(folded for name in names if (folded := fold(name))))


def _identifier(found: base.Identifier) -> Identifier:
    kind = next((coding.code for coding in codings(found.type) if coding.code), "")
    return Identifier(found.system, found.value, kind)


def _digits(number: str) -> str:
    """Digits only, without a leading country code of North America."""
    digits = _NO_DIGITS.sub("", number)
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
