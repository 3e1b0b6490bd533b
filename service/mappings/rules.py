"""mappings/rules/<category>/<rule>.toml -> the RuleBook; `cases` reads the cases beside them."""

from __future__ import annotations

import string
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from service.assess.checks import CHECKS
from service.assess.rule import Check, Modifiers, Period, Rule, RuleBook, RuleStatus, Signature
from service.assess.severity import Raising
from service.assess.value_sets import CodeSet, DrugClass, Laboratory
from service.errors import MappingError
from service.mappings.value_sets import ValueSets, load_value_sets
from service.model.finding import Severity

T = TypeVar("T")
RULES = "rules"
CASES = ".cases.toml"


class Reviewed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signature of a reviewed rule."""

    by: str
    on: date
    again: date


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a rule file, except the values, which belong to its check."""

    id: str
    version: int
    status: RuleStatus
    title: str
    type: str
    mark: str
    severity: Severity
    check: str
    message: str
    advice: str
    sources: tuple[str, ...]
    when: tuple[dict[str, Any], ...]
    act_code: str = ""
    urgent: bool = False
    contraindication: bool = False
    modifiers: Modifiers = Modifiers.USUAL
    false_alarms: tuple[str, ...] = ()
    yields_to: tuple[str, ...] = ()
    fold: str = ""
    population: str = ""
    limits: str = ""
    reviewed: Reviewed | None = None


def load_rules(folder: Path) -> RuleBook:
    """Every rule of a mappings folder, whatever its status, with the value sets it speaks of.

    Raises: MappingError naming file, key and what was expected.
    """
    sets = load_value_sets(folder)
    rules = [_rule(folder, path, sets) for path in rule_files(folder)]
    raising = Raising(sets.classes.get("classes/narrow-index"), sets.labs.get("labs/egfr"))
    return RuleBook(rules, sets.washout, raising)


def rule_files(folder: Path) -> list[Path]:
    """The rule files, without their cases, by path."""
    found = (folder / RULES).glob("*/*.toml")
    return sorted(path for path in found if not path.name.endswith(CASES))


def parse_toml(path: Path, name: str) -> dict[str, Any]:
    """A TOML file with decimals kept exact."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(name, "file", f"valid TOML ({error})") from error


def _rule(folder: Path, path: Path, sets: ValueSets) -> Rule:
    name = path.relative_to(folder).as_posix()
    file = _converted(parse_toml(path, name), RuleFile, name, "", sets)
    expected = path.relative_to(folder / RULES).with_suffix("").as_posix()
    if file.id != expected:
        raise MappingError(name, "id", f"the path, {expected!r}")
    if file.check not in CHECKS:
        raise MappingError(name, "check", f"one of {', '.join(sorted(CHECKS))}")
    if file.mark not in ("V", "S", "C"):
        raise MappingError(name, "mark", "V, S or C: how well the source was checked")
    if not file.sources:
        raise MappingError(name, "sources", "at least one")
    if (file.status is RuleStatus.REVIEWED) != (file.reviewed is not None):
        raise MappingError(name, "reviewed", "a signature exactly where the status is reviewed")
    kind = CHECKS[file.check]
    for key, text in (("message", file.message), ("advice", file.advice)):
        for word in placeholders(text, name, key) - kind.words:
            known = ", ".join(sorted(kind.words))
            raise MappingError(name, key, f"placeholders of {known}, not {word!r}")
    reviewed = file.reviewed
    return Rule(
        id=file.id,
        version=file.version,
        status=file.status,
        title=file.title,
        type=file.type,
        act_code=file.act_code,
        mark=file.mark,
        severity=file.severity,
        check=file.check,
        message=file.message,
        advice=file.advice,
        sources=file.sources,
        periods=_periods(file, kind, name, sets),
        urgent=file.urgent,
        contraindication=file.contraindication,
        modifiers=file.modifiers,
        false_alarms=file.false_alarms,
        yields_to=file.yields_to,
        fold=file.fold,
        population=file.population,
        limits=file.limits,
        reviewed=Signature(reviewed.by, reviewed.on, reviewed.again) if reviewed else None,
    )


def placeholders(text: str, name: str, key: str) -> set[str]:
    """The `{words}` of a message."""
    try:
        return {word for _, word, _, _ in string.Formatter().parse(text) if word is not None}
    except ValueError as error:
        raise MappingError(name, key, f"placeholders in pairs of braces ({error})") from error


def _periods(file: RuleFile, kind: type[Check], name: str, sets: ValueSets) -> tuple[Period, ...]:
    if not file.when:
        raise MappingError(name, "when", "at least one [[when]]")
    periods: list[Period] = []
    for number, values in enumerate(file.when):
        since = values.get("since")
        where = f"when[{number}]"
        if (number == 0) != (since is None) or not isinstance(since, date | None):
            raise MappingError(name, f"{where}.since", "a date in every entry but the first")
        before = periods[-1].since if periods else None
        if since is not None and before is not None and since <= before:
            raise MappingError(name, f"{where}.since", "entries in the order of their dates")
        own = {key: value for key, value in values.items() if key != "since"}
        periods.append(Period(since, _converted(own, kind, name, where, sets)))
    return tuple(periods)


def _converted(values: Any, kind: type[T], name: str, where: str, sets: ValueSets) -> T:
    """`values` as a parameter struct, the names of value sets looked up."""
    known: dict[type, dict[str, Any]] = {
        DrugClass: dict(sets.classes),
        Laboratory: dict(sets.labs),
        CodeSet: dict(sets.code_sets),
    }

    def look_up(wanted: type, value: Any) -> Any:
        if wanted not in known:
            raise NotImplementedError
        if value not in known[wanted]:
            raise ValueError(f"the name of a declared value set, not {value!r}")
        return known[wanted][value]

    try:
        return msgspec.convert(values, kind, dec_hook=look_up)
    except msgspec.ValidationError as error:
        said, _, at = str(error).partition(" - at `$")
        key = f"{where}{at.rstrip('`')}".lstrip(".") or where or "file"
        raise MappingError(name, key, said) from error
