"""What each `concord` command does once its arguments are known to be good.

Everything beyond the standard library is imported inside the command that needs it: a refusal and
`--help` cost nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from service.errors import UsageError

OK, FAULT, REFUSED, INCOMPLETE = 0, 1, 2, 3


def say(text: str) -> None:
    """Progress and complaints go to standard error; standard output carries the report alone."""
    print(text, file=sys.stderr, flush=True)


def named_locations(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=LOCATION` pairs as a mapping.

    Raises: UsageError for a pair without `=`, a name that is no slug, or a name given twice.
    """
    locations: dict[str, str] = {}
    for pair in pairs:
        name, equals, location = pair.partition("=")
        if not equals or not location:
            raise UsageError("--source: write NAME=LOCATION, for example pharmacy=./export.")
        if not name.replace("-", "").isalnum() or name != name.lower():
            raise UsageError("--source: a name is lower-case letters, digits and hyphens.")
        if name in locations:
            raise UsageError(f"--source: {name} is given twice; each source has its own name.")
        locations[name] = location
    return locations


def run_demo(options: argparse.Namespace) -> int:
    from service.demo import run

    return run(port=options.port, store=options.store, say=say)


def run_serve(options: argparse.Namespace) -> int:
    from service.run import serve

    return serve(options.config, say=say)


def run_work(options: argparse.Namespace) -> int:
    from service.run import work

    return work(options.config, say=say)


def run_reconcile(options: argparse.Namespace) -> int:
    locations = named_locations(options.source)
    from service.app import THIS_HOUSE, recipient_of, reconcile_once
    from service.pipeline.beside import held_back_once
    from service.report.document import document, encoded

    if options.to != THIS_HOUSE and options.format != "fhir":
        raise UsageError("--to: what is for somebody else goes with --format fhir.")
    recipient = recipient_of(options.to, locations, options.config)
    report = reconcile_once(
        locations, config=options.config, patient=options.patient, as_of=options.as_of
    )
    content = document(report)
    held = held_back_once(report.sources, content, recipient)
    for sentence in (held.said, held.stays):
        if sentence:
            say(f"concord: {sentence}")
    if options.format == "text":
        from service.report.text import text

        sys.stdout.write(text(content))
    elif options.format == "fhir":
        from service.write.draft import draft_bundle

        sys.stdout.buffer.write(encoded(draft_bundle(content, held)))
    else:
        sys.stdout.buffer.write(encoded(content))
    sys.stdout.flush()
    return exit_status(content)


def run_population(options: argparse.Namespace) -> int:
    folders = named_locations(options.source)
    from service.app import population

    complete = population(
        folders,
        options.out,
        config=options.config,
        as_of=options.as_of,
        workers=options.workers,
        say=say,
    )
    return OK if complete else INCOMPLETE


def run_export(options: argparse.Namespace) -> int:
    if len(set(options.source)) < len(options.source):
        raise UsageError("--source: each name is given once.")
    from service.app import export

    complete = export(
        options.source,
        options.out,
        config=options.config,
        group=options.group,
        since=options.since or "",
        packed=options.gzip,
        say=say,
    )
    return OK if complete else INCOMPLETE


def run_subscribe(options: argparse.Namespace) -> int:
    from service.app import subscribe

    well = subscribe(
        options.source, config=options.config, stop=options.stop, send=options.send, say=print
    )
    return OK if well else INCOMPLETE


def exit_status(content: dict[str, object]) -> int:
    """0 when every source is complete and every link certain, else 3."""
    sources = content["sources"]
    patient = content["patient"]
    assert isinstance(sources, list)  # noqa: S101 - the document's own shape
    assert isinstance(patient, dict)  # noqa: S101
    complete = all(source["state"] == "complete" for source in sources)
    return OK if complete and patient["grade"] == "certain" else INCOMPLETE


def run_rules_list(options: argparse.Namespace) -> int:
    from service.explain import listed

    for line in listed(options.config):
        print(line)
    return OK


def run_rules_show(options: argparse.Namespace) -> int:
    from service.explain import shown

    print(shown(options.config, options.id))
    return OK


def run_rules_explain(options: argparse.Namespace) -> int:
    locations = named_locations(options.source)
    from service.explain import explained

    for line in explained(
        locations,
        config=options.config,
        patient=options.patient,
        as_of=options.as_of,
        rule=options.rule,
    ):
        print(line)
    return OK


def run_check_mappings(options: argparse.Namespace) -> int:
    from service.app import mappings_checked, mappings_unverified

    complaints = mappings_checked(options.config)
    if not complaints and (counts := mappings_unverified(options.config)):
        named = ", ".join(f"{count} in {name}" for name, count in counts.items())
        say(f"concord: {sum(counts.values())} fact(s) whose source nobody looked up: {named}.")
    for complaint in complaints:
        print(complaint)
    say(f"concord: {len(complaints)} complaint(s) about the mappings.")
    return FAULT if complaints else OK


def run_import_rxnorm(options: argparse.Namespace) -> int:
    from service.app import rxnorm_imported

    rxnorm_imported(options.folder, options.config, say)
    return OK


def run_backup(options: argparse.Namespace) -> int:
    from service.run import backup

    say(f"concord: {backup(options.config, options.file)} rows are in {options.file}.")
    return OK


def run_restore(options: argparse.Namespace) -> int:
    from service.run import restore

    rows = restore(options.config, options.file)
    say(f"concord: {rows} rows restored; every write under way is looked up before it is sent.")
    return OK


def run_rekey(options: argparse.Namespace) -> int:
    from service.run import rekey

    say(f"concord: {rekey(options.config)} values rest under the newest key now.")
    return OK


def run_purge(options: argparse.Namespace) -> int:
    from service.run import purge

    gone = purge(options.config, options.before)
    say(f"concord: {gone[0]} reports and {gone[1]} readings are deleted; what was reviewed stays.")
    return OK


def run_audit_checkpoint(options: argparse.Namespace) -> int:
    from service.run import audit_checkpoint

    print(audit_checkpoint(options.config))
    return OK


def run_audit_verify(options: argparse.Namespace) -> int:
    from service.run import audit_checked

    found = audit_checked(options.config, options.checkpoint)
    for fault in found.faults:
        print(fault)
    say(
        f"concord: {found.sealed} rows are sealed, {found.unsealed} not yet, "
        f"{len(found.faults)} fault(s)."
    )
    return FAULT if found.faults else OK


def run_alive(options: argparse.Namespace) -> int:
    from service.run import alive

    if alive(options.config):
        return OK
    say("concord: no process of this host has said within its time that it works.")
    return FAULT


def run_token(options: argparse.Namespace) -> int:
    from service.run import token

    print(token(options.config, user=options.user, role=options.role))
    return OK
