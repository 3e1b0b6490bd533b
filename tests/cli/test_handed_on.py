"""What `concord reconcile --format fhir` tells whom: one filter, and never a silent label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.cli import main
from service.write.codes import ACT_CODE
from service.write.disclosure import HOUSE_ONLY
from tests.acceptance.hospital import order, patient

WITHHELD = "1 item is withheld from this recipient by consent or label (1 by label)."
SERTRALINE = "312938", "sertraline 100 MG Oral Tablet"
BUPROPION = "993503", "24 HR bupropion hydrochloride 300 MG Extended Release Oral Tablet"
LABEL = "PSY"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No concord.toml of the machine is found."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    """Psychiatry holds sertraline, and bupropion under a label; primary care sertraline alone."""
    held = {
        "psychiatry": [patient(1), order(1, *SERTRALINE, 1), labelled(order(2, *BUPROPION, 1))],
        "primary-care": [patient(1), order(1, *SERTRALINE, 1)],
    }
    for name, resources in held.items():
        (tmp_path / name).mkdir()
        for number, one in enumerate(resources):
            (tmp_path / name / f"{number}.json").write_text(json.dumps(one), "utf-8")
    return [f"--source={name}={tmp_path / name}" for name in held]


def labelled(resource: dict[str, Any]) -> dict[str, Any]:
    said = {"security": [{"system": ACT_CODE, "code": LABEL}]}
    return resource | {"meta": said, "subject": {"reference": "Patient/p1"}}


def bundle(
    sources: list[str], capfd: pytest.CaptureFixture[str], *to: str
) -> tuple[dict[str, Any], str]:
    """What came out for this recipient, and what was said beside it."""
    assert main(["reconcile", *sources, "--as-of=2026-03-10", "--format=fhir", *to]) == 0
    written, said = capfd.readouterr()
    return json.loads(written), said


def carried(one: dict[str, Any]) -> set[str]:
    return {label["code"] for label in one["meta"].get("security", ())}


@pytest.mark.parametrize("to", [[], ["--to=this-house"]])
def test_for_this_house_all_is_told_and_the_labels_travel_with_it(
    to: list[str], sources: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    told, said = bundle(sources, capfd, *to)
    assert "bupropion" in json.dumps(told)
    assert carried(told) == {LABEL}
    assert HOUSE_ONLY in said
    assert HOUSE_ONLY in json.dumps(told)


@pytest.mark.parametrize("to", ["primary-care", "anybody"])
def test_what_a_label_protects_is_not_handed_on_and_that_is_said(
    to: str, sources: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    told, said = bundle(sources, capfd, "--to", to)
    assert "sertraline" in json.dumps(told)
    assert "bupropion" not in json.dumps(told)
    assert "bupropion" not in said
    assert carried(told) == set()
    assert WITHHELD in said
    assert WITHHELD in json.dumps(told)


def test_a_source_gets_its_own_lines_back_with_their_labels(
    sources: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    told, said = bundle(sources, capfd, "--to=psychiatry")
    assert "bupropion" in json.dumps(told)
    assert carried(told) == {LABEL}
    assert said == ""


def test_a_consent_lets_go_what_it_names_to_whom_it_names(
    sources: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    office = {"system": "urn:offices", "value": "1"}
    consent = {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"text": "disclosure"}],
        "patient": {"reference": "Patient/p1"},
        "policyRule": {"coding": [{"code": "OPTIN"}]},
        "provision": {
            "type": "permit",
            "securityLabel": [{"system": ACT_CODE, "code": LABEL}],
            "actor": [
                {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"identifier": office}}
            ],
        },
    }
    (tmp_path / "psychiatry" / "consent.json").write_text(json.dumps(consent), "utf-8")
    (tmp_path / "concord.toml").write_text(
        "[sources.primary-care]\n"
        'base_url = "https://gp.example/fhir"\n'
        'parties = ["urn:offices|1"]\n'
    )
    assert "bupropion" in json.dumps(bundle(sources, capfd, "--to=primary-care")[0])
    assert "bupropion" not in json.dumps(bundle(sources, capfd, "--to=anybody")[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format=fhir", "--to=radiology"], "anybody, primary-care, psychiatry or this-house"),
        (["--format=text", "--to=primary-care"], "--format fhir"),
        (["--to=anybody"], "--format fhir"),
    ],
)
def test_nobody_is_told_anything_before_it_is_known_who(
    options: list[str], said: str, sources: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", *sources, *options]) == 2
    written, sentence = capfd.readouterr()
    assert written == ""
    assert said in sentence
