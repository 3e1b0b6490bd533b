"""The monitoring calendar: what is due for which drug, when and where it was done, whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.web.language import counted, say
from service.web.words import days_between, first_upper, unit_words


def calendar(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The plan's entries, overdue ones first, each with the newest result of any source.

    `late` says how long it is overdue, or in how many days it is due.
    """
    names = {m["id"]: m["display"] for m in content["medications"]}
    results = content.get("context", {}).get("results", ())
    found = []
    for entry in content.get("plan", {}).get("calendar", ()):
        done = [r for r in results if entry["what"] in r["titles"]]
        last = max(done, key=lambda r: r["date"], default=None)
        found.append(
            {
                "what": first_upper(entry["what"]),
                "drugs": [names[one] for one in entry["medications"] if one in names],
                "due": entry["due"],
                "overdue": entry["overdue"],
                "late": late_words(entry["due"], str(content["as_of"])),
                "last": last["date"] if last else "",
                "value": _value(last) if last else "",
                "where": last["source"] if last else "",
                "owner": entry["owner"] or "",
                "visit": entry["appointment_date"] or "",
                "rule": entry["rule"],
            }
        )
    return sorted(found, key=lambda one: (not one["overdue"], one["due"], one["what"]))


def late_words(due: str, as_of: str) -> str:
    """ "overdue by 12 days", "due today", "in 8 days"."""
    days = days_between(as_of, due)
    if days == 0:
        return say("due today")
    if days > 0:
        return counted("in {count} day", "in {count} days", days)
    return counted("overdue by {count} day", "overdue by {count} days", -days)


def _value(result: Mapping[str, Any]) -> str:
    if result["value"] is None:
        return str(result["text"])
    return unit_words(f"{result['comparator']}{result['value']} {result['unit']}")
