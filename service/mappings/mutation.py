"""Each number of a rule moved by one step: the cases must notice, or they do not guard it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from service.assess.rule import Check, Rule, RuleBook
from service.mappings.case_lines import Drugs
from service.mappings.case_rows import Case
from service.mappings.cases import failures


def unnoticed(
    rule: Rule, cases: Sequence[Case], drugs: Drugs, book: RuleBook
) -> Iterator[tuple[str, str]]:
    """Keys whose number can be moved by one step without any case failing, with the moved value.

    Days and counts move by 1, decimals by one unit of their last digit; a default that the file
    does not change stays. Only the values in force last are moved: earlier ones are history.
    """
    period = rule.periods[-1]
    for key, moved, check in _mutants(period.check):
        mutant = replace(rule, periods=(*rule.periods[:-1], replace(period, check=check)))
        if not any(failures(case, mutant, drugs, book) for case in cases):
            yield key, moved


def _mutants(check: Check) -> Iterator[tuple[str, str, Check]]:
    for key, moved, made in _moved(check):
        if isinstance(made, Check):
            yield key, moved, made


def _moved(struct: msgspec.Struct) -> Iterator[tuple[str, str, msgspec.Struct]]:
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(struct))}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if value == defaults[name]:
            continue
        for key, moved, made in _moved_value(value):
            path = f"{name}{key}"
            yield path, moved, msgspec.structs.replace(struct, **{name: made})


def _moved_value(value: Any) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        for step in (-1, 1):
            if value + step >= 0:
                yield "", str(value + step), value + step
    elif isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        step_by = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
        for moved in (value - step_by, value + step_by):
            yield "", str(moved), moved
    elif isinstance(value, msgspec.Struct):
        for key, moved_to, made in _moved(value):
            yield f".{key}", moved_to, made
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            for key, moved_to, made in _moved_value(item):
                changed = (*value[:number], made, *value[number + 1 :])
                yield f"[{number}]{key}", moved_to, changed
