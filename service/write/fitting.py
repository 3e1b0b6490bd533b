"""How surely one side of a consent's rule is about what is asked: whom, when, and for what."""

from __future__ import annotations

from datetime import date
from enum import IntEnum

from service.model.consent import Party

_HOLDERS = frozenset({"CST", "AUT", "AUTM", "SRC"})
"""Roles by which a consent names who holds the data, not who receives it (ParticipationType)."""


class Match(IntEnum):
    """Whether one side of a rule fits; the least of several sides is what the rule does."""

    NO = 0
    UNKNOWN = 1
    YES = 2


def receivers(actors: tuple[Party, ...]) -> tuple[Party, ...]:
    return tuple(one for one in actors if one.role not in _HOLDERS)


def holders(actors: tuple[Party, ...]) -> tuple[Party, ...]:
    return tuple(one for one in actors if one.role in _HOLDERS)


def named(parties: tuple[Party, ...], known: frozenset[str]) -> Match:
    """Whether one of the parties is who goes by `known`; anybody where no party is named."""
    if not parties:
        return Match.YES
    return max(_is(party, known) for party in parties)


def _is(party: Party, known: frozenset[str]) -> Match:
    """The same in one identifier is yes; another value in a system that both use is no.

    A person is never surely nobody there: an organization's servers are read by its people.
    """
    if party.reference in known or known & set(party.identifiers):
        return Match.YES
    systems = {one.partition("|")[0] for one in known if "|" in one}
    theirs = {one.partition("|")[0] for one in party.identifiers}
    kind = party.reference.partition(":")[2].partition("/")[0]
    return Match.NO if systems & theirs and kind in {"Organization", ""} else Match.UNKNOWN


def either(asked: tuple[str, ...], ours: frozenset[str]) -> Match:
    return Match.YES if not asked or ours & set(asked) else Match.NO


def within(day: date | None, start: date | None, end: date | None) -> Match:
    if start is None and end is None:
        return Match.YES
    if day is None:
        return Match.UNKNOWN
    inside = (start is None or start <= day) and (end is None or day <= end)
    return Match.YES if inside else Match.NO
