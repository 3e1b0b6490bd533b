"""Every golden patient: what a careful psychiatric pharmacist must find, and must not be told."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.patients.golden import AS_OF, GoldenPatient, files, layout, milligrams, patients

SCHEMA = Path(__file__).parents[2] / "service" / "report" / "schema" / "report-1.json"


def reconciled(sources: dict[str, str]) -> dict[str, Any]:
    from service.app import reconcile_once
    from service.report.document import document

    return document(reconcile_once(sources, as_of=AS_OF))


def written(report: dict[str, Any]) -> bytes:
    from service.report.document import encoded

    return encoded(report)


def lasting(report: dict[str, Any]) -> bytes:
    """The report, less what changes with the day of the run or with any mapping file.

    Of the certificates those stay that say something: resources were read, or not all were.
    """
    kept = {key: value for key, value in report.items() if key != "provenance"}
    kept["problems"] = [problem for problem in report["problems"] if problem["source"]]
    kept["sources"] = [
        {**source, "resources": {k: c for k, c in source["resources"].items() if telling(c)}}
        for source in report["sources"]
    ]
    return (layout(kept) + "\n").encode()


def telling(certificate: dict[str, Any]) -> bool:
    return certificate["count"] > 0 or certificate["state"] != "complete"


@pytest.fixture(scope="module")
def reports() -> dict[str, dict[str, Any]]:
    """Reports of this run by patient, each made once, when the first test asks."""
    return {}


@pytest.fixture(params=patients(), ids=lambda patient: patient.name)
def patient(request: pytest.FixtureRequest) -> GoldenPatient:
    return request.param


@pytest.fixture
def report(patient: GoldenPatient, reports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if patient.name not in reports:
        reports[patient.name] = reconciled(patient.sources)
    return reports[patient.name]


def shown(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for finding in report["findings"] if finding["bucket"] == "shown"]


def options(value: str | list[str]) -> set[str]:
    """An expectation that names one word or several, of which any one will do."""
    return {value} if isinstance(value, str) else set(value)


def answers(finding: dict[str, Any], must: dict[str, Any]) -> bool:
    """Whether a finding is the one that is demanded; what is not written is not asked."""
    return (
        finding["type"] in options(must["type"])
        and finding["severity"] == must.get("severity", finding["severity"])
        and set(must.get("ingredients", ())) <= set(finding["ingredients"])
        and set(must.get("sources", ())) <= set(finding["sources"])
        and must.get("title_contains", "").casefold() in finding["title"].casefold()
    )


def offends(finding: dict[str, Any], must_not: dict[str, Any]) -> bool:
    """Whether a finding is one that must not be shown: about these drugs and one of the sources."""
    return (
        finding["type"] in options(must_not["type"])
        and set(must_not.get("ingredients", ())) <= set(finding["ingredients"])
        and not ("sources" in must_not and set(must_not["sources"]).isdisjoint(finding["sources"]))
    )


def brief(findings: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"  {f['severity']:9}{f['type']}: {', '.join(f['ingredients'])} ({', '.join(f['sources'])})"
        for f in findings
    )


def test_what_a_careful_pharmacist_would_find_is_shown(
    patient: GoldenPatient, report: dict[str, Any]
) -> None:
    missed = [
        must
        for must in patient.expected.get("must", [])
        if not any(answers(finding, must) for finding in shown(report))
    ]
    assert not missed, f"missed: {missed}\nshown:\n{brief(shown(report))}"


def test_what_would_be_a_false_alarm_is_not_shown(
    patient: GoldenPatient, report: dict[str, Any]
) -> None:
    alarms = [
        (must_not["why"], brief([finding]))
        for must_not in patient.expected.get("must_not", [])
        for finding in shown(report)
        if offends(finding, must_not)
    ]
    assert not alarms


def test_a_quiet_patient_has_nothing_moderate_or_high(
    patient: GoldenPatient, report: dict[str, Any]
) -> None:
    if not patient.expected.get("quiet", False):
        assert patient.expected["must"], "a patient is quiet, or has something to find"
        return
    loud = [finding for finding in shown(report) if finding["severity"] in {"high", "moderate"}]
    assert not loud, f"shown:\n{brief(loud)}"


def test_the_list_has_the_medications_as_judged_by_hand(
    patient: GoldenPatient, report: dict[str, Any]
) -> None:
    rows = {
        (tuple(sorted(i["name"] for i in row["ingredients"])), row["class"]): row
        for row in report["medications"]
    }
    expected = patient.expected["medications"]
    keys = {
        (tuple(sorted(row["ingredients"])), row.get("class", "systemic")): row for row in expected
    }
    assert set(rows) == set(keys)
    for key, wanted in keys.items():
        row = rows[key]
        assert sorted({line["source"] for line in row["lines"]}) == sorted(wanted["sources"]), key
        assert row["state"] == wanted.get("state", row["state"]), key
        assert row["agreement"] in options(wanted.get("agreement", row["agreement"])), key
        dose = wanted.get("daily_dose")
        if dose == "none":
            assert row["daily_dose"] is None, key
        elif dose is not None:
            assert row["daily_dose"] is not None, key
            assert milligrams(row["daily_dose"]) == milligrams(dose), key


def test_every_line_is_placed_once_or_named_under_problems(
    patient: GoldenPatient, report: dict[str, Any]
) -> None:
    placed = Counter(
        (line["source"], line["reference"])
        for medication in report["medications"]
        for line in medication["lines"]
    )
    left_out = patient.lines() - set(placed)
    problems = {(problem["source"], problem["reference"]) for problem in report["problems"]}
    assert not [line for line, times in placed.items() if times > 1]
    assert set(placed) <= patient.lines()
    assert left_out <= problems
    assert left_out == entered_in_error(patient)


def entered_in_error(patient: GoldenPatient) -> set[tuple[str, str]]:
    return {
        (source, f"{resource['resourceType']}/{resource['id']}")
        for source in patient.sources
        for resource in patient.resources(source)
        if resource.get("status") == "entered-in-error"
    }


def test_records_of_one_person_are_linked_with_certainty_and_read_whole(
    patient: GoldenPatient, report: dict[str, Any]
) -> None:
    assert report["patient"]["grade"] == "certain"
    assert {record["source"] for record in report["patient"]["records"]} == set(patient.sources)
    assert {source["state"] for source in report["sources"]} == {"complete"}


def test_the_report_keeps_its_contract(report: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(written(report)), schema)


def test_the_order_of_sources_and_of_resources_changes_no_byte(
    patient: GoldenPatient, report: dict[str, Any], tmp_path: Path
) -> None:
    turned = {}
    for name, folder in reversed(patient.sources.items()):
        turned[name] = str(tmp_path / name)
        shutil.copytree(folder, turned[name])
        for path in files(Path(turned[name])):
            turn(path)
    assert written(reconciled(turned)) == written(report)


def turn(path: Path) -> None:
    """The same resources, the last one first."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ndjson":
        path.write_text("\n".join(reversed(text.splitlines())) + "\n", encoding="utf-8")
        return
    document = json.loads(text)
    if "entry" in document:
        document["entry"].reverse()
        path.write_text(json.dumps(document), encoding="utf-8")


def test_the_report_is_the_golden_one(
    patient: GoldenPatient, report: dict[str, Any], update_golden: bool
) -> None:
    content = lasting(report)
    if update_golden:
        patient.golden.write_bytes(content)
    assert patient.golden.exists(), "no golden copy yet: run with --update-golden and read it"
    assert content == patient.golden.read_bytes(), "run with --update-golden and read the diff"
