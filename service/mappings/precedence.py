"""`precedence.toml` as the Policy of reconcile, every key checked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from service.mappings import toml
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
    "short-course",
    "depot-interval",
    "administration",
)
_FINDING_KEYS = frozenset({"severity", "source", "act_code", "raised_by"})
_Word = TypeVar("_Word", bound=StrEnum)


def load_policy(folder: Path) -> Policy:
    """The policy of a mappings folder.

    Raises: MappingError naming file, key and what was expected.
    """
    document = toml.load(folder, FILE)
    drugs = document.inner("drugs")
    return Policy(
        expected=_expected(document.inner("expected")),
        findings=_findings(document.inner("findings")),
        windows=_windows(document.inner("windows")),
        thresholds=_thresholds(document.inner("thresholds")),
        narrow_index=_members(drugs, "narrow-index"),
        release_critical=_members(drugs, "release-critical"),
        specialist=_members(drugs, "specialist"),
        clinic=_members(drugs, "clinic"),
        self_medication=_members(drugs, "self-medication"),
        grave_self_medication=_members(drugs, "grave-self-medication"),
        courses=_members(drugs, "courses"),
        nsaids=_members(drugs, "nsaids"),
        lithium=_members(drugs, "lithium"),
        egfr_codes=_members(document.inner("labs"), "egfr"),
    )


def _word(kind: type[_Word], entry: toml.Entry, name: str, text: object) -> _Word:
    for word in kind:
        if word.value == text:
            return word
    raise entry.wrong(name, "one of " + ", ".join(word.value for word in kind))


def _expected(table: toml.Entry) -> Mapping[LineKind, Mapping[Role, Expectation]]:
    rows: dict[LineKind, Mapping[Role, Expectation]] = {}
    for name in table.values:
        row = table.inner(name)
        rows[_word(LineKind, table, name, name)] = {
            _word(Role, row, role, role): _word(Expectation, row, role, word)
            for role, word in row.values.items()
        }
    for kind in LineKind:
        if kind not in rows:
            raise table.wrong(kind.value, "a table of roles")
    return rows


def _findings(table: toml.Entry) -> Mapping[str, FindingKind]:
    kinds: dict[str, FindingKind] = {}
    for name in table.values:
        row = table.inner(name)
        if name not in FINDING_TYPES:
            raise table.wrong(name, "a finding that reconcile makes")
        if unknown := set(row.values) - _FINDING_KEYS:
            raise row.wrong(min(unknown), "no such key")
        kinds[name] = FindingKind(
            type=name,
            severity=_word(Severity, row, "severity", row.text("severity")),
            source=row.text("source"),
            act_code=row.text("act_code", ""),
            raised_by=frozenset(
                _word(Raise, row, "raised_by", word) for word in row.texts("raised_by")
            ),
        )
    if missing := FINDING_TYPES - kinds.keys():
        raise table.wrong(min(missing), "a table with severity and source")
    return kinds


def _windows(table: toml.Entry) -> Windows:
    days: dict[str, int] = {}
    for name in _WINDOWS:
        row = table.inner(name)
        row.text("source")
        days[name.replace("-", "_")] = _whole(row, "days")
    return Windows(**days)


def _thresholds(table: toml.Entry) -> Thresholds:
    return Thresholds(
        dose_tolerance=_share(table, "dose_tolerance"),
        ratio_raise=table.number("ratio_raise"),
        decimal_low=table.number("decimal_low"),
        decimal_high=table.number("decimal_high"),
        age_old=_whole(table, "age_old"),
        age_young=_whole(table, "age_young"),
        egfr_low=table.number("egfr_low"),
    )


def _whole(entry: toml.Entry, name: str) -> int:
    value = entry.values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise entry.wrong(name, "a whole number, zero or more")
    return value


def _share(entry: toml.Entry, name: str) -> Decimal:
    try:
        value = Decimal(entry.text(name))
    except InvalidOperation:
        value = Decimal(-1)
    if not 0 <= value < 1:
        raise entry.wrong(name, 'a share below one, as a text ("0.01")')
    return value


def _members(table: toml.Entry, name: str) -> Mapping[str, str]:
    """Codes with their names, each code once, under a stated source."""
    row = table.inner(name)
    row.text("source")
    members = row.values.get("members")
    pairs: dict[str, str] = {}
    for member in members if isinstance(members, list) else [None]:
        match member:
            case [str() as code, str() as title] if code and title and code not in pairs:
                pairs[code] = title
            case _:
                raise row.wrong("members", "pairs of code and name, each code once")
    return pairs
