"""The rules as pages for clinicians: `python -m service.mappings.rule_pages`.

What decision-support transparency asks of each rule stands on one page per category: what it says,
its source and how well that was checked, whom it is for, its limits, its status, its values.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from service.assess.rule import Rule, RuleBook, RuleStatus
from service.mappings.case_rows import load_cases
from service.mappings.rules import RULES, load_rules

MARKS = {
    "V": "checked against a text of the source",
    "S": "well established; the primary text is still to be attached",
    "C": "open: off until the source is settled",
}
INDEX = "README.md"
NOTE = (
    "Made from `mappings/rules/` by `python -m service.mappings.rule_pages`; edit the rule files."
)


def pages(folder: Path) -> Mapping[str, str]:
    """Every page's text by its file name: an index and one page per category.

    Raises: MappingError when the rules cannot be read.
    """
    book = load_rules(folder)
    categories: dict[str, list[Rule]] = defaultdict(list)
    for rule in book:
        categories[rule.id.partition("/")[0]].append(rule)
    made = {f"{name}.md": _page(folder, name, rules) for name, rules in categories.items()}
    return {INDEX: _index(book, categories), **made}


def _index(book: RuleBook, categories: Mapping[str, list[Rule]]) -> str:
    off = [rule for rule in book if not rule.fires]
    types = Counter(rule.type for rule in book)
    return _text(
        "# The rules",
        NOTE,
        f"{len(book)} rules: {sum(rule.fires for rule in book)} fire, {len(off)} are off. As "
        "shipped no pharmacist of a site has signed any, and each finding says so. Absence of a "
        "finding is not safety: a drug outside the tables is not covered.",
        _table(
            ("Category", "Rules", "What they ask"),
            (
                (f"[{name}]({name}.md)", str(len(rules)), _types(rules))
                for name, rules in sorted(categories.items())
            ),
        ),
        "## Findings",
        _table(("Finding", "Rules"), ((name, str(n)) for name, n in sorted(types.items()))),
        "## Off, and why",
        _table(
            ("Rule", "Status", "Why"),
            ((_link(rule), rule.status.value, rule.limits or MARKS[rule.mark]) for rule in off),
        ),
    )


def _types(rules: Iterable[Rule]) -> str:
    return ", ".join(sorted({rule.type for rule in rules}))


def _link(rule: Rule) -> str:
    category, _, name = rule.id.partition("/")
    return f"[{rule.id}]({category}.md#{name})"


def _page(folder: Path, category: str, rules: Iterable[Rule]) -> str:
    parts = [_rule(folder, rule) for rule in rules]
    return _text(f"# Rules: {category}", NOTE, *parts)


def _rule(folder: Path, rule: Rule) -> str:
    name = rule.id.partition("/")[2]
    cases = Counter[str](case.kind for case in load_cases(folder, rule.id))
    return _text(
        f"## {name}",
        f"**{rule.title}**",
        _table(("", ""), _facts(rule, cases)),
        f"> {rule.message}",
        rule.advice,
        f"```toml\n{_values(folder, rule)}\n```",
    ).rstrip("\n")


def _facts(rule: Rule, cases: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    signed = rule.reviewed
    yield "Id, version", f"`{rule.id}`, {rule.version}"
    yield "Finding", f"{rule.type}, {rule.severity.value}{', urgent' if rule.urgent else ''}"
    yield "Sources", "; ".join(rule.sources)
    yield "Source checked", f"{rule.mark}: {MARKS[rule.mark]}"
    yield "For whom", rule.population or "everybody who takes what it names"
    yield "Limits", rule.limits or "none written down"
    yield "Known false alarms", "; ".join(rule.false_alarms) or "none written down"
    yield (
        "Status",
        f"reviewed by {signed.by} on {signed.on}, again on {signed.again}"
        if signed and rule.status is RuleStatus.REVIEWED
        else f"{rule.status.value}: no pharmacist has signed it",
    )
    if rule.yields_to:
        yield "Yields to", ", ".join(f"`{other}`" for other in rule.yields_to)
    if rule.fold:
        yield "Told together with", f"the other rules of `{rule.fold}`"
    yield "Cases", ", ".join(f"{count} {kind}" for kind, count in sorted(cases.items()))


def _values(folder: Path, rule: Rule) -> str:
    text = (folder / RULES / f"{rule.id}.toml").read_text(encoding="utf-8")
    return text[text.index("[[when]]") :].rstrip()


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _text(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pages; a page whose category is gone is removed."""
    parser = argparse.ArgumentParser(prog="python -m service.mappings.rule_pages")
    parser.add_argument("--mappings", type=Path, default=Path("mappings"))
    parser.add_argument("--out", type=Path, default=Path("docs/rules"))
    chosen = parser.parse_args(arguments)
    made = pages(chosen.mappings)
    chosen.out.mkdir(parents=True, exist_ok=True)
    for stale in sorted(chosen.out.glob("*.md")):
        if stale.name not in made:
            stale.unlink()
    for name, text in made.items():
        (chosen.out / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} pages in {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
