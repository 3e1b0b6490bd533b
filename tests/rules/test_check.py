"""check-mappings refuses what could mislead a pharmacist: each fault is named with its file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.mappings.check import check

MAPPINGS = Path(__file__).parents[2] / "mappings"
WARFARIN = "rules/interaction/warfarin-nsaid.toml"
WARFARIN_CASES = "rules/interaction/warfarin-nsaid.cases.toml"
CITALOPRAM_CASES = "rules/dose/citalopram-maximum.cases.toml"
LITHIUM = "rules/lab/lithium-high.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mappings folder with a handful of the rules, so that each check is quick."""
    target = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, target, ignore=shutil.ignore_patterns("rules", "rxnorm"))
    (target / "rxnorm").symlink_to(MAPPINGS / "rxnorm")
    for name in (WARFARIN, CITALOPRAM_CASES.replace(".cases", ""), LITHIUM):
        for path in (name, name.replace(".toml", ".cases.toml")):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(MAPPINGS / path, target / path)
    return target


def _edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_handful_is_sound_as_it_stands(folder: Path) -> None:
    assert check(folder) == ()


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (WARFARIN, 'id = "interaction/warfarin-nsaid"', 'id = "interaction/x"', "id"),
        (WARFARIN, '"classes/warfarin"', '"classes/no-such"', "when[0].first"),
        (WARFARIN, 'severity = "high"', 'severity = "grave"', "severity"),
        (WARFARIN, 'check = "concurrent"', 'check = "program"', "check"),
        (WARFARIN, 'type = "drug-interaction"', 'type = "interaction"', "catalogue"),
        (WARFARIN, "{second}", "{third}", "placeholders"),
        (WARFARIN, "Ask whether", "Stop now. Ask whether", "never 'stop now'"),
        (WARFARIN, 'mark = "S"', 'mark = "C"', "off, while its source is open"),
        (WARFARIN, 'status = "unreviewed"', 'status = "reviewed"', "reviewed"),
        (WARFARIN, "softened_by", "softend_by", "softend_by"),
        (LITHIUM, "at_least = 1.5", 'at_least = "high"', "when[0].levels[1].at_least"),
        (WARFARIN_CASES, '"ibuprofen"', '"naproxen"', "the name 'ibuprofen'"),
        ("classes/members.csv", "classes/warfarin,11289,warfarin", "classes/warfarin,11289,x", "x"),
        (
            "classes/members.csv",
            "classes/lithium,6448,lithium",
            "classes/lithium,42351,lithium carbonate",
            "the moiety 6448",
        ),
        ("labs/codes.csv", "14334-7", "14334-6", "check digit"),
        ("conditions/codes.csv", "84757009", "84757008", "check digit"),
        ("labs/units.csv", "labs/anc,10*3/uL,1000", "labs/anc,10*3/uL,many", "decimal factor"),
    ],
)
def test_a_fault_is_refused_by_name(folder: Path, name: str, old: str, new: str, said: str) -> None:
    _edit(folder, name, old, new)
    complaints = check(folder)
    assert complaints
    assert any(said in complaint for complaint in complaints), complaints


def _without(word: str) -> Callable[[str], str]:
    """The case file without the cases that hold a word."""

    def cut(text: str) -> str:
        blocks = text.split("[[case]]")
        return "[[case]]".join(block for block in blocks if word not in block)

    return cut


@pytest.mark.parametrize(
    ("without", "said"),
    [
        (_without('answer = "cannot-tell"'), "cannot tell"),
        (_without("expect = []"), "stays silent"),
        (_without("severity"), "fires"),
    ],
)
def test_a_rule_without_all_three_kinds_of_case_is_refused(
    folder: Path, without: Callable[[str], str], said: str
) -> None:
    path = folder / WARFARIN_CASES
    path.write_text(without(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert any(f"at least one that {said}" in complaint for complaint in check(folder))


def test_a_rule_without_a_case_file_is_refused(folder: Path) -> None:
    (folder / WARFARIN_CASES).unlink()
    assert any("the cases of the rule" in complaint for complaint in check(folder))


def test_cases_without_their_rule_are_refused(folder: Path) -> None:
    (folder / WARFARIN).unlink()
    assert any("a rule beside the cases" in complaint for complaint in check(folder))


def test_a_number_that_no_case_stands_beside_is_refused(folder: Path) -> None:
    path = folder / CITALOPRAM_CASES
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("dose = 40", "dose = 39"), encoding="utf-8")
    assert any("notices limits[3].most moved to 39" in complaint for complaint in check(folder))
