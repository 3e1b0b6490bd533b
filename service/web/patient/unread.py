"""What could not be read, folded: twelve results without a date are one sentence, not twelve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.web.language import counted


@dataclass(frozen=True, slots=True)
class Unread:
    """One kind of problem in one source. `references` is empty for what concerns no resource."""

    source: str
    what: str
    subject: str
    references: tuple[str, ...]


def day_notes(problems: Iterable[Mapping[str, str]]) -> list[str]:
    """What is to be said of the day itself: notes of no source and no resource."""
    return [p["what"] for p in problems if not p["source"] and not p["reference"]]


def unread(problems: Iterable[Mapping[str, str]]) -> list[Unread]:
    """Problems of one source, resource type and wording together, in the order of the report."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        if problem["source"] or problem["reference"]:
            type_ = problem["reference"].partition("/")[0]
            key = (problem["source"], type_, problem["what"])
            together.setdefault(key, []).append(problem["reference"])
    return [
        Unread(
            source=source,
            what=what,
            subject=_subject(type_, references),
            references=tuple(references) if type_ and len(references) > 1 else (),
        )
        for (source, type_, what), references in together.items()
    ]


def _subject(type_: str, references: list[str]) -> str:
    if not type_:
        return ""
    if len(references) == 1:
        return references[0]
    return counted("{count} {type}", "{count} {type}s", len(references), type=type_)
