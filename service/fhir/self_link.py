"""What a searchset's self link still holds of the search that was sent: the server's own word on
what it searched for."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

PATIENT_PARAMS = frozenset({"patient", "subject"})


def dropped(link: str, sent: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Names of the parameters that the link no longer holds: the server ignored them."""
    try:
        held = parse_qsl(urlsplit(link).query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        held = []
    return tuple(name for name, value in sent if not _holds(held, name, value))


def _holds(held: list[tuple[str, str]], name: str, value: str) -> bool:
    """Whether a self link still holds a parameter; a patient may be named in several ways."""
    if name in PATIENT_PARAMS:
        asked = value.removeprefix("Patient/")
        return any(
            other.split(":", 1)[0].split(".", 1)[0] in PATIENT_PARAMS
            and there.rsplit("/", 1)[-1] == asked
            for other, there in held
        )
    wanted = set(value.split(","))
    found = {
        part
        for other, there in held
        if other.split(":", 1)[0] == name.split(":", 1)[0]
        for part in there.split(",")
    }
    return wanted <= found or any(
        other.split(":", 1)[0] == name.split(":", 1)[0] and there == value for other, there in held
    )
