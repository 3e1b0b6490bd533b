"""The files of an export's manifest, fetched side by side, each gone on with by itself.

A file counts when it came whole and its digest is noted; what a stop leaves unfinished is fetched
anew, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from service.errors import SourceError
from service.fhir.bulk import File, Manifest, Patience, Say
from service.fhir.download import Downloaded, download, is_whole
from service.fhir.retry import Again
from service.fhir.wires import Wires

PLACES = {"output": "", "error": "errors", "deleted": "deleted"}
"""Lists of the server's manifest, and the folder in ours: what is no data lies apart."""
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a manifest names, into one folder.

    `named` are the server's files under the names that they get there; `at_once` of them are
    fetched side by side.
    """

    folder: Path
    wires: Wires
    manifest: Manifest
    patience: Patience
    say: Say
    packed: bool = False
    at_once: int = 4
    named: dict[str, File] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", self._named())

    async def fetched(self, done: dict[str, Downloaded], save: Callable[[], None]) -> list[str]:
        """Fetches what is not whole yet; why files are missing, in the manifest's order.

        Args:
            done: whole files by name; what comes is added to it, and then `save` is called.
        Raises: OSError where the folder cannot be written; the others are then given up.
        """
        slots, ended = asyncio.Semaphore(self.at_once), count(1)

        async def one(name: str, file: File) -> str:
            async with slots:
                why = await self._known_or_fetched(name, file, done, save)
                self.say(f"file {next(ended)} of {len(self.named)}: {name}")
                return why

        fetching = [asyncio.create_task(one(*each)) for each in self.named.items()]
        try:
            return [why for why in await asyncio.gather(*fetching) if why]
        finally:
            for task in fetching:
                task.cancel()
            await asyncio.gather(*fetching, return_exceptions=True)

    async def _known_or_fetched(
        self, name: str, file: File, done: dict[str, Downloaded], save: Callable[[], None]
    ) -> str:
        """Leaves a file in the folder, whole; else says why not."""
        known = done.get(name)
        if known is not None and is_whole(self.folder / name, known):
            return ""
        done.pop(name, None)
        try:
            done[name] = await self._one(name, file)
        except SourceError as error:
            return f"{name}: {error.message}"
        finally:
            save()
        return ""

    def _named(self) -> dict[str, File]:
        """The server's files under the names that they get here."""
        named: dict[str, File] = {}
        suffix = ".ndjson.gz" if self.packed else ".ndjson"
        for kind, place in PLACES.items():
            files: list[File] = getattr(self.manifest, kind)
            numbers: Counter[str] = Counter()
            for file in files:
                type_ = file.type if file.type.isascii() and file.type.isalpha() else "Resource"
                numbers[type_] += 1
                name = f"{type_}-{numbers[type_]:05}{suffix}"
                named[f"{place}/{name}" if place else name] = file
        return named

    async def _one(self, name: str, file: File) -> Downloaded:
        """One file, tried again as long as that makes sense. Raises: SourceError."""
        target = self.folder / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        wire = self.wires.to(file.url, token=self.manifest.requiresAccessToken)
        attempt = 0
        while True:
            attempt += 1
            try:
                found = await download(wire, file.url, target)
                if file.count is not None and file.count != found.lines:
                    raise Again(f"the manifest says {file.count} lines, {found.lines} came")
                return found
            except Again as error:
                target.unlink(missing_ok=True)
                if attempt >= _ATTEMPTS:
                    raise
                await self.patience.sleep(self.patience.clamped(error.wait, attempt - 1))
