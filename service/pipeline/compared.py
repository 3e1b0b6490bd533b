"""What two reports of a patient tell differently: what was shown, not how it was read.

Each line, fact and finding counts with its version, and how complete each source is. How many
resources a server holds is no part of it, as our own earlier writes are among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COUNTED = ("resources", "counts", "reasons")
_MADE_WITH = "provenance"


def differences(seen: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a report is no longer as it was shown, in words that name no patient."""
    found = []
    before = {source["name"]: source["state"] for source in seen["sources"]}
    for source in now["sources"]:
        if source["state"] != before.get(source["name"]):
            found.append(f"{source['name']} is {source['state']}")
    for part, one, many in (
        ("medications", "medication", "medications"),
        ("findings", "finding", "findings"),
    ):
        count = _moved(seen[part], now[part])
        if count:
            found.append(f"{count} {one if count == 1 else many}")
    if not found and _shown(seen) != _shown(now):
        found.append("something beside the medications")
    return tuple(found)


def on_the_same_day(seen: Mapping[str, Any], now: Mapping[str, Any]) -> Mapping[str, Any]:
    """The later report as if it stood on the earlier one's day: a day alone changes nothing."""
    return {**now, "as_of": seen["as_of"]}


def _moved(seen: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> int:
    """How many entries came, went or changed."""
    before = {one["id"]: one for one in seen}
    after = {one["id"]: one for one in now}
    return sum(before.get(id_) != after.get(id_) for id_ in before.keys() | after.keys())


def _shown(report: Mapping[str, Any]) -> dict[str, Any]:
    sources = [
        {name: value for name, value in source.items() if name not in _COUNTED}
        for source in report["sources"]
    ]
    return {**report, "sources": sources, _MADE_WITH: None}
