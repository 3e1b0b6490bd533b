"""What the sources say of a patient now, beside what was known: read and compared, nothing kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from service.model.evidence import Origin
from service.model.signed import SignedList
from service.pipeline.fresh import EVERYTHING, USUAL, Ages, Kept, Reading, kept_of, known
from service.pipeline.gather import Gathered, gather
from service.pipeline.known import by_place, same_content
from service.pipeline.reconcile import Knowledge, report_of
from service.pipeline.shown import shown
from service.pipeline.signed import last_signed
from service.pipeline.who import Who
from service.read.source import Reader
from service.report.document import document
from service.store import Store, patients, syncs


@dataclass(frozen=True, slots=True)
class Reread:
    """Everything that the sources say now, with what a report of it needs beside the knowledge."""

    gathered: Gathered
    knowledge: Knowledge
    previous: SignedList | None
    today: date
    kept: Mapping[str, Kept] = field(default_factory=dict)
    reading: Reading = EVERYTHING

    def content(self, as_of: date) -> dict[str, Any]:
        """The JSON report that this reading leads to on a day."""
        report = report_of(
            self.gathered, self.knowledge, as_of, today=self.today, previous=self.previous
        )
        return document(report)

    def unaltered(self, as_of: date) -> bool:
        """Whether every source holds what it held when the list was last worked out, on this day,
        so that working it out again would tell the same."""
        links = {place: link.grade for place, link in by_place(self.gathered.links).items()}
        before = {
            place: link.grade
            for one in self.kept.values()
            for place, link in by_place(one.links).items()
        }
        return links == before and all(
            (one := self.kept.get(read.name)) is not None
            and one.row.told_on == as_of
            and same_content(one.read, read)
            for read in self.gathered.reads
        )

    @property
    def silent(self) -> frozenset[str]:
        """The sources that were asked and gave no answer."""
        return self.gathered.silent


async def read_again(
    store: Store,
    readers: Sequence[Reader],
    knowledge: Knowledge,
    patient: str,
    *,
    as_of: date,
    today: date,
    at: datetime,
    reading: Reading = EVERYTHING,
    ages: Ages = USUAL,
) -> Reread:
    """What the sources say now, compared with the last signed list; nothing is kept yet.

    Raises: NotKept when no source that answered knows the person.
    """
    async with store.read() as look:
        asked = await patients.get(look, patient)
        words = {Origin(w.source, w.reference): w.same for w in await patients.words(look, patient)}
        before = await patients.links(look, patient)
        rows = await syncs.of_patient(look, patient)
        kept = await kept_of(look, rows, before)
        previous = await last_signed(look, patient, as_of)
    names = [reader.name for reader in readers]
    gathered = await gather(
        readers,
        _who(asked.asked),
        knowledge.weights,
        words=words,
        known=known(kept, names, reading, ages, at=at),
    )
    told = await shown(store, patient, gathered, kept, words, reading, ages, at=at)
    return Reread(told, knowledge, previous, today, kept, reading)


def _who(asked: Mapping[str, str]) -> Who:
    if "identifier" in asked:
        system, _, value = asked["identifier"].partition("|")
        return Who(identifier=(system, value))
    return Who(source=asked["source"], reference=asked["reference"])
