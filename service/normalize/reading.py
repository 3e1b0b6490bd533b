"""Resources of one source, read or left out: entered in error, of a later day, or unreadable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import TypeVar

from service.model.evidence import Origin, Problem
from service.model.medication import MedicationEntry
from service.model.source import RawResource, SourceRead
from service.normalize.concept import code_of
from service.normalize.context import Context, Notes
from service.normalize.decode import UNREADABLE, checked, decoded, decoder, mended
from service.normalize.line import excluded
from service.normalize.tables import Tables
from service.normalize.wire import base
from service.normalize.wire.medication import MedicationLine

_R = TypeVar("_R", bound=base.Resource)
_L = TypeVar("_L", bound=MedicationLine)
_T = TypeVar("_T")
_ERROR = "entered-in-error"


def origin_of(raw: RawResource, source: str) -> Origin:
    return Origin(source, f"{raw.type}/{raw.id}", raw.version)


def readable(raw: RawResource, kind: type[_R], notes: Notes) -> _R | None:
    """The resource as a struct, with a note for what had to be left out of it."""
    found, wrong = decoded(raw.body, kind)
    for what in wrong:
        notes.say(what)
    return found


class Reading:
    """One pass over one SourceRead: what was read stands in the answers, what was not in `problems`
    (why), `excluded` (references) and `later` (how many of a type were made after the day asked).
    """

    def __init__(self, read: SourceRead, tables: Tables, as_of: date) -> None:
        self._source, self._as_of = read.name, as_of
        self._by_type: dict[str, list[RawResource]] = {}
        for raw in read.resources:
            self._by_type.setdefault(raw.type, []).append(raw)
        self.context = Context(read.name, read.role, as_of, tables, read.resources)
        self.problems: list[Problem] = list(read.problems)
        self.excluded: list[str] = []
        self.later: Counter[str] = Counter()

    def lines(
        self,
        kind: type[_L],
        made_on: Callable[[_L, Context], date | None],
        entry: Callable[[Origin, _L, Context, Notes], MedicationEntry],
    ) -> Iterator[MedicationEntry]:
        """Lines of one kind; those that are none stand in `excluded` with the reason."""
        type_name = kind.__name__
        raws = self._by_type.get(type_name)
        if raws is None:
            return
        decode, source, notes = decoder(kind), self._source, Notes()
        for raw in raws:
            origin = Origin(source, f"{type_name}/{raw.id}", raw.version)
            try:
                line = self._line(origin, decode(raw.body), made_on, entry, notes)
            except UNREADABLE:
                notes.said.clear()
                found, wrong = mended(raw.body, kind)
                for what in wrong:
                    notes.say(what)
                line = None
                if found is not None:
                    line = self._line(origin, found, made_on, entry, notes)
            if line is not None:
                yield line
            self._keep(notes, origin)

    def each(
        self,
        kind: type[_R],
        made_on: Callable[[_R], date | None],
        made: Callable[[Origin, _R, Context, Notes], _T],
        *,
        dated: bool = True,
    ) -> Iterator[_T]:
        """What one resource type gives, without what was entered in error or is of a later day.

        Args:
            kind: named as the resource type is.
            dated: whether a record without a date is noted.
        """
        for origin, found, notes in self.plain(kind):
            if self._meant(found, notes) and self._counts(
                kind.__name__, made_on(found), notes, dated=dated
            ):
                yield made(origin, found, self.context, notes)

    def plain(self, kind: type[_R]) -> Iterator[tuple[Origin, _R, Notes]]:
        """Resources that count whatever their day and state, as those that others refer to."""
        raws = self._by_type.get(kind.__name__)
        if raws is None:
            return
        notes = Notes()
        for raw in raws:
            origin = origin_of(raw, self._source)
            found = readable(raw, kind, notes)
            if found is not None:
                yield origin, found, notes
            self._keep(notes, origin)

    def _line(
        self,
        origin: Origin,
        found: _L,
        made_on: Callable[[_L, Context], date | None],
        entry: Callable[[Origin, _L, Context, Notes], MedicationEntry],
        notes: Notes,
    ) -> MedicationEntry | None:
        """The line; None where the resource is none, or none yet.

        Raises: what UNREADABLE names, before anything is counted, when a part of it is wrong.
        """
        if reason := excluded(found):
            checked(found)
            notes.say(reason)
            self.excluded.append(origin.reference)
            return None
        made = made_on(found, self.context)
        if made is None or made > self._as_of:
            checked(found)
            if not self._counts(type(found).__name__, made, notes):
                return None
        return entry(origin, found, self.context, notes)

    def _keep(self, notes: Notes, origin: Origin) -> None:
        if notes.said:
            self.problems.extend(notes.problems(origin))
            notes.said.clear()

    def _meant(self, found: base.Resource, notes: Notes) -> bool:
        status = getattr(found, "status", "")
        verified = getattr(found, "verification_status", None)
        if status == _ERROR or code_of(verified) == _ERROR:
            notes.say("entered in error: left out")
            return False
        if found.modifier_extension:
            url = found.modifier_extension[0].url
            notes.say(f"{url} changes the meaning in a way that is not known: left out")
            return False
        return True

    def _counts(
        self, type_name: str, made: date | None, notes: Notes, *, dated: bool = True
    ) -> bool:
        """Whether a record was made by the day asked; one without a date counts, with a note."""
        if made is None:
            if dated:
                notes.say(f"has no date: it counts as of {self._as_of}")
            return True
        if made > self._as_of:
            self.later[type_name] += 1
            return False
        return True
