"""Where a run keeps what it has not finished, and the names of the files there.

The folder holds patients' data: only its owner may read it, and it is removed at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from service.population.exports import Export

FOLDER = ".work"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about; the same plan gives the same bytes, whoever does the work.

    `parts` depends on the size of the input alone. `today` is the day of the run.
    """

    out: Path
    exports: tuple[Export, ...]
    parts: int
    as_of: date
    today: date

    @property
    def folder(self) -> Path:
        return self.out / FOLDER

    def path(self, kind: str, number: int | None = None) -> Path:
        """The file of one kind; numbered ones are of one span, batch or part."""
        return self.folder / (kind if number is None else f"{kind}-{number:05}")

    def shuffled(self, kind: str, number: int) -> list[Path]:
        """The files that one writer of rows has filled, in their order."""
        return sorted(self.folder.glob(f"{kind}-{number:05}-*.rows"))

    def reports(self, part: int) -> Path:
        """Where the reports of a part stand when it is done."""
        return self.out / f"reports-{part:04}.ndjson"
