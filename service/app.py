"""The composition root: settings in; client, store, mappings, jobs and web application out.

The only module that builds parts, and the only one that asks for the time, the environment and the
current day on their behalf.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import UsageError
from service.settings import Settings, load, role_of, secret

if TYPE_CHECKING:
    from service.model.record import Report
    from service.pipeline.reconcile import Knowledge
    from service.store import Store
    from service.write.disclosure import Recipient

Say = Callable[[str], None]

THIS_HOUSE, ANYBODY = "this-house", "anybody"
"""For whom what is asked for at the command line may be, beside a source."""


def now() -> datetime:
    """The clock of the whole service, in UTC."""
    return datetime.now(UTC)


def settle() -> None:
    """What was loaded so far lives as long as the process: Python no longer looks through it for
    cycles while it works (a list of a thousand lines is reconciled in two thirds of the time)."""
    gc.collect()
    gc.freeze()


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


async def reconciled(
    locations: Mapping[str, str], settings: Settings, *, patient: str | None, as_of: date | None
) -> Report:
    """One patient's report from these locations.

    Raises: UsageError before any request, NotKept when no source that answered knows the person.
    """
    from service.connect import opened_readers
    from service.pipeline.gather import gather
    from service.pipeline.reconcile import report_of
    from service.pipeline.who import parse_who

    who = parse_who(patient, locations)
    async with opened_readers(locations, settings) as opened:
        known = knowledge(settings)
        gathered = await gather(opened, who, known.weights)
    today = now().date()
    return report_of(gathered, known, as_of or today, today=today)


def recipient_of(to: str, names: Collection[str], config: Path | None) -> Recipient:
    """For whom a Bundle is: a source of the command line or the configuration, `anybody`, or
    `this-house`. Raises: UsageError."""
    from service.write.disclosure import Audience
    from service.write.withhold import recipients

    parties = {name: frozenset(one.parties) for name, one in settings_of(config).sources.items()}
    known = {name: parties.get(name, frozenset()) for name in {*names, *parties}}
    if to not in {THIS_HOUSE, ANYBODY, *known}:
        raise UsageError(
            f"--to: {to} is not known; name {', '.join(sorted({ANYBODY, *known}))} or {THIS_HOUSE}."
        )
    audience = Audience.HOUSE if to == THIS_HOUSE else Audience.OTHER
    return recipients(known.items(), to if to in known else "", audience)


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
    from service.bulk import exported

    settings = settings_of(config)
    return asyncio.run(
        exported(names, out, settings, group=group, since=since, packed=packed, say=say)
    )


def subscribe(name: str, *, config: Path | None, stop: bool, send: bool, say: Say) -> bool:
    """`concord subscribe`: the Subscriptions of one source; whether all went well."""
    from service.subscribing import subscribed

    settings = settings_of(config)

    async def run() -> bool:
        store = await opened_store(settings)
        try:
            return await subscribed(name, settings, store, stop=stop, send=send, clock=now, say=say)
        finally:
            await store.close()

    return asyncio.run(run())


def mappings_checked(config: Path | None) -> tuple[str, ...]:
    """Every complaint about the mappings folder; none when all of it holds."""
    from service.mappings.check import check
    from service.mappings.folder import mappings_folder

    return check(mappings_folder(settings_of(config).mappings))


def mappings_unverified(config: Path | None) -> dict[str, int]:
    """How many facts beside the rules ship without their source looked up, by file."""
    from service.mappings.folder import mappings_folder
    from service.mappings.sourcing import unverified

    return unverified(mappings_folder(settings_of(config).mappings))
