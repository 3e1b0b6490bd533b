"""The template of the catalogue: every phrase of pages and prints, found in templates and modules.

`python -m tests.tools.catalogue` writes `service/web/locales/concord.pot` anew. Lists of words by
code stay data where they are; `WORDS` names them.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from jinja2.ext import babel_extract

from service.assess.rule import RuleStatus
from service.errors import ServiceError
from service.mappings.check import finding_types
from service.mappings.rule_pages import MARKS
from service.model.finding import Severity
from service.model.patient import MatchGrade
from service.model.review import MITIGATIONS, DeliveryState, Disposition, UserRole
from service.prints import changes, comparison, material, monitoring_card, patient_list, timing
from service.read import connection
from service.report.plan_words import ACTIVITY_WORDS
from service.review.decide import OVERRIDE_REASONS
from service.store.patient_words import KINDS
from service.web import application, errors, print_pages, reasons, words
from service.web.language import LOCALES
from service.web.operations import rules as rules_page
from service.web.patient import cells, decisions, grid, grouping, known, view
from service.web.people import break_glass
from service.web.signing import delivered, writes
from service.web.signing import page as signing
from service.web.worklist import page as worklist_page
from service.web.worklist import progress
from service.write.deliver.next_step import NEXT_STEP

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = LOCALES / "concord.pot"
KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "say": None,
    "t": None,
    "counted": (1, 2),
}
APPLICATION: Final = application.create_app
"""Everything that it is made of is imported with it: all errors are known."""
HEADER: Final = """\
# Every phrase of Concord's pages and prints; English is the key of each.
# Made by `python -m tests.tools.catalogue`.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

"""
REFUSING: Final = ("review", "pipeline", "web")
"""Folders in which what people ask for is refused."""
STATES: Final = ("complete", "partial", "stale", "withheld", "unavailable")
THERAPY_STATES: Final = ("current", "planned", "held", "stopped", "conflict", "unknown")
ORDER_STATES: Final = (
    "active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft",
    "unknown", "intended", "not-taken", "no status",
)  # fmt: skip
"""FHIR R4B medicationrequest-status, medication-statement-status."""
VISIT_STATES: Final = (
    "proposed", "pending", "booked", "arrived", "fulfilled", "noshow", "checked-in", "waitlist",
    "planned", "triaged", "in-progress", "onleave", "finished", "appointment", "encounter",
)  # fmt: skip
"""FHIR R4B appointmentstatus and encounter-status, and what a contact is read from."""
SEXES: Final = ("female", "male", "other", "sex not given")
DOSES: Final = ("once a day", "twice a day", "3 times a day", "4 times a day")
TITLES: Final = ("Signing out", "Signed in")
SINCE: Final = ("the last visit with you", "your last signature", "your last look", "that day")

WORDS: Final[tuple[Iterable[str], ...]] = (
    [one.value for one in (*Severity, *MatchGrade, *DeliveryState, *UserRole, *RuleStatus)],
    [one.value.replace("-", " ") for one in Disposition],
    [one.replace("-", " ") for one in finding_types(ROOT / "mappings")],
    [one.name.replace("-", " ") for one in (ROOT / "mappings/rules").iterdir() if one.is_dir()],
    STATES, THERAPY_STATES, ORDER_STATES, VISIT_STATES, SEXES, DOSES, TITLES, SINCE,
    MARKS.values(), MITIGATIONS.values(), OVERRIDE_REASONS.values(), ACTIVITY_WORDS.values(),
    NEXT_STEP.values(), KINDS,
    material.STATES.values(), (material.UNCERTAIN, material.WITHHELD), comparison.DECIDED.values(),
    (changes.SEEN, *changes.MISSED.values()),
    timing.WHEN.values(), patient_list.ROUTES.values(), sorted(timing.OFTEN),
    [f"every {{n}} {unit}" for unit in ("hours", "days", "weeks")],
    [test for _, tests in monitoring_card.WATCHED.values() for test in tests],
    break_glass.REASONS.values(), print_pages.KINDS.values(), rules_page.STATUS.values(),
    (rules_page.RUN_OUT, rules_page.IN_WORDS, *rules_page.OF_LISTS), signing.ORDER, ("still open",),
    view.TABS.values(), known.CONSEQUENCE.values(), delivered.STATES.values(),
    (delivered.SKIPPED,), grid.CHANGES.values(), reasons.SENTENCES, (reasons.OF_STATE,),
    [words for _, words in decisions.MEDICATION_CHOICES], decisions.PATIENT_ANSWERS.values(),
    decisions.INTENTIONS.values(), grouping.NEED, grouping.DECIDED, grouping.BY.values(),
    (grouping.NO_CLASS, grouping.NOBODY, grouping.NO_INDICATION, grouping.BY_NAME),
    words.MOMENTS.values(), words.WEEKDAYS.values(), words.KINDS, words.KINDS.values(),
    connection.TRIED, connection.SAID, (errors.FAULT, errors.UNREADABLE),
    [one.phrase for one in HTTPStatus if one >= HTTPStatus.BAD_REQUEST],
    [one.description for one in HTTPStatus if one >= HTTPStatus.BAD_REQUEST],
    worklist_page.STATE_WORDS.values(), worklist_page.CHANGE_WORDS, worklist_page.LABELS.values(),
)  # fmt: skip
"""Words that pages say by code."""
COUNTED: Final[tuple[tuple[str, str], ...]] = (
    *changes.COUNTED, *cells.EARLIER.values(), progress.BEING_READ, rules_page.ANSWERS,
    writes.LISTED, *((one, many) for _, one, many in writes.PARTS),
)  # fmt: skip
"""The same for one and for many."""


def catalogue() -> Catalog:
    """Every phrase with the files that it stands in."""
    found = Catalog()
    for text in sorted({text for group in WORDS for text in group if text}):
        found.add(text)
    for pair in COUNTED:
        found.add(pair)
    for text in sorted(refusals()):
        found.add(text)
    for file in _files():
        method = babel_extract if file.suffix == ".html" else calls
        with file.open("rb") as source:
            options = {"trimmed": "true", "silent": "false"}
            for _, message, _, _ in extract(method, source, KEYWORDS, options=options):
                found.add(message, locations=[(file.relative_to(ROOT).as_posix(), 0)])
    return found


def refusals() -> set[str]:
    """What errors say to people: the default words of each, and those that a stage gives one."""
    homes = ("service.errors", *(f"service.{folder}." for folder in REFUSING))
    kinds = {k.__name__: k for k in _kinds(ServiceError) if k.__module__.startswith(homes)}
    docs = {kind.__doc__ or "" for kind in kinds.values()}
    said = {" ".join(doc.split()) for doc in docs if "\n\n" not in doc}
    for folder in REFUSING:
        for file in sorted((ROOT / "service" / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in kinds:
                    words = node.args[0] if node.args else None
                    if isinstance(words, ast.Constant) and isinstance(words.value, str):
                        said.add(words.value)
    return said - {""}


def _kinds(of: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def calls(
    file: BinaryIO, keywords: Iterable[str], comment_tags: object, options: object
) -> Iterator[tuple[int, str, tuple[str | None, ...], list[str]]]:
    """A Babel method: the texts that calls of `keywords` are given as they stand in a module.

    Babel's own takes every text between the brackets, also the key in `say(line["status"])`.
    """
    for node in ast.walk(ast.parse(file.read())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in keywords and node.args:
            given = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
            texts = tuple(one if isinstance(one, str) else None for one in given)
            yield node.lineno, name, texts, []


def template() -> str:
    """The file as it should stand."""
    out = io.BytesIO()
    write_po(out, catalogue(), omit_header=True, include_lineno=False, sort_output=True, width=100)
    return HEADER + out.getvalue().decode()


def _files() -> Iterator[Path]:
    yield from sorted((ROOT / "service/web").rglob("*.py"))
    yield from sorted((ROOT / "service/prints").glob("*.py"))
    yield from sorted((ROOT / "service/web/templates").rglob("*.html"))


if __name__ == "__main__":
    TEMPLATE.write_text(template(), encoding="utf-8")
