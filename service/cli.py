"""The `concord` command: its grammar, and what a refusal or a fault comes to.

Exit status: 0 done and complete; 3 a report was made but a source is not complete or a link is not
certain; 2 refused before any request; 1 no report could be made. Progress and logs go to standard
error, the report alone to standard output. Nothing but the standard library is imported before the
arguments are known to be good.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NoReturn, TypeAlias

from service import __version__
from service import commands as act
from service.commands import FAULT, REFUSED, say
from service.errors import ServiceError, SetupError, UsageError

FORMATS = ("json", "fhir", "text")
USER_ROLES = ("pharmacist", "psychiatrist", "primary-care", "therapist", "it", "admin")


class _Parser(argparse.ArgumentParser):
    """Argparse whose complaints are ServiceErrors, so that every refusal reads alike."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See `{self.prog} --help`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    try:
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except SetupError as error:
        say(f"concord: {error.message}")
        return REFUSED
    except ServiceError as error:
        say(f"concord: {error.message}")
        return FAULT
    except KeyboardInterrupt:
        say("concord: stopped.")
        return FAULT
    except BrokenPipeError:
        return FAULT


def _parser() -> _Parser:
    parser = _Parser(
        prog="concord",
        description="Reconciles the medication lists of a care team over FHIR.",
        epilog="Findings are questions for a person; no finding does not mean no interaction.",
    )
    parser.add_argument("--version", action="version", version=f"concord {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _demo(commands)
    _serve(commands)
    _work(commands)
    _alive(commands)
    _reconcile(commands)
    _population(commands)
    _export(commands)
    _subscribe(commands)
    _rules(commands)
    _check_mappings(commands)
    _import_rxnorm(commands)
    _backup(commands)
    _purge(commands)
    _audit(commands)
    _token(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: concord.toml here")


def _demo(commands: Commands) -> None:
    parser = commands.add_parser("demo", help="sandbox servers, service and review page, with data")
    parser.add_argument("--port", type=int, default=8080, help="of the review page (default 8080)")
    parser.add_argument("--store", type=Path, metavar="FILE", help="keep the data in this file")
    parser.set_defaults(run=act.run_demo)


def _serve(commands: Commands) -> None:
    parser = commands.add_parser("serve", help="the service: API and review page")
    _config(parser)
    parser.set_defaults(run=act.run_serve)


def _work(commands: Commands) -> None:
    parser = commands.add_parser("work", help="a worker: takes jobs from the store")
    _config(parser)
    parser.set_defaults(run=act.run_work)


def _alive(commands: Commands) -> None:
    parser = commands.add_parser("alive", help="whether the store and this host's process answer")
    _config(parser)
    parser.set_defaults(run=act.run_alive)


def _reconcile(commands: Commands) -> None:
    parser = commands.add_parser("reconcile", help="one patient, to standard output")
    _sources(parser)
    parser.add_argument("--format", choices=FORMATS, default="json")
    parser.add_argument(
        "--to",
        default="this-house",
        metavar="NAME",
        help="for whom a FHIR Bundle is: a source, anybody, or this-house (default: all of it)",
    )
    parser.set_defaults(run=act.run_reconcile)


def _sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        action="append",
        required=True,
        metavar="NAME=LOCATION",
        help="a FHIR base URL, or a file or folder of FHIR JSON; repeat for each source",
    )
    parser.add_argument("--patient", metavar="WHO", help="system|value, or NAME:Patient/ID")
    parser.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="default: today (UTC)")
    _config(parser)


def _population(commands: Commands) -> None:
    parser = commands.add_parser("population", help="bulk exports (NDJSON) to one report a patient")
    parser.add_argument(
        "--source",
        action="append",
        required=True,
        metavar="NAME=FOLDER",
        help="a folder of NDJSON files of one source; repeat for each source",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the reports")
    parser.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="default: today (UTC)")
    parser.add_argument("--workers", type=_count, metavar="N", help="default: one for each core")
    _config(parser)
    parser.set_defaults(run=act.run_population)


def _export(commands: Commands) -> None:
    parser = commands.add_parser("export", help="bulk $export of sources into folders of NDJSON")
    parser.add_argument(
        "--source",
        action="append",
        required=True,
        metavar="NAME",
        help="a server of the configuration; repeat for each source",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="files in DIR/NAME")
    parser.add_argument("--group", default="", metavar="ID", help="only this Group's patients")
    parser.add_argument("--since", type=_instant, metavar="INSTANT", help="changes only")
    parser.add_argument("--gzip", action="store_true", help="write the files compressed")
    _config(parser)
    parser.set_defaults(run=act.run_export)


def _subscribe(commands: Commands) -> None:
    parser = commands.add_parser(
        "subscribe", help="our Subscriptions at a source: what stands there, and what is to do"
    )
    parser.add_argument("source", metavar="SOURCE", help="a server of the configuration")
    parser.add_argument("--stop", action="store_true", help="switch all of ours off")
    parser.add_argument("--send", action="store_true", help="do it; without this nothing is sent")
    _config(parser)
    parser.set_defaults(run=act.run_subscribe)


def _rules(commands: Commands) -> None:
    parser = commands.add_parser("rules", help="which clinical rules there are, and why they spoke")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every rule with its status and source")
    _config(listing)
    listing.set_defaults(run=act.run_rules_list)
    showing = actions.add_parser("show", help="one rule, whole")
    showing.add_argument("id", help="for example interaction/lithium-ace-inhibitor")
    _config(showing)
    showing.set_defaults(run=act.run_rules_show)
    explaining = actions.add_parser("explain", help="why each rule spoke or not for one patient")
    _sources(explaining)
    explaining.add_argument("--rule", metavar="ID", help="only this rule")
    explaining.set_defaults(run=act.run_rules_explain)


def _check_mappings(commands: Commands) -> None:
    parser = commands.add_parser("check-mappings", help="every mapping file and rule case")
    _config(parser)
    parser.set_defaults(run=act.run_check_mappings)


def _import_rxnorm(commands: Commands) -> None:
    parser = commands.add_parser("import-rxnorm", help="a full RxNorm release into the drug table")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the release's RRF files")
    _config(parser)
    parser.set_defaults(run=act.run_import_rxnorm)


def _backup(commands: Commands) -> None:
    parser = commands.add_parser("backup", help="the whole store as one file")
    parser.add_argument("file", type=Path, metavar="FILE", help="a new file")
    _config(parser)
    parser.set_defaults(run=act.run_backup)
    parser = commands.add_parser("restore", help="an empty store from a backup")
    parser.add_argument("file", type=Path, metavar="FILE")
    _config(parser)
    parser.set_defaults(run=act.run_restore)
    parser = commands.add_parser("rekey", help="encrypt everything under the newest key")
    _config(parser)
    parser.set_defaults(run=act.run_rekey)


def _purge(commands: Commands) -> None:
    parser = commands.add_parser("purge", help="delete what nobody reviewed and nobody needs")
    parser.add_argument("--before", type=_day, required=True, metavar="YYYY-MM-DD")
    _config(parser)
    parser.set_defaults(run=act.run_purge)


def _audit(commands: Commands) -> None:
    parser = commands.add_parser("audit", help="whether the audit trail is as it was written")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    making = actions.add_parser("checkpoint", help="a signed line to keep on another machine")
    _config(making)
    making.set_defaults(run=act.run_audit_checkpoint)
    checking = actions.add_parser("verify", help="recompute the chain")
    checking.add_argument("--checkpoint", type=Path, metavar="FILE", help="an earlier checkpoint")
    _config(checking)
    checking.set_defaults(run=act.run_audit_verify)


def _token(commands: Commands) -> None:
    parser = commands.add_parser("token", help="a short-lived bearer token for scripts and trials")
    parser.add_argument("--user", required=True, metavar="NAME")
    parser.add_argument("--role", required=True, choices=USER_ROLES)
    _config(parser)
    parser.set_defaults(run=act.run_token)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written YYYY-MM-DD") from None


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or "T" not in text or moment.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant is written 2026-03-10T12:00:00Z")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(text)
