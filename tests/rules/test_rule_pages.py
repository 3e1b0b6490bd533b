"""The pages of the rules say what the rule files say, today."""

from __future__ import annotations

import shutil
from pathlib import Path

from service.mappings.rule_pages import main, pages
from service.mappings.rules import load_rules

ROOT = Path(__file__).parents[2]
MAPPINGS, DOCS = ROOT / "mappings", ROOT / "docs" / "rules"


def test_the_pages_in_the_docs_are_those_of_the_rule_files() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert written == pages(MAPPINGS), "run python -m service.mappings.rule_pages"


def test_every_rule_has_its_place_with_sources_limits_and_status() -> None:
    made = pages(MAPPINGS)
    for rule in load_rules(MAPPINGS):
        category, _, name = rule.id.partition("/")
        page = made[f"{category}.md"]
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert rule.title in section
        assert all(source in section for source in rule.sources)
        assert rule.limits in section
        assert rule.status.value in section


def test_a_page_whose_category_is_gone_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder, ignore=shutil.ignore_patterns("rxnorm", "rules"))
    for name in ("warfarin-nsaid.toml", "warfarin-nsaid.cases.toml"):
        (folder / "rules/interaction").mkdir(parents=True, exist_ok=True)
        shutil.copy(MAPPINGS / "rules/interaction" / name, folder / "rules/interaction" / name)
    out = tmp_path / "docs"
    out.mkdir()
    (out / "gone.md").write_text("old", encoding="utf-8")
    assert main(["--mappings", str(folder), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"README.md", "interaction.md"}
