"""`concord rules`: which rules there are, what one says, why each spoke or not for a patient."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from service import app
from service.assess.answer import Verdict
from service.assess.engine import explain
from service.assess.rule import Rule, RuleBook
from service.connect import opened_readers
from service.errors import UsageError
from service.mappings.folder import mappings_folder
from service.mappings.rule_pages import MARKS
from service.mappings.rules import load_rules
from service.pipeline.gather import gather
from service.pipeline.reconcile import joined
from service.pipeline.who import parse_who

WORDS = {
    Verdict.MET: "speaks",
    Verdict.CANNOT_TELL: "cannot tell",
    Verdict.NOT_MET: "silent",
}
"""The three answers in words, in the order in which they are told."""


def _book(config: Path | None) -> RuleBook:
    return load_rules(mappings_folder(app.settings_of(config).mappings))


def listed(config: Path | None) -> Iterator[str]:
    """A line for each rule: status, severity, id, title, source."""
    for rule in _book(config):
        yield (
            f"{rule.status.value:<11}{rule.severity.value:<9}{rule.id:<52}{rule.title}"
            f"  [{'; '.join(rule.sources)}]"
        )


def shown(config: Path | None, rule_id: str) -> str:
    """One rule with its words, limits and sources, then its file as it stands.

    Raises: UsageError for an id that no rule has.
    """
    folder = mappings_folder(app.settings_of(config).mappings)
    rule = _known(load_rules(folder), rule_id)
    file = folder / "rules" / f"{rule_id}.toml"
    signed = (
        f"signed by {rule.reviewed.by} on {rule.reviewed.on}, again on {rule.reviewed.again}"
        if rule.reviewed
        else "no pharmacist of this site has signed it"
    )
    return "\n".join(
        (
            f"{rule.id}, version {rule.version}: {rule.title}",
            f"Status: {rule.status.value} ({signed})",
            f"Finding: {rule.type}, severity {rule.severity.value}",
            f"Sources: {'; '.join(rule.sources)}",
            f"Source checked: {rule.mark}, {MARKS[rule.mark]}",
            f"Population: {rule.population or 'everybody who takes what it names'}",
            f"Limits: {rule.limits or 'none written down'}",
            f"Known false alarms: {'; '.join(rule.false_alarms) or 'none written down'}",
            "",
            file.read_text(encoding="utf-8").rstrip(),
        )
    )


def _known(book: RuleBook, rule_id: str) -> Rule:
    if rule_id not in book.rules:
        near = get_close_matches(rule_id, book.rules, n=3)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(
            f"There is no rule {rule_id!r}; {meant}`concord rules list` names them all."
        )
    return book.rules[rule_id]


def explained(
    locations: Mapping[str, str],
    *,
    config: Path | None,
    patient: str | None,
    as_of: date | None,
    rule: str | None,
) -> Iterator[str]:
    """A line for each rule: whether it speaks for this patient, and why or why not.

    Those that speak come first, then those that cannot tell; the silent ones by id.

    Raises: UsageError for a rule that does not exist or before any request.
    """
    settings = app.settings_of(config)
    known = app.knowledge(settings)
    if rule is not None:
        _known(known.rules, rule)
    who = parse_who(patient, locations)
    day = as_of or app.now().date()

    async def read() -> tuple[str, ...]:
        async with opened_readers(locations, settings) as opened:
            gathered = await gather(opened, who, known.weights)
        view = joined(gathered, known, day).view
        answers = [one for one in explain(view, known.rules, day) if rule in {None, one.rule}]
        answers.sort(key=lambda one: list(WORDS).index(one.verdict))
        return tuple(f"{WORDS[one.verdict]:<12}{one.rule:<52}{one.words}" for one in answers)

    yield from asyncio.run(read())
