"""`precedence.toml` as the Policy of reconcile, every key checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from service.errors import MappingError
from service.model.finding import Severity
from service.model.source import Role
from service.reconcile.policy import (
    FINDING_TYPES,
    Expectation,
    FindingKind,
    LineKind,
    Policy,
    Raise,
    Thresholds,
    Windows,
)

FILE = "precedence.toml"
_WINDOWS = (
    "stale",
    "stale-supply-factor",
    "supply-tolerance",
    "supply-unknown",
    "first-fill",
    "as-needed-unfilled",
    "depot-interval",
    "administration",
)
_Word = TypeVar("_Word", bound=StrEnum)


def load_policy(folder: Path) -> Policy:
    """The policy of a mappings folder.

    Raises: MappingError naming file, key and what was expected.
    """
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MappingError(FILE, "-", "the file is missing") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(FILE, "-", f"no valid TOML: {error}") from error
    drugs = _table(document, "drugs")
    labs = _table(document, "labs")
    return Policy(
        expected=_expected(_table(document, "expected")),
        findings=_findings(_table(document, "findings")),
        windows=_windows(_table(document, "windows")),
        thresholds=_thresholds(_table(document, "thresholds")),
        narrow_index=_members(drugs, "narrow-index"),
        release_critical=_members(drugs, "release-critical"),
        specialist=_members(drugs, "specialist"),
        clinic=_members(drugs, "clinic"),
        self_medication=_members(drugs, "self-medication"),
        grave_self_medication=_members(drugs, "grave-self-medication"),
        nsaids=_members(drugs, "nsaids"),
        lithium=_members(drugs, "lithium"),
        egfr_codes=_members(labs, "egfr"),
    )


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise MappingError(FILE, key, "a table is expected")
    return value


def _text(parent: Mapping[str, object], key: str, where: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not value.strip():
        raise MappingError(FILE, f"{where}.{key}", "a text is expected")
    return value


def _number(parent: Mapping[str, object], key: str, where: str) -> int:
    value = parent.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MappingError(FILE, f"{where}.{key}", "a whole number, zero or more, is expected")
    return value


def _decimal(parent: Mapping[str, object], key: str, where: str) -> Decimal:
    text = _text(parent, key, where)
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise MappingError(FILE, f"{where}.{key}", 'a number in quotes ("0.01")') from error
    if not value.is_finite() or value < 0:
        raise MappingError(FILE, f"{where}.{key}", "a number, zero or more, is expected")
    return value


def _word(kind: type[_Word], text: object, where: str) -> _Word:
    for word in kind:
        if word.value == text:
            return word
    raise MappingError(FILE, where, "one of " + ", ".join(word.value for word in kind))


def _expected(table: Mapping[str, object]) -> Mapping[LineKind, Mapping[Role, Expectation]]:
    rows: dict[LineKind, Mapping[Role, Expectation]] = {}
    for name in table:
        kind = _word(LineKind, name, f"expected.{name}")
        row = _table(table, name)
        rows[kind] = {
            _word(Role, role, f"expected.{name}.{role}"): _word(
                Expectation, word, f"expected.{name}.{role}"
            )
            for role, word in row.items()
        }
    for kind in LineKind:
        if kind not in rows:
            raise MappingError(FILE, f"expected.{kind.value}", "a table is expected")
    return rows


def _findings(table: Mapping[str, object]) -> Mapping[str, FindingKind]:
    kinds: dict[str, FindingKind] = {}
    for name in table:
        row, where = _table(table, name), f"findings.{name}"
        raised = row.get("raised_by", [])
        if not isinstance(raised, list):
            raise MappingError(FILE, f"{where}.raised_by", "a list is expected")
        code = row.get("act_code", "")
        if not isinstance(code, str):
            raise MappingError(FILE, f"{where}.act_code", "a text is expected")
        unknown = set(row) - {"severity", "source", "act_code", "raised_by"}
        if unknown:
            raise MappingError(FILE, f"{where}.{min(unknown)}", "an unknown key")
        kinds[name] = FindingKind(
            type=name,
            severity=_word(Severity, row.get("severity"), f"{where}.severity"),
            source=_text(row, "source", where),
            act_code=code,
            raised_by=frozenset(_word(Raise, word, f"{where}.raised_by") for word in raised),
        )
    missing = sorted(FINDING_TYPES - set(kinds))
    if missing:
        raise MappingError(FILE, f"findings.{missing[0]}", "a table is expected")
    extra = sorted(set(kinds) - FINDING_TYPES)
    if extra:
        raise MappingError(FILE, f"findings.{extra[0]}", "no finding of reconcile has this name")
    return kinds


def _windows(table: Mapping[str, object]) -> Windows:
    days: dict[str, int] = {}
    for name in _WINDOWS:
        row = _table(table, name)
        _text(row, "source", f"windows.{name}")
        days[name.replace("-", "_")] = _number(row, "days", f"windows.{name}")
    return Windows(**days)


def _thresholds(table: Mapping[str, object]) -> Thresholds:
    return Thresholds(
        dose_tolerance=_decimal(table, "dose_tolerance", "thresholds"),
        ratio_raise=_decimal(table, "ratio_raise", "thresholds"),
        decimal_low=_decimal(table, "decimal_low", "thresholds"),
        decimal_high=_decimal(table, "decimal_high", "thresholds"),
        age_old=_number(table, "age_old", "thresholds"),
        age_young=_number(table, "age_young", "thresholds"),
        egfr_low=_decimal(table, "egfr_low", "thresholds"),
    )


def _members(table: Mapping[str, object], name: str) -> Mapping[str, str]:
    row = _table(table, name)
    _text(row, "source", name)
    members = row.get("members")
    if not isinstance(members, list):
        raise MappingError(FILE, f"{name}.members", "a list of [code, name] is expected")
    pairs: dict[str, str] = {}
    for member in members:
        match member:
            case [str() as code, str() as title] if code and title and code not in pairs:
                pairs[code] = title
            case _:
                raise MappingError(FILE, f"{name}.members", f"[code, name], each once: {member!r}")
    return pairs
