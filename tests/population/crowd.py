"""Many synthetic patients: the golden ones copied under other names, ids and birth dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from tests.patients.golden import patients

SOURCES = ("pharmacy", "primary-care", "psychiatry")
_encoder = msgspec.json.Encoder(decimal_format="number")
_SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "po", "ri", "su", "ta", "ve", "wi", "xo")


@cache
def _golden() -> tuple[tuple[str, dict[str, tuple[tuple[str, str, str], ...]]], ...]:
    """Name and, by source, (type, id, JSON) of each resource, of patients with simple sources."""
    found = []
    for patient in patients():
        charts = {}
        for source in patient.sources:
            charts[source] = tuple(
                (one["resourceType"], one["id"], _encoder.encode(one).decode())
                for one in patient.resources(source)
                if "id" in one
            )
        ids = {one[1] for chart in charts.values() for one in chart if one[0] == "Patient"}
        if len(ids) == 1 and set(charts) <= set(SOURCES):
            found.append((ids.pop(), charts))
    return tuple(found)


def word(number: int) -> str:
    """A name of letters alone, another one for every number."""
    letters = ""
    while True:
        number, digit = divmod(number, len(_SYLLABLES))
        letters += _SYLLABLES[digit]
        if not number:
            return letters


def chart(number: int) -> Iterator[tuple[str, str, bytes]]:
    """(source, type, line) of everything about the patient of this number."""
    golden = _golden()
    own, charts = golden[number % len(golden)]
    new = f"p{number}"
    for source, resources in charts.items():
        for kind, _, text in resources:
            line = text.replace(own, new)
            if kind == "Patient":
                line = _encoder.encode(_renamed(msgspec.json.decode(line), number)).decode()
            yield source, kind, line.encode()


def _renamed(patient: dict[str, Any], number: int) -> dict[str, Any]:
    born = date(1940, 1, 1) + timedelta(days=number % 20_000)
    for identifier in patient.get("identifier", ()):
        identifier["value"] = f"{identifier['value']}-{number}"
    family, given = word(number + 7).title(), word(number * 3 + 5).title()
    return {
        **patient,
        "name": [{"family": family, "given": [given]}],
        "birthDate": born.isoformat(),
        "telecom": [{"system": "phone", "value": f"555{number:07}"}],
    }


def write_exports(folder: Path, count: int, *, lines: int | None = None) -> int:
    """NDJSON exports of three sources, a file for each type; returns how many lines they hold.

    Args:
        count: how many patients; with `lines` as many as give so many lines.
    """
    files: dict[tuple[str, str], Any] = {}
    written = number = 0
    try:
        while number < count if lines is None else written < lines:
            for source, kind, line in chart(number):
                if (source, kind) not in files:
                    (folder / source).mkdir(parents=True, exist_ok=True)
                    files[source, kind] = (folder / source / f"{kind}.ndjson").open("wb")
                files[source, kind].write(line + b"\n")
                written += 1
            number += 1
    finally:
        for file in files.values():
            file.close()
    return written
