"""What changed between what a person saw and what stands now, field by field, in words.

Between two reports of one patient, or between two versions of one resource. Pure: the same two give
the same differences in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST = 200
"""Values of one resource that are told apart; more say only that there are more."""

_SERVERS_OWN = frozenset({"meta", "text"})
_MEDICATION = ("state", "route", "form", "agreement", "change")
_LINE = ("status", "text", "sig", "timing", "route", "as_needed", "start", "end", "requester")
_FINDING = ("severity", "bucket", "message", "advice", "due")


@dataclass(frozen=True, slots=True)
class Field:
    """One value: what it is called, and its words before and now ("" where there was none)."""

    name: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that came ("added"), went ("removed") or is told otherwise ("changed").

    `about` is "source", "medication", "line" or "finding"; `place` names it apart from its words.
    """

    about: str
    kind: str
    place: str
    title: str
    fields: tuple[Field, ...] = ()


def report_changes(seen: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """What two reports tell differently: sources, then medications with their lines, then findings.

    What a report was made with, and how many resources a server holds, is no part of it.
    """
    return (
        *_sources(seen["sources"], now["sources"]),
        *_medications(seen["medications"], now["medications"]),
        *_findings(seen["findings"], now["findings"]),
    )


def value_changes(seen: object, now: object) -> tuple[Field, ...]:
    """The values at which two versions of one resource differ, by path; at most `MOST` of them.

    What servers write by themselves (meta, text) is left out.
    """
    found: list[Field] = []
    for field in _values(seen, now, ""):
        if len(found) == MOST:
            found.append(Field("and more", "", ""))
            break
        found.append(field)
    return tuple(found)


def _sources(
    seen: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterator[Change]:
    yield from _paired("source", "name", "name", seen, now, ("state",))


def _medications(
    seen: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterator[Change]:
    changes = {
        change.place: change
        for change in _paired("medication", "id", "display", seen, now, _MEDICATION)
    }
    before, after = _by(seen, "id"), _by(now, "id")
    for place in dict.fromkeys([*before, *after]):
        if place in changes:
            yield changes[place]
        old, new = before.get(place), after.get(place)
        if old is not None and new is not None:
            yield from _lines(old, new)


def _lines(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    named = [
        [dict(line, place=f"{line['source']}:{line['reference']}") for line in one["lines"]]
        for one in (old, new)
    ]
    yield from _paired("line", "place", "text", named[0], named[1], _LINE)


def _findings(
    seen: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> Iterator[Change]:
    """By id; one that says the same of the same drugs with another value is one that changed."""
    same = _by(seen, "id").keys() & _by(now, "id").keys()
    old = [dict(one, place=_stem(one)) for one in seen if one["id"] not in same]
    new = [dict(one, place=_stem(one)) for one in now if one["id"] not in same]
    yield from _paired("finding", "place", "title", old, new, _FINDING)


def _stem(finding: Mapping[str, Any]) -> str:
    return " ".join([finding["rule"]["id"], *sorted(finding["medications"])])


def _paired(
    about: str,
    key: str,
    title: str,
    seen: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]],
    names: Iterable[str],
) -> Iterator[Change]:
    before, after = _by(seen, key), _by(now, key)
    for place in dict.fromkeys([*before, *after]):
        old, new = before.get(place), after.get(place)
        if old is None and new is not None:
            yield Change(about, "added", place, str(new[title]))
        elif new is None and old is not None:
            yield Change(about, "removed", place, str(old[title]))
        elif old is not None and new is not None:
            fields = tuple(_fields(old, new, names))
            if fields:
                yield Change(about, "changed", place, str(new[title]), fields)


def _fields(
    old: Mapping[str, Any], new: Mapping[str, Any], names: Iterable[str]
) -> Iterator[Field]:
    for name in names:
        before, now = _words(old.get(name)), _words(new.get(name))
        if before != now:
            yield Field(name.replace("_", " "), before, now)
    if "daily_dose" in old or "daily_dose" in new:
        before, now = _dose(old.get("daily_dose")), _dose(new.get("daily_dose"))
        if before != now:
            yield Field("daily dose", before, now)


def _dose(dose: Mapping[str, Any] | None) -> str:
    return f"{dose['value']} {dose['unit']} a day" if dose else ""


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _by(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    return {str(one[key]): one for one in rows}


def _values(seen: object, now: object, path: str) -> Iterator[Field]:
    if isinstance(seen, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*seen, *now]):
            if path or name not in _SERVERS_OWN:
                yield from _values(seen.get(name), now.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(seen, list) and isinstance(now, list):
        for number in range(max(len(seen), len(now))):
            before = seen[number] if number < len(seen) else None
            after = now[number] if number < len(now) else None
            yield from _values(before, after, f"{path}[{number}]")
    elif seen is None and isinstance(now, dict | list):
        yield from _values(type(now)(), now, path)
    elif now is None and isinstance(seen, dict | list):
        yield from _values(seen, type(seen)(), path)
    elif seen != now or isinstance(seen, bool) != isinstance(now, bool):
        yield Field(path, _plain(seen), _plain(now))


def _plain(value: object) -> str:
    return "several values" if isinstance(value, dict | list) else _words(value)
