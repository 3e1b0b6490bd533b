"""`concord export`: bulk exports of configured sources, all at a time, each into its own folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.connect import opened_clients
from service.errors import UsageError
from service.fhir.bulk import Request
from service.fhir.client import FhirClient
from service.fhir.export import Export
from service.fhir.wires import Wires
from service.read.pull import RESOURCE_TYPES
from service.settings import Settings, Source


async def exported(
    names: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    group: str,
    since: str,
    packed: bool,
    say: Callable[[str], None],
) -> bool:
    """Exports of these sources into `out/NAME`; whether all are complete.

    Raises: UsageError for a name that the configuration does not know; the first ServiceError of a
        source, after all have ended.
    """
    unknown = [name for name in names if not settings.sources.get(name, Source()).base_url]
    if unknown:
        raise UsageError(f"--source {unknown[0]}: the configuration names no base_url for it.")
    order = _Order(settings, group, since, packed, say)
    async with opened_clients(settings, names) as clients:
        ended = await asyncio.gather(
            *(order.export(client, name, out / name) for name, client in clients.items()),
            return_exceptions=True,
        )
    failed = [one for one in ended if isinstance(one, BaseException)]
    for one in failed[1:]:
        say(f"concord: {one}")
    if failed:
        raise failed[0]
    return all(one is True for one in ended)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked of every source."""

    settings: Settings
    group: str
    since: str
    packed: bool
    say: Callable[[str], None]

    async def export(self, client: FhirClient, name: str, folder: Path) -> bool:
        known = await client.capabilities()
        types = tuple(kind for kind in RESOURCE_TYPES if not known.types or kind in known.types)
        found = await Export(
            name,
            Wires(client.wire, self.settings.sources[name].bulk.also),
            Request("group" if self.group else "patient", self.group, types, self.since),
            folder,
            lambda text: self.say(f"concord: {name}: {text}"),
            packed=self.packed,
            not_offered=tuple(kind for kind in RESOURCE_TYPES if kind not in types),
        ).run()
        self.say(f"concord: {name}: {found.files} files, {found.lines} lines")
        for reason in found.reasons:
            self.say(f"concord: {name}: not complete: {reason}")
        return found.complete
