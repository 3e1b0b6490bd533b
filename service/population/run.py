"""A run over a whole population: scan, link, place, report; each step kept when it is done.

A run that was interrupted goes on where it was: steps and parts that are finished are not done
again, and the bytes are those of a run that was not interrupted, whatever the number of workers.
"""

from __future__ import annotations

import shutil
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

import service
from service.errors import UsageError
from service.fhir.kept import write_whole
from service.model.source import Role, State, worst
from service.pipeline.reconcile import Knowledge
from service.population import people, tasks
from service.population.crew import Crew
from service.population.exports import Export, Span, opened
from service.population.index import sort_rows
from service.population.part import SourceState
from service.population.partition import Placed, medication_lines
from service.population.summary import PartSummary, total
from service.population.work import Plan

SCHEMA = "concord/population/1"
PART = 4_000_000
"""Bytes of lines in one part, as long as the parts are not too many."""
_MANY_PARTS = 256
_LARGE_PART = 32_000_000
_BATCH = 2_000
_ROWS_A_TASK = 200_000
_MOST_REASONS = 50
_SAY_EVERY_S = 1.0
_encoder = msgspec.json.Encoder(decimal_format="number")
Say = Callable[[str], None]


def plan(folders: Mapping[str, tuple[Role, Path]], out: Path, *, as_of: date, today: date) -> Plan:
    """What is to be done; reads nothing but the folders' lists of files.

    Raises: UsageError for a folder that is none, or `out` inside a source.
    """
    for name, (_, folder) in folders.items():
        if out.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"--out: lies inside the folder of {name}; choose another.")
    exports = tuple(opened(name, *folders[name]) for name in sorted(folders))
    size = sum(export.size for export in exports)
    parts = max(1, -(-size // PART))
    if parts > _MANY_PARTS:
        parts = max(_MANY_PARTS, -(-size // _LARGE_PART))
    return Plan(out, exports, parts, as_of, today)


def run(planned: Plan, load: Callable[[], Knowledge], *, workers: int, say: Say) -> dict[str, Any]:
    """Writes `reports-*.ndjson`, `links-in-doubt.ndjson` and `summary.json`; returns the summary.

    Args:
        load: makes the tables; called once in every process.
    """
    with Crew(planned, load, workers) as crew:
        return _Run(planned, crew, say).run()


@dataclass(slots=True)
class _Run:
    """One run; the names of its steps are those of the files that say that they are done."""

    plan: Plan
    crew: Crew
    say: Say
    _said: float = 0.0

    def run(self) -> dict[str, Any]:
        fingerprint = self._fingerprint()
        finished = self._finished(fingerprint)
        if finished is not None:
            self.say("concord: all of it is done already; nothing was changed.")
            return finished
        self._begin(fingerprint)
        spans = [span for export in self.plan.exports for span in export.spans]
        batches = self._linked(spans)
        placed = self._placed(spans)
        parts = self._reported(spans, placed, batches)
        summary = self._summary(fingerprint, placed, parts)
        self._join_doubts(batches)
        write_whole(self.plan.out / "summary.json", msgspec.json.format(_encoder.encode(summary)))
        shutil.rmtree(self.plan.folder)
        return summary

    def _progress(self, what: str, done: int, of: int) -> None:
        """Says how far a step is: at its end, and in between once a second."""
        now = time.monotonic()
        if done == of or now - self._said >= _SAY_EVERY_S:
            self._said = now
            self.say(f"concord: {what} {done} of {of}")

    def _fingerprint(self) -> str:
        told = {
            "service": service.__version__,
            "mappings": self.crew.knowledge.digest,
            "exports": self.plan.exports,
            "parts": self.plan.parts,
            "as_of": self.plan.as_of,
            "past": self.plan.as_of < self.plan.today,
        }
        return sha256(_encoder.encode(told)).hexdigest()

    def _finished(self, fingerprint: str) -> dict[str, Any] | None:
        """The summary of a run of the same plan that came to its end."""
        try:
            summary = msgspec.json.decode((self.plan.out / "summary.json").read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        whole = all(self.plan.reports(part).is_file() for part in range(self.plan.parts))
        same = isinstance(summary, dict) and summary.get("plan") == fingerprint
        return summary if same and whole else None

    def _begin(self, fingerprint: str) -> None:
        """Goes on with a run of the same plan, else clears what another one left behind."""
        mark = self.plan.path("plan")
        if mark.is_file() and mark.read_text() == fingerprint:
            self.say("concord: going on with an earlier run.")
            return
        shutil.rmtree(self.plan.folder, ignore_errors=True)
        for old in (*self.plan.out.glob("reports-*.ndjson"), self.plan.out / "summary.json"):
            old.unlink(missing_ok=True)
        self.plan.folder.mkdir(mode=0o700, parents=True)
        write_whole(mark, fingerprint.encode())

    def _linked(self, spans: Sequence[Span]) -> range:
        """Settles who is who; returns the batches in which that was done."""
        done = self.plan.path("linked")
        if not done.is_file():
            counts: dict[int, int] = {}
            for found in self.crew.each(tasks.scan, enumerate(spans)):
                counts[found.span] = found.records
                self._progress("pieces looked through for patients:", len(counts), len(spans))
            union = self._alike(sorted(counts))
            batches = 0
            with self.plan.path("moved-rows").open("wb") as moved:
                for rows in self.crew.each(tasks.settle, enumerate(_batches(union.sets()))):
                    batches += 1
                    moved.write(rows)
            sort_rows([self.plan.path("moved-rows")], self.plan.path("moved"))
            self.say(f"concord: {sum(counts.values())} patient records compared")
            write_whole(done, str(batches).encode())
        return range(int(done.read_text()))

    def _alike(self, spans: Sequence[int]) -> people.Union:
        """Sets of records that resemble each other: first by identifiers, then by the rest."""
        planned = self.plan
        firsts = people.write_roster(
            ((planned.path("records", n), planned.path("sizes", n)) for n in spans),
            planned.path("roster"),
            planned.path("offsets"),
        )
        union = people.Union(len(self.crew.roster))
        for kind in ("identifiers", "traits"):
            rows = sort_rows((planned.path(kind, n) for n in spans), planned.path(kind))
            planned.path("roots").write_bytes(union.flatten().tobytes())
            pieces = (
                (kind, firsts, start, min(start + _ROWS_A_TASK, rows))
                for start in range(0, rows, _ROWS_A_TASK)
            )
            for pairs in self.crew.each(tasks.alike, pieces):
                union.join(array("Q", pairs))
        return union

    def _placed(self, spans: Sequence[Span]) -> list[Placed]:
        """Puts every line into the part of its person."""
        done = self.plan.path("placed")
        if not done.is_file():
            placed: list[Placed] = []
            for found in self.crew.each(tasks.place, enumerate(spans)):
                placed.append(found)
                self._progress("pieces sorted by patient:", len(placed), len(spans))
            sort_rows(
                (self.plan.path("referred-index", number) for number in range(len(spans))),
                self.plan.path("referred-index"),
            )
            placed.sort(key=lambda one: one.span)
            write_whole(done, _encoder.encode(placed))
        return msgspec.json.decode(done.read_bytes(), type=list[Placed])

    def _reported(
        self, spans: Sequence[Span], placed: Sequence[Placed], batches: range
    ) -> list[PartSummary]:
        states = {export.name: _state(export, placed) for export in self.plan.exports}
        of_source: dict[str, list[int]] = {export.name: [] for export in self.plan.exports}
        for number, span in enumerate(spans):
            of_source[span.source].append(number)
        write_whole(self.plan.path("states"), _encoder.encode((states, of_source, len(batches))))
        everything = range(self.plan.parts)
        todo = [part for part in everything if not self._is_done(part)]
        count = len(everything) - len(todo)
        for _ in self.crew.each(tasks.report, ((part,) for part in todo)):
            count += 1
            self._progress("parts reported:", count, self.plan.parts)
        decoder = msgspec.json.Decoder(PartSummary)
        return [decoder.decode(self.plan.path("part", n).read_bytes()) for n in everything]

    def _is_done(self, part: int) -> bool:
        return self.plan.path("part", part).is_file() and self.plan.reports(part).is_file()

    def _summary(
        self, fingerprint: str, placed: Sequence[Placed], parts: Sequence[PartSummary]
    ) -> dict[str, Any]:
        whole = total(parts)
        lines: Counter[str] = Counter()
        unattached: Counter[str] = Counter()
        for one in placed:
            lines.update(one.lines)
            unattached.update(one.unattached)
        came, nobodys = medication_lines(lines), medication_lines(unattached)
        return {
            "schema": SCHEMA,
            "as_of": self.plan.as_of.isoformat(),
            "patients": whole.patients,
            "complete": whole.incomplete == 0,
            "lines": {
                "in": came,
                "placed": whole.placed,
                "listed": whole.considered - whole.placed,
                "repeated": came - nobodys - whole.considered,
                "without_patient": nobodys,
            },
            "resources": {kind: lines[kind] for kind in sorted(lines)},
            "not_read": sum(one.not_read for one in placed),
            "findings": whole.findings,
            "buckets": whole.buckets,
            "sources": {
                export.name: _told(_state(export, placed), whole.sources.get(export.name, {}))
                for export in self.plan.exports
            },
            "links_in_doubt": whole.in_doubt,
            "problems": whole.problems,
            "parts": self.plan.parts,
            "provenance": {
                "service": service.__version__,
                "mappings": self.crew.knowledge.digest,
                "rxnorm": self.crew.knowledge.tables.drugs.release,
            },
            "plan": fingerprint,
        }

    def _join_doubts(self, batches: range) -> None:
        with (self.plan.out / "links-in-doubt.ndjson").open("wb") as joined:
            for batch in batches:
                joined.write(self.plan.path("doubts", batch).read_bytes())


def _told(state: SourceState, patients: Mapping[str, int]) -> dict[str, Any]:
    return {"state": state.state.value, "reasons": list(state.reasons), "patients": patients}


def _state(export: Export, placed: Sequence[Placed]) -> SourceState:
    """What a source is as a whole, now that all of its lines were seen."""
    own = [one for one in placed if one.source == export.name]
    reasons = dict.fromkeys((*export.reasons, *(r for one in own for r in one.reasons)))
    seen = any(one.lines for one in own)
    state = worst([export.state, State.PARTIAL if reasons else State.COMPLETE])
    told = list(islice(reasons, _MOST_REASONS)) or ([] if seen else ["no resources in it"])
    return SourceState(state if seen else State.UNAVAILABLE, tuple(told))


def _batches(sets: Iterator[list[int]]) -> Iterator[list[list[int]]]:
    while batch := list(islice(sets, _BATCH)):
        yield batch
