"""The composition root: settings in; client, store, mappings, jobs and web application out.

The only module that builds parts, and the only one that asks for the time, the environment and the
current day on their behalf.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import UsageError
from service.settings import Settings, Source, load, role_of, secret

if TYPE_CHECKING:
    import httpx

    from service.fhir.auth import Credentials
    from service.fhir.wire import Limits
    from service.model.record import Report
    from service.pipeline.reconcile import Knowledge
    from service.read.source import Reader
    from service.store import Store

Say = Callable[[str], None]

MEGABYTE = 1_000_000


def now() -> datetime:
    """The clock of the whole service, in UTC."""
    return datetime.now(UTC)


def settings_of(config: Path | None) -> Settings:
    """The settings of a file and this process's environment."""
    return load(config, os.environ)


def knowledge(settings: Settings) -> Knowledge:
    """Every table that the stages need, from the mappings folder."""
    from service.mappings.folder import digest, mappings_folder
    from service.mappings.frequency import load_frequencies
    from service.mappings.matching import load_weights
    from service.mappings.measures import load_measures, load_tracked
    from service.mappings.planning import load_planning
    from service.mappings.precedence import load_policy
    from service.mappings.routes import load_routes
    from service.mappings.rules import load_rules
    from service.mappings.rxnorm import load_drug_table
    from service.mappings.units import load_units
    from service.normalize.tables import Tables
    from service.pipeline.reconcile import Knowledge

    folder = mappings_folder(settings.mappings)
    imported = imported_table(settings)
    return Knowledge(
        tables=Tables(
            drugs=load_drug_table(folder, imported),
            units=load_units(folder),
            frequencies=load_frequencies(folder),
            routes=load_routes(folder),
        ),
        weights=load_weights(folder),
        policy=load_policy(folder),
        rules=load_rules(folder),
        measures=load_measures(folder),
        tracked=load_tracked(folder),
        digest=digest(folder, *([imported] if imported else [])),
        planning=load_planning(folder),
    )


def imported_table(settings: Settings) -> Path | None:
    """The folder of an imported RxNorm release, None where none was imported."""
    folder = Path(settings.drug_table)
    return folder if folder.is_dir() else None


def rxnorm_imported(given: Path, config: Path | None, say: Say) -> None:
    """`concord import-rxnorm`: a release into the drug table that is used from now on.

    Raises: UsageError for a folder that holds no release, or an older one than the table's.
    """
    from service.mappings.folder import mappings_folder
    from service.mappings.rxnorm_import import import_release

    settings = settings_of(config)
    shipped = mappings_folder(settings.mappings) / "rxnorm"
    done = import_release(
        given,
        imported_table(settings) or shipped,
        Path(settings.drug_table),
        shipped / "dose_forms.tsv",
        lambda text: say(f"concord: {text}"),
    )
    for sentence in done.sentences:
        say(f"concord: {sentence}.")
    say(f"concord: the table stands in {settings.drug_table}; it is used from now on.")


async def opened_store(settings: Settings) -> Store:
    """The store of these settings, with the keys under which its patient data rests."""
    from service.store import open_store
    from service.store.vault import key_ring

    reference = settings.store.key
    keys = key_ring(secret(reference, os.environ)) if reference else ()
    return await open_store(settings.store.url, keys)


def limits(settings: Settings) -> Limits:
    """What one source may cost, from `[read]`."""
    from service.fhir.wire import Limits

    return Limits(
        deadline_s=settings.read.deadline_s,
        page_cap=int(settings.read.page_cap_mb * MEGABYTE),
    )


def credentials(settings: Settings, name: str) -> Credentials:
    """How to sign in to a source, its secrets resolved now."""
    from service.fhir.auth import Anonymous, Basic, Bearer, SmartBackend

    source = settings.sources.get(name)
    if source is None or source.auth.kind == "none":
        return Anonymous()
    auth = source.auth
    if auth.kind == "bearer":
        return Bearer(secret(auth.token, os.environ))
    if auth.kind == "basic":
        return Basic(auth.username, secret(auth.password, os.environ))
    return SmartBackend(
        auth.client_id,
        secret(auth.private_key, os.environ),
        key_id=auth.key_id,
        scope=auth.scopes or "system/*.rs",
        token_url=auth.token_url,
    )


def readers(
    locations: Mapping[str, str], settings: Settings, http: httpx.AsyncClient | None
) -> list[Reader]:
    """One reader for each named location, a server or files.

    Raises: UsageError or SettingsError for a location that is neither.
    """
    from service.read.location import is_address, open_reader

    addresses = any(is_address(location) for location in locations.values())
    profiles = None
    if addresses:
        from service.mappings.folder import mappings_folder
        from service.mappings.sources import load_sources

        profiles = load_sources(mappings_folder(settings.mappings))
    return [
        open_reader(
            name,
            role_of(name, settings),
            location,
            http=http,
            credentials=credentials(settings, name) if is_address(location) else None,
            limits=limits(settings) if is_address(location) else None,
            profiles=profiles,
            vendor=settings.sources[name].vendor if name in settings.sources else "auto",
        )
        for name, location in sorted(locations.items())
    ]


@asynccontextmanager
async def opened_readers(
    locations: Mapping[str, str], settings: Settings
) -> AsyncIterator[list[Reader]]:
    """The readers while they are in use; an HTTP client only where an address needs one."""
    from service.read.location import is_address

    if not any(is_address(location) for location in locations.values()):
        yield readers(locations, settings, None)
        return
    from service.fhir.wire import http_client

    async with http_client() as http:
        yield readers(locations, settings, http)


async def reconciled(
    locations: Mapping[str, str], settings: Settings, *, patient: str | None, as_of: date | None
) -> Report:
    """One patient's report from these locations.

    Raises: UsageError before any request, NotKept when no source that answered knows the person.
    """
    from service.pipeline.gather import gather
    from service.pipeline.reconcile import report_of
    from service.pipeline.who import parse_who

    who = parse_who(patient, locations)
    async with opened_readers(locations, settings) as opened:
        known = knowledge(settings)
        gathered = await gather(opened, who, known.weights)
    today = now().date()
    return report_of(gathered, known, as_of or today, today=today)


def reconcile_once(
    locations: Mapping[str, str],
    *,
    config: Path | None = None,
    patient: str | None = None,
    as_of: date | None = None,
) -> Report:
    """`concord reconcile`: the report of one patient, nothing kept."""
    settings = settings_of(config)
    return asyncio.run(reconciled(locations, settings, patient=patient, as_of=as_of))


def population(
    folders: Mapping[str, str],
    out: Path,
    *,
    config: Path | None,
    as_of: date | None,
    workers: int | None,
    say: Say,
) -> bool:
    """`concord population`: reports of everybody in these exports; whether all is complete.

    Raises: UsageError for a folder that is none, SettingsError, MappingError.
    """
    from service.population.run import plan, run

    settings = settings_of(config)
    located = {name: (role_of(name, settings), Path(at)) for name, at in folders.items()}
    today = now().date()
    planned = plan(located, out, as_of=as_of or today, today=today)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    summary = run(planned, partial(knowledge, settings), workers=workers or cores or 1, say=say)
    return bool(summary["complete"])


async def exported(
    names: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    group: str,
    since: str,
    packed: bool,
    say: Say,
) -> bool:
    """Exports of these sources into `out/NAME`, all at a time; whether all are complete.

    Raises: UsageError for a name that the configuration does not know; the first ServiceError of a
        source, after all have ended.
    """
    from service.fhir.wire import http_client

    unknown = [name for name in names if not (settings.sources.get(name) or Source()).base_url]
    if unknown:
        raise UsageError(f"--source {unknown[0]}: the configuration names no base_url for it.")
    async with http_client() as http:
        ended = await asyncio.gather(
            *(
                _export(name, out / name, settings, http, group, since, packed, say)
                for name in names
            ),
            return_exceptions=True,
        )
    failed = [one for one in ended if isinstance(one, BaseException)]
    for one in failed[1:]:
        say(f"concord: {one}")
    if failed:
        raise failed[0]
    return all(one is True for one in ended)


async def _export(
    name: str,
    folder: Path,
    settings: Settings,
    http: httpx.AsyncClient,
    group: str,
    since: str,
    packed: bool,
    say: Say,
) -> bool:
    from service.fhir.bulk import Request, Wires
    from service.fhir.client import FhirClient
    from service.fhir.export import Export
    from service.read.pull import RESOURCE_TYPES

    source = settings.sources[name]
    client = FhirClient(
        source.base_url, credentials(settings, name), http=http, limits=limits(settings)
    )
    known = await client.capabilities()
    types = tuple(kind for kind in RESOURCE_TYPES if not known.types or kind in known.types)
    export = Export(
        name,
        Wires(client.wire, source.bulk.also),
        Request("group" if group else "patient", group, types, since),
        folder,
        lambda text: say(f"concord: {name}: {text}"),
        packed=packed,
        not_offered=tuple(kind for kind in RESOURCE_TYPES if kind not in types),
    )
    found = await export.run()
    say(f"concord: {name}: {found.files} files, {found.lines} lines")
    for reason in found.reasons:
        say(f"concord: {name}: not complete: {reason}")
    return found.complete


def export(
    names: Sequence[str],
    out: Path,
    *,
    config: Path | None,
    group: str,
    since: str,
    packed: bool,
    say: Say,
) -> bool:
    """`concord export`: bulk exports of configured sources; whether all are complete."""
    settings = settings_of(config)
    return asyncio.run(
        exported(names, out, settings, group=group, since=since, packed=packed, say=say)
    )


def mappings_checked(config: Path | None) -> tuple[str, ...]:
    """Every complaint about the mappings folder; none when all of it holds."""
    from service.mappings.check import check
    from service.mappings.folder import mappings_folder

    return check(mappings_folder(settings_of(config).mappings))
