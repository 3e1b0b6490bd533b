"""Keys under which records of one person meet, so that few pairs need to be compared.

A pair is compared when it shares one key: an identifier, family name with birth date, given name
with birth date, both names with the year of birth, or a phone number. One wrong field therefore
never keeps two records of one person apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from service.model.patient import PatientRecord

_CROWD = 200


def keys(record: PatientRecord) -> frozenset[str]:
    """The blocking keys of one record; none where it says nothing that could be looked up."""
    found = {
        f"i|{identifier.system}|{folded(identifier.value)}"
        for identifier in record.identifiers
        if identifier.system and identifier.value
    }
    family = record.family[0] if record.family else ""
    given = record.given[0] if record.given else ""
    born = record.birth_date
    if born is not None:
        found |= {f"f|{name}|{born}" for name in record.family}
        found |= {f"g|{name}|{born}" for name in record.given}
        if family and given:
            found.add(f"n|{family}|{given}|{born.year}")
    found |= {f"p|{number}" for number in digits(record.phones)}
    return frozenset(found)


def candidates(
    records: Iterable[PatientRecord], crowd: int = _CROWD
) -> Iterator[tuple[PatientRecord, PatientRecord]]:
    """Every pair that shares a key, each once.

    A key that more than `crowd` records share (a clinic's own phone number) names nobody and is
    left out, so that the work stays linear in the records.
    """
    blocks: dict[str, list[int]] = defaultdict(list)
    listed = list(records)
    for index, record in enumerate(listed):
        for key in keys(record):
            blocks[key].append(index)
    seen: set[tuple[int, int]] = set()
    for members in blocks.values():
        if len(members) > crowd:
            continue
        for place, first in enumerate(members):
            for second in members[place + 1 :]:
                if (first, second) not in seen:
                    seen.add((first, second))
                    yield listed[first], listed[second]


def folded(value: str) -> str:
    """An identifier as it is compared: letters and digits only, lower case."""
    plain = value.casefold()
    return plain if plain.isalnum() else "".join(filter(str.isalnum, plain))


def digits(phones: Iterable[str]) -> frozenset[str]:
    """Phone numbers by their last ten digits: some write the country code, others do not."""
    numbers = [
        (phone if phone.isdigit() else "".join(filter(str.isdigit, phone)))[-10:]
        for phone in phones
    ]
    return frozenset([number for number in numbers if len(number) >= 7])
