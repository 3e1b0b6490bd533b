"""Why something was not read or not written: said in the reader's language, from one catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.prints.words import entries, translations
from service.web.language import Speech, speaking
from service.web.reasons import OF_READS, OF_WRITES, why

SERVICE = Path(__file__).parents[2] / "service"
REFUSING = {
    "write/target.py": {"refusal", "keeps_out"},
    "write/refusals.py": {"blocked", "held_back"},
    "write/wanted.py": {"unclaimable"},
}
"""Functions whose every answer is a reason for which nothing is written."""
FIELD = re.compile(r"\{\w+\}")
ESPERANTO = Speech(
    "eo",
    translations(
        entries(
            'msgid ""\nmsgstr ""\n\n'
            'msgid "not every source was complete: {why}"\nmsgstr "ne ĉio estis legita: {why}"\n\n'
            'msgid "{name} is {state}"\nmsgstr "{name}: {state}"\n\n'
            'msgid "stale"\nmsgstr "malnova"\n\n'
            'msgid "it does not take {type}"\nmsgstr "ĝi ne akceptas {type}"\n\n'
            'msgid "a {type} goes instead"\nmsgstr "{type} iras anstataŭe"\n\n'
            'msgid "no answer within {count} s"\nmsgstr "neniu respondo en {count} s"\n\n'
            'msgid "page {number} of {type}: {why}"\nmsgstr "paĝo {number} de {type}: {why}"\n\n'
        )
    ),
)


def shape(node: ast.AST) -> str:
    """A text of a module with {} for each value in it; "" for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            shape(part) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return ""


def shapes(*folders: str) -> Iterator[str]:
    for folder in folders:
        for file in (SERVICE / folder).rglob("*.py"):
            yield from map(shape, ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("sentences", "folders"), [(OF_WRITES, ("write",)), (OF_READS, ("read", "fhir"))]
)
def test_every_sentence_is_one_that_what_reads_and_writes_says(
    sentences: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    said = "\n".join(shapes(*folders))
    assert [one for one in sentences if FIELD.sub("{}", one) not in said] == []


def test_no_reason_for_which_nothing_is_written_is_missing_in_the_catalogue() -> None:
    known = {FIELD.sub("{}", one) for one in OF_WRITES}
    found = set()
    for name, functions in REFUSING.items():
        for node in ast.walk(ast.parse((SERVICE / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in functions:
                answers = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
                found |= {shape(one) for one in answers if one is not None}
    assert len(found) > 10
    assert found - known - {""} == set()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("it does not take CarePlan", "ĝi ne akceptas CarePlan"),
        ("it does not take Task; a Communication goes instead",
         "ĝi ne akceptas Task; Communication iras anstataŭe"),
        ("not every source was complete: a is stale; b is stale",
         "ne ĉio estis legita: a: malnova; b: malnova"),
        ("CarePlan/7: it does not take CarePlan", "CarePlan/7: ĝi ne akceptas CarePlan"),
        ("page 2 of Observation: no answer within 20 s",
         "paĝo 2 de Observation: neniu respondo en 20 s"),
        ("page 2 of Observation: OperationOutcome what the server said",
         "paĝo 2 de Observation: OperationOutcome what the server said"),
        ("what the server said: nothing of it known", "what the server said: nothing of it known"),
    ],
)  # fmt: skip
def test_a_reason_is_said_in_the_readers_language_with_its_names_and_numbers(
    reason: str, said: str
) -> None:
    assert why(reason) == reason
    with speaking(ESPERANTO):
        assert why(reason) == said


@given(st.text(alphabet="page 1of:; {}is stale%", max_size=400))
def test_whatever_a_server_said_is_said_unchanged_or_in_its_sentence(reason: str) -> None:
    assert why(reason) == reason
    with speaking(Speech("xx")):
        assert why(reason) == reason
