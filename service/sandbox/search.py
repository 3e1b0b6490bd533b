"""Which resources match a search (FHIR R4, "Search"): pure functions over decoded JSON."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from service.sandbox.exchange import Refusal, Resource
from service.sandbox.parameters import Parameter
from service.sandbox.references import local_reference

_MODIFIERS = {
    "token": {"", "not", "missing"},
    "reference": {"", "missing", "identifier"},
    "date": {"", "missing"},
    "string": {"", "exact", "contains", "missing"},
    "uri": {"", "missing"},
}
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_COMPARISONS = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def values(resource: Any, path: str) -> Iterator[Any]:
    """Every value that stands under a dotted path; lists are looked through."""
    name, _, rest = path.partition(".")
    found = resource.get(name) if isinstance(resource, dict) else None
    for item in found if isinstance(found, list) else [found]:
        if item is None:
            continue
        if rest:
            yield from values(item, rest)
        else:
            yield item


def matches(resource: Resource, parameter: Parameter, modifier: str, value: str, base: str) -> bool:
    """Whether a resource matches one parameter; `value` may be a comma list, any of it suffices.

    Args:
        base: base URL of the server, so that absolute references to itself are its own.
    Raises: Refusal 400 for a modifier or a value that the parameter's type does not have.
    """
    found = [item for path in parameter.paths for item in values(resource, path)]
    of_type = modifier if parameter.kind == "reference" and modifier[:1].isupper() else ""
    if not of_type and modifier not in _MODIFIERS[parameter.kind]:
        raise Refusal(400, "not-supported", f"{parameter.name}: no modifier :{modifier} here")
    if modifier == "missing":
        return (value == "true") is not bool(found)
    wanted = [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", value) if part]
    if modifier == "not":
        return not any(_token(item, part) for item in found for part in wanted)
    match parameter.kind:
        case "token":
            return any(_token(item, part) for item in found for part in wanted)
        case "reference" if modifier == "identifier":
            logical = [x for item in found for x in values(item, "identifier")]
            return any(_token(item, part) for item in logical for part in wanted)
        case "reference":
            of_type = "Patient" if parameter.name == "patient" else of_type
            return any(_reference(item, part, of_type, base) for item in found for part in wanted)
        case "date":
            ranges = [_search_range(parameter.name, part) for part in wanted]
            return any(_date(item, *asked) for item in found for asked in ranges)
        case "string":
            return any(_string(item, part, modifier) for item in found for part in wanted)
        case _:
            return any(item == part for item in found for part in wanted)


def _token(item: Any, wanted: str) -> bool:
    """Coding, CodeableConcept, Identifier, ContactPoint, code or boolean against `system|code`."""
    system, bar, code = wanted.rpartition("|")
    if isinstance(item, dict):
        if "coding" in item or ("text" in item and "value" not in item):
            return any(_token(coding, wanted) for coding in values(item, "coding"))
        own_code = item.get("code", item.get("value"))
        return (not code or own_code == code) and (not bar or item.get("system", "") == system)
    if isinstance(item, bool):
        return wanted == ("true" if item else "false")
    return bool(item == code) and not (bar and not code)


def _reference(item: Any, wanted: str, of_type: str, base: str) -> bool:
    text = item.get("reference") if isinstance(item, dict) else item
    if not isinstance(text, str):
        return False
    own, asked = local_reference(text, base), local_reference(wanted, base)
    if of_type and own.split("/")[0] != of_type and "://" not in own:
        return False
    return own == asked or ("/" not in asked and own.partition("/")[2] == asked)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def _string(item: Any, wanted: str, modifier: str) -> bool:
    """Starts-with, case and accents ignored; HumanName and Address by any of their parts."""
    if isinstance(item, dict):
        parts = (part for key in item for part in values(item, key) if isinstance(part, str))
        return any(_string(part, wanted, modifier) for part in parts)
    if modifier == "exact":
        return bool(item == wanted)
    own, asked = _folded(str(item)), _folded(wanted)
    return asked in own if modifier == "contains" else own.startswith(asked)


def date_range(text: str) -> tuple[datetime, datetime] | None:
    """[start, end) in UTC of a FHIR date, dateTime or instant; None when it is none.

    Without an offset it counts as UTC. 24:00 and leap seconds move on to the next second.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, _fraction, zone = match.groups()
    try:
        start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        start += timedelta(hours=int(hour or 0), minutes=int(minute or 0), seconds=int(second or 0))
        if match[7]:
            start += timedelta(seconds=float(match[7]))
        if zone and zone != "Z":
            sign = -1 if zone[0] == "+" else 1
            start += sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        if day is None:
            months = int(year) * 12 + int(month or 1) - 1 + (1 if month else 12)
            end = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
        elif hour is None:
            end = start + timedelta(days=1)
        elif second is None:
            end = start + timedelta(minutes=1)
        else:
            end = start + (timedelta(milliseconds=1) if match[7] else timedelta(seconds=1))
    except (ValueError, OverflowError):
        return (_LATEST, _LATEST) if year == "9999" else None
    return start, end


def _search_range(name: str, wanted: str) -> tuple[str, datetime, datetime]:
    prefix = wanted[:2] if wanted[:2] in _COMPARISONS else "eq"
    text = wanted[2:] if wanted[:2] in _COMPARISONS else wanted
    # A "+" in the offset that was not encoded arrives as a blank.
    asked = date_range(text.replace(" ", "+"))
    if asked is None:
        raise Refusal(400, "value", f"{name}: {wanted!r} is no date")
    return prefix, *asked


def _own_range(item: Any) -> tuple[datetime, datetime] | None:
    """The range of a date, Period or Timing; an open end is open."""
    if isinstance(item, str):
        return date_range(item)
    if not isinstance(item, dict):
        return None
    if "event" in item or "repeat" in item:
        inner = [*values(item, "event"), *values(item, "repeat.boundsPeriod")]
        ranges = [found for part in inner if (found := _own_range(part))]
        if not ranges:
            return None
        return min(start for start, _ in ranges), max(end for _, end in ranges)
    start = date_range(str(item.get("start", "")))
    end = date_range(str(item.get("end", "")))
    if start is None and end is None:
        return None
    return (start[0] if start else _EARLIEST), (end[1] if end else _LATEST)


def _date(item: Any, prefix: str, start: datetime, end: datetime) -> bool:
    """R4 search, "date": the comparison of the resource's range with the searched one."""
    own = _own_range(item)
    if own is None:
        return False
    inside = start <= own[0] and own[1] <= end
    match prefix:
        case "eq":
            return inside
        case "ne":
            return not inside
        case "gt":
            return own[1] > end
        case "lt":
            return own[0] < start
        case "ge":
            return own[1] > end or inside
        case "le":
            return own[0] < start or inside
        case "sa":
            return own[0] >= end
        case "eb":
            return own[1] <= start
        case _:
            return own[0] < end and start < own[1]
