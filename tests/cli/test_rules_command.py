"""`concord rules` for somebody who asks which, what and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.cli import main

SOURCES = Path(__file__).parents[2] / "fixtures/patients/lithium-new-ace-inhibitor/sources"
PATIENT = [f"--source={path.name}={path}" for path in sorted(SOURCES.iterdir())]
DAY = ["--as-of", "2026-11-15"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No concord.toml of the machine is found."""
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["rules", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_every_rule_is_listed_with_its_status_and_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = said(capsys, "list")
    lithium = next(line for line in lines if " monitoring/lithium-level " in line)
    assert lithium.startswith("unreviewed high")
    assert "NICE CG185" in lithium
    assert any(line.startswith("off ") for line in lines)


def test_a_rule_is_shown_with_how_well_its_source_was_checked_and_its_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\n".join(said(capsys, "show", "monitoring/lithium-level"))
    assert "Source checked: V, checked against a text of the source" in text
    assert "no pharmacist of this site has signed it" in text
    assert "every_days = 91" in text


def test_a_misspelled_rule_is_answered_with_what_was_probably_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["rules", "show", "monitoring/lithum-level"]) == 2
    assert "did you mean monitoring/lithium-level" in capsys.readouterr().err


def test_what_speaks_is_told_before_what_is_silent_and_both_say_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = said(capsys, "explain", *PATIENT, *DAY)
    verdicts = [line[:12].strip() for line in lines]
    assert verdicts == sorted(verdicts, key=["speaks", "cannot tell", "silent"].index)
    assert {"speaks", "silent"} <= set(verdicts)
    assert all(line[64:].strip() for line in lines)


def test_one_rule_can_be_asked_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "explain", *PATIENT, *DAY, "--rule", "lab/clozapine-level-high")
    assert len(lines) == 1
    assert lines[0].startswith("silent")
    assert "None of the drugs" in lines[0]
