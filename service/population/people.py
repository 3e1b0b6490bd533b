"""Which records of all sources are one person.

Records that share a key are compared, identifiers first; what resembles each other at all is then
settled together, as for one patient. Only what is certain becomes one person; the rest stays apart,
each with a report of its own that names the other.
"""

from __future__ import annotations

import os
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.link.grade import Weights, grade
from service.link.match import links
from service.model.evidence import Origin
from service.model.patient import MatchGrade, PatientLink, PatientRecord
from service.population.index import rows_from
from service.population.scan import RECORD

CROWD = 40
"""A key that more records share names nobody (a clinic's own number, a placeholder)."""
MOST_ALIKE = 64
"""More records that resemble each other than this are not told apart by themselves."""
_OFFSET = 8


class Roster:
    """All patient records by number, in a file; `offsets` has one more than them."""

    def __init__(self, records: Path, offsets: Path) -> None:
        self._records, self._offsets = (os.open(p, os.O_RDONLY) for p in (records, offsets))
        for file in (self._records, self._offsets):
            weakref.finalize(self, os.close, file)

    def __len__(self) -> int:
        return max(0, os.fstat(self._offsets).st_size // _OFFSET - 1)

    def record(self, number: int) -> PatientRecord:
        both = os.pread(self._offsets, 2 * _OFFSET, number * _OFFSET)
        start, end = array("Q", both)
        return RECORD.decode(os.pread(self._records, end - start, start))


def write_roster(
    parts: Iterable[tuple[Path, Path]], records: Path, offsets: Path
) -> tuple[int, ...]:
    """Joins (records, sizes) files into a roster; returns the first number of each of them."""
    firsts: list[int] = []
    place = number = 0
    with records.open("wb") as bodies, offsets.open("wb") as places:
        for part, sizes_file in parts:
            firsts.append(number)
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    bodies.write(block)
            sizes = array("Q", sizes_file.read_bytes())
            starts = array("Q")
            for size in sizes:
                starts.append(place)
                place += size
            places.write(starts.tobytes())
            number += len(sizes)
        places.write(array("Q", [place]).tobytes())
    return tuple(firsts)


def groups(keys: Path, firsts: Sequence[int], start: int, end: int) -> Iterator[list[int]]:
    """Numbers of records that share a key, for the keys that begin in rows [start, end)."""
    key = next(rows_from(keys, start - 1), (None,))[0] if start else None
    passed_over = key
    members: list[int] = []
    for place, (found, span, local) in enumerate(rows_from(keys, start), start=start):
        if found != key:
            if len(members) > 1:
                yield members
            members = []
            if place >= end:
                return
            key, passed_over = found, None
        if found != passed_over:
            members.append(firsts[span] + local)
    if len(members) > 1:
        yield members


def alike(
    grouped: Iterable[list[int]],
    roster: Roster,
    weights: Weights,
    roots: Sequence[int] | memoryview,
) -> array[int]:
    """Pairs of numbers, one after the other, of records that may be one person.

    Args:
        roots: what is known already: records with one root need no further comparing.
    """
    found = array("Q")
    for members in grouped:
        if len(members) > CROWD:
            continue
        records = {number: roster.record(number) for number in members}
        for place, first in enumerate(members):
            for second in members[place + 1 :]:
                if first == second or (roots and roots[first] == roots[second]):
                    continue
                link = grade(records[first], records[second], weights)
                if link.grade is not MatchGrade.CERTAINLY_NOT:
                    found.extend((first, second))
    return found


class Union:
    """Records joined into sets; four bytes for each."""

    def __init__(self, count: int) -> None:
        self.parents = array("I", range(count))

    def root(self, number: int) -> int:
        parents = self.parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    def join(self, pairs: Sequence[int]) -> None:
        for place in range(0, len(pairs), 2):
            one, other = self.root(pairs[place]), self.root(pairs[place + 1])
            self.parents[max(one, other)] = min(one, other)

    def flatten(self) -> array[int]:
        """Each record's root: the smallest number of its set."""
        for number in range(len(self.parents)):
            self.parents[number] = self.root(number)
        return self.parents

    def sets(self) -> Iterator[list[int]]:
        """Every set of two or more, by its smallest number."""
        roots = self.flatten()
        following = array("I", bytes(roots.itemsize * len(roots)))
        for number in range(len(roots) - 1, -1, -1):
            root = roots[number]
            if root != number:
                following[number] = following[root]
                following[root] = number
        for root in range(len(roots)):
            if roots[root] == root and following[root]:
                members = [root]
                while number := following[members[-1]]:
                    members.append(number)
                yield members


@dataclass(frozen=True, slots=True)
class Person:
    """One person: the records that are certainly theirs and those that may be, with the evidence.

    The first certain record, by source and reference, names the person.
    """

    links: tuple[PatientLink, ...]

    @property
    def members(self) -> tuple[Origin, ...]:
        return tuple(link.record for link in self.links if link.grade is MatchGrade.CERTAIN)

    @property
    def name(self) -> tuple[str, str]:
        return place_of(self.members[0])


def place_of(origin: Origin) -> tuple[str, str]:
    return origin.source, origin.reference


def settled(records: Iterable[PatientRecord], weights: Weights) -> list[Person]:
    """The persons that records which resemble each other are, by their names."""
    held = {place_of(record.origin): record for record in sorted(records, key=_by_version)}
    everyone = [held[place] for place in sorted(held)]
    if len(everyone) > MOST_ALIKE:
        return [_one_of_many(record, everyone) for record in everyone]
    found: list[Person] = []
    rest = list(everyone)
    while rest:
        asked = rest[0]
        open_ = {place_of(record.origin) for record in rest}
        graded = [
            _apart(link) if place_of(link.record) not in open_ else link
            for link in links(asked, everyone, weights)
            if link.grade is not MatchGrade.CERTAINLY_NOT
        ]
        person = Person(tuple(graded))
        found.append(person)
        taken = {place_of(origin) for origin in person.members}
        rest = [record for record in rest if place_of(record.origin) not in taken]
    return found


def _by_version(record: PatientRecord) -> tuple[int, str]:
    """The higher version last, so that it is the one that counts; else an order that is its own."""
    version = record.origin.version or ""
    return (int(version) if version.isascii() and version.isdigit() else -1, repr(record))


def _apart(link: PatientLink) -> PatientLink:
    """A record that belongs to somebody else already is nobody else's for certain."""
    if link.grade is not MatchGrade.CERTAIN:
        return link
    evidence = (*link.evidence, "linked to another record for certain")
    return replace(link, grade=MatchGrade.PROBABLE, evidence=evidence)


def _one_of_many(record: PatientRecord, everyone: Sequence[PatientRecord]) -> Person:
    other = next(one for one in everyone if one is not record)
    said = f"one of {len(everyone)} records that resemble each other"
    return Person(
        (
            PatientLink(record.origin, MatchGrade.CERTAIN, ("asked",)),
            PatientLink(other.origin, MatchGrade.POSSIBLE, (said,)),
        )
    )
