"""`concord population`: one report a patient, the one of that patient alone; no line is lost."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from service.app import knowledge, reconcile_once
from service.cli import main
from service.errors import UsageError
from service.pipeline.reconcile import Knowledge
from service.population import exports, run, tasks
from service.report.document import document, encoded
from service.settings import Settings, role_of
from tests.population.crowd import SOURCES, write_exports

AS_OF = date(2026, 11, 15)
LINE_TYPES = {
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
}


@cache
def tables() -> Knowledge:
    return knowledge(Settings())


def reported(
    folder: Path, out: Path, *names: str, workers: int = 1, load: Any = tables
) -> dict[str, Any]:
    """Runs over `folder/NAME` for every name; returns the summary."""
    folders = {name: (role_of(name, Settings()), folder / name) for name in names or SOURCES}
    planned = run.plan(folders, out, as_of=AS_OF, today=AS_OF)
    return run.run(planned, load, workers=workers, say=lambda _: None)


def reports(out: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in sorted(out.glob("reports-*.ndjson"))
        for line in file.read_bytes().splitlines()
    ]


def records(report: dict[str, Any], grade: str = "certain") -> set[str]:
    """ "source:Patient/id" of the records of one grade."""
    return {
        f"{one['source']}:{one['reference']}"
        for one in report["patient"]["records"]
        if one["grade"] == grade
    }


def write(folder: Path, source: str, *resources: dict[str, Any]) -> None:
    (folder / source).mkdir(parents=True, exist_ok=True)
    with (folder / source / "all.ndjson").open("a") as file:
        file.writelines(json.dumps(resource) + "\n" for resource in resources)


def person(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": id_,
        "name": [{"family": "Beispiel", "given": ["Anna"]}],
        "birthDate": "1970-02-03",
        "gender": "female",
        **more,
    }


def order(id_: str, patient: str, text: str = "sertraline 50 mg tablet") -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-10-01",
        "medicationCodeableConcept": {"text": text},
        "subject": {"reference": patient},
    }


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crowd")
    write_exports(folder, 24)
    return folder


def test_a_patients_report_is_the_one_that_reconcile_makes_of_the_same_folders(
    crowd: Path, tmp_path: Path
) -> None:
    reported(crowd, tmp_path / "out")
    found = reports(tmp_path / "out")
    assert len(found) == 24
    for report in found[::6]:
        record = sorted(records(report))[0]
        alone = reconcile_once(
            {name: str(crowd / name) for name in SOURCES},
            patient=record,
            as_of=AS_OF,
        )
        expected = json.loads(encoded(document(alone)))
        # That the day lies in the past is told by the day of the run.
        expected["problems"] = [p for p in expected["problems"] if p["source"]]
        assert report == expected


def test_every_line_of_every_source_stands_in_exactly_one_report(
    crowd: Path, tmp_path: Path
) -> None:
    summary = reported(crowd, tmp_path / "out")
    came: Counter[str] = Counter()
    for file in crowd.rglob("*.ndjson"):
        for line in map(json.loads, file.read_text().splitlines()):
            if line["resourceType"] in LINE_TYPES:
                came[f"{file.parent.name}:{line['resourceType']}/{line['id']}"] += 1
    placed = Counter(
        f"{line['source']}:{line['reference']}"
        for report in reports(tmp_path / "out")
        for medication in report["medications"]
        for line in medication["lines"]
    )
    told = {
        f"{p['source']}:{p['reference']}" for r in reports(tmp_path / "out") for p in r["problems"]
    }
    assert set(placed.values()) == {1}
    assert came.keys() - placed.keys() <= told
    lines = summary["lines"]
    assert lines["in"] == came.total()
    assert lines["placed"] == placed.total()
    assert lines["in"] == sum(v for k, v in lines.items() if k != "in")


def test_two_processes_write_the_bytes_of_one(
    crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PART", 100_000)
    alone = reported(crowd, tmp_path / "one")
    beside = reported(crowd, tmp_path / "two", workers=2, load=partial(knowledge, Settings()))
    assert alone == beside
    assert alone["parts"] > 3
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_order_of_lines_and_files_and_compression_change_no_report(
    crowd: Path, tmp_path: Path
) -> None:
    shuffled = random.Random(5)
    for source in SOURCES:
        lines = [
            line for f in (crowd / source).iterdir() for line in f.read_bytes().splitlines(True)
        ]
        shuffled.shuffle(lines)
        (tmp_path / source).mkdir()
        half = len(lines) // 2
        (tmp_path / source / "b.ndjson").write_bytes(b"".join(lines[:half]))
        (tmp_path / source / "a.ndjson.gz").write_bytes(gzip.compress(b"".join(lines[half:])))
    reported(crowd, tmp_path / "one")
    reported(tmp_path, tmp_path / "other")
    key = repr
    assert sorted(reports(tmp_path / "one"), key=key) == sorted(
        reports(tmp_path / "other"), key=key
    )


def test_a_run_that_was_interrupted_goes_on_and_keeps_what_was_finished(
    crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PART", 100_000)
    expected = reported(crowd, tmp_path / "whole")
    done = tasks.report
    calls = 0

    def stops_at_the_third(worker: Any, part: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return done(worker, part)

    out = tmp_path / "out"
    monkeypatch.setattr(tasks, "report", stops_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        reported(crowd, out)
    kept = {file.name: file.stat().st_mtime_ns for file in out.glob("reports-*")}
    assert len(kept) == 2
    monkeypatch.setattr(tasks, "report", done)
    assert reported(crowd, out) == expected
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept
    for file in sorted((tmp_path / "whole").iterdir()):
        assert file.read_bytes() == (out / file.name).read_bytes()


def running(process: str) -> bool:
    """Whether a process still does something (Linux); one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_process_that_was_killed_is_gone_on_with(
    crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PART", 60_000)
    out = tmp_path / "out"
    script = (
        "import sys; from service.population import run; run.PART = 60_000; "
        "from service.cli import main; main(sys.argv[1:])"
    )
    sources = [f"--source={name}={crowd / name}" for name in SOURCES]
    options = [*sources, "--out", str(out), "--as-of", AS_OF.isoformat(), "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, "population", *options],
        stderr=subprocess.DEVNULL,
    )
    try:
        while len(list(out.glob("reports-*"))) < 2 and process.poll() is None:
            time.sleep(0.02)
    finally:
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait()
    waited = time.monotonic() + 20
    while any(running(worker) for worker in workers) and time.monotonic() < waited:
        time.sleep(0.02)
    assert not any(running(worker) for worker in workers)
    kept = {file.name: file.stat().st_mtime_ns for file in out.glob("reports-*")}
    folders = {name: (role_of(name, Settings()), crowd / name) for name in SOURCES}
    today = datetime.now(UTC).date()
    planned = run.plan(folders, out, as_of=AS_OF, today=today)
    resumed = run.run(planned, tables, workers=1, say=lambda _: None)
    again = {file.name: file.stat().st_mtime_ns for file in out.glob("reports-*")}
    assert len(again) == resumed["parts"] > len(kept)
    assert sum(again[name] == when for name, when in kept.items()) >= len(kept) - 2
    planned = run.plan(folders, tmp_path / "whole", as_of=AS_OF, today=today)
    assert run.run(planned, tables, workers=1, say=lambda _: None) == resumed
    for file in sorted((tmp_path / "whole").iterdir()):
        assert file.read_bytes() == (out / file.name).read_bytes()


def test_a_finished_run_is_not_done_again_and_another_day_is(crowd: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = reported(crowd, out)
    when = (out / "summary.json").stat().st_mtime_ns
    assert reported(crowd, out) == first
    assert (out / "summary.json").stat().st_mtime_ns == when
    folders = {name: (role_of(name, Settings()), crowd / name) for name in SOURCES}
    day = date(2026, 11, 16)
    planned = run.plan(folders, out, as_of=day, today=day)
    assert run.run(planned, tables, workers=1, say=lambda _: None)["as_of"] == "2026-11-16"
    assert {report["as_of"] for report in reports(out)} == {"2026-11-16"}


def test_nothing_of_the_patients_is_left_beside_the_reports(crowd: Path, tmp_path: Path) -> None:
    reported(crowd, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names - {f"reports-{n:04}.ndjson" for n in range(50)} == {
        "summary.json",
        "links-in-doubt.ndjson",
    }


def test_records_of_one_person_are_one_report_whatever_their_ids(tmp_path: Path) -> None:
    number = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"}]
    write(tmp_path, "a", person("1", identifier=number), order("x", "Patient/1"))
    write(tmp_path, "b", order("y", "https://b.example/fhir/Patient/9"))
    write(tmp_path, "b", person("9", identifier=number))
    summary = reported(tmp_path, tmp_path / "out", "a", "b")
    (report,) = reports(tmp_path / "out")
    assert records(report) == {"a:Patient/1", "b:Patient/9"}
    assert summary["complete"] is True
    assert summary["lines"]["placed"] == 2


def test_a_record_that_was_merged_into_another_is_that_person(tmp_path: Path) -> None:
    merged = {
        "resourceType": "Patient",
        "id": "old",
        "active": False,
        "link": [{"other": {"reference": "Patient/new"}, "type": "replaced-by"}],
    }
    write(
        tmp_path, "a", merged, person("new"), order("x", "Patient/old"), order("y", "Patient/new")
    )
    reported(tmp_path, tmp_path / "out", "a")
    (report,) = reports(tmp_path / "out")
    assert records(report) == {"a:Patient/new", "a:Patient/old"}
    assert sum(len(one["lines"]) for one in report["medications"]) == 2


def test_of_a_patient_that_stands_there_twice_the_higher_version_counts(tmp_path: Path) -> None:
    number = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"}]
    write(tmp_path, "b", person("9", identifier=number))
    new = person("1", identifier=number, meta={"versionId": "10"})
    old = person("1", birthDate="1955-05-05", meta={"versionId": "9"})
    for place, versions in (("one", (new, old)), ("two", (old, new))):
        folder = tmp_path / place
        write(folder, "a", *versions, order("x", "Patient/1"))
        write(folder, "b", person("9", identifier=number))
        reported(folder, tmp_path / f"out-{place}", "a", "b")
        (report,) = reports(tmp_path / f"out-{place}")
        assert records(report) == {"a:Patient/1", "b:Patient/9"}
        assert report["patient"]["birth_date"] == "1970-02-03"


def test_the_same_id_in_two_sources_is_not_the_same_person(tmp_path: Path) -> None:
    write(tmp_path, "a", person("1"), order("x", "Patient/1"))
    other = person("1", name=[{"family": "Muster", "given": ["Bert"]}], birthDate="1950-01-01")
    write(tmp_path, "b", other, order("x", "Patient/1", "lithium carbonate 300 mg capsule"))
    summary = reported(tmp_path, tmp_path / "out", "a", "b")
    assert [len(records(report)) for report in reports(tmp_path / "out")] == [1, 1]
    assert summary["complete"] is False


def test_twins_stay_apart_and_are_listed(tmp_path: Path) -> None:
    home = [{"line": ["1 Example Lane"], "postalCode": "00100"}]
    write(tmp_path, "a", person("1", address=home), order("x", "Patient/1"))
    twin = person("7", address=home, name=[{"family": "Beispiel", "given": ["Berta"]}])
    write(tmp_path, "b", twin, order("y", "Patient/7"))
    summary = reported(tmp_path, tmp_path / "out", "a", "b")
    found = reports(tmp_path / "out")
    assert [records(report) for report in found] != []
    assert sorted(next(iter(records(report))) for report in found) == ["a:Patient/1", "b:Patient/7"]
    assert all(len(report["medications"]) == 1 for report in found)
    listed = [
        json.loads(line)
        for line in (tmp_path / "out" / "links-in-doubt.ndjson").read_text().splitlines()
    ]
    assert {one["record"]["reference"] for one in listed} == {"Patient/1", "Patient/7"}
    assert {one["grade"] for one in listed} <= {"probable", "possible"}
    assert summary["links_in_doubt"] == 2


def test_a_patient_named_in_a_text_is_not_whom_a_line_is_about(tmp_path: Path) -> None:
    trap = order("x", "Patient/1")
    trap = {"note": [{"text": '"subject":{"reference":"Patient/2"}'}], **trap}
    write(tmp_path, "a", trap, person("1"))
    write(tmp_path, "a", person("2", name=[{"family": "Muster"}], birthDate="1999-09-09"))
    reported(tmp_path, tmp_path / "out", "a")
    lines = {
        next(iter(records(r))): sum(len(m["lines"]) for m in r["medications"])
        for r in reports(tmp_path / "out")
    }
    assert lines == {"a:Patient/1": 1, "a:Patient/2": 0}


def test_a_line_that_is_cut_off_makes_its_source_partial_for_everybody(tmp_path: Path) -> None:
    write(tmp_path, "a", person("1"), order("x", "Patient/1"))
    with (tmp_path / "a" / "all.ndjson").open("a") as file:
        file.write('{"resourceType": "MedicationRequest", "id": "y", "sub')
    summary = reported(tmp_path, tmp_path / "out", "a")
    (report,) = reports(tmp_path / "out")
    assert report["sources"][0]["state"] == "partial"
    assert summary["complete"] is False
    assert summary["not_read"] == 1


def test_lines_without_a_patient_are_counted_and_lines_of_unknown_patients_reported(
    tmp_path: Path,
) -> None:
    nobodys = order("x", "Patient/1")
    del nobodys["subject"]
    write(tmp_path, "a", nobodys, order("y", "Patient/8"))
    summary = reported(tmp_path, tmp_path / "out", "a")
    (report,) = reports(tmp_path / "out")
    assert records(report) == {"a:Patient/8"}
    assert summary["lines"] == {
        "in": 2, "placed": 1, "listed": 0, "repeated": 0, "without_patient": 1
    }  # fmt: skip


def test_what_lines_refer_to_comes_along_from_another_file(tmp_path: Path) -> None:
    line = order("x", "Patient/1")
    del line["medicationCodeableConcept"]
    line["medicationReference"] = {"reference": "Medication/m"}
    write(tmp_path, "a", line, person("1"))
    write(
        tmp_path,
        "a",
        {"resourceType": "Medication", "id": "m", "code": {"text": "sertraline 50 mg tablet"}},
    )
    reported(tmp_path, tmp_path / "out", "a")
    (report,) = reports(tmp_path / "out")
    assert [i["name"] for m in report["medications"] for i in m["ingredients"]] == ["sertraline"]
    assert report["sources"][0]["resources"]["Medication"]["count"] == 1


def test_an_export_that_says_it_is_not_whole_is_not_taken_for_whole(tmp_path: Path) -> None:
    write(tmp_path, "a", person("1"), order("x", "Patient/1"))
    size = (tmp_path / "a" / "all.ndjson").stat().st_size
    manifest = {
        "schema": "concord/export/1",
        "state": "partial",
        "reasons": ["MedicationRequest: 500"],
        "files": [{"name": "all.ndjson", "bytes": size}, {"name": "gone.ndjson", "bytes": 1}],
    }
    (tmp_path / "a" / "manifest.json").write_text(json.dumps(manifest))
    reported(tmp_path, tmp_path / "out", "a")
    (report,) = reports(tmp_path / "out")
    assert report["sources"][0]["state"] == "partial"
    assert "MedicationRequest: 500" in report["sources"][0]["reasons"]
    assert any("gone.ndjson" in reason for reason in report["sources"][0]["reasons"])


def test_the_folder_of_an_export_that_was_interrupted_is_not_taken_for_whole(
    tmp_path: Path,
) -> None:
    write(tmp_path, "a", person("1"), order("x", "Patient/1"))
    (tmp_path / "a" / "export.json").write_text("{}")
    summary = reported(tmp_path, tmp_path / "out", "a")
    assert summary["sources"]["a"]["state"] == "partial"
    assert "has not ended" in summary["sources"]["a"]["reasons"][0]


def test_a_line_over_the_cap_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LINE_CAP", 2_000)
    write(tmp_path, "a", person("1"), order("x", "Patient/1", "y" * 5_000))
    write(tmp_path, "a", order("z", "Patient/1"))
    summary = reported(tmp_path, tmp_path / "out", "a")
    assert summary["lines"]["placed"] == 1
    assert summary["sources"]["a"]["state"] == "partial"


@pytest.mark.parametrize("wrong", ["nothing-there", "empty"])
def test_a_folder_without_ndjson_is_refused_before_anything_is_written(
    tmp_path: Path, wrong: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="--source"):
        reported(tmp_path, tmp_path / "out", wrong)
    assert not (tmp_path / "out").exists()


def test_the_command_tells_by_its_exit_status_whether_all_is_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "a", person("1"), order("x", "Patient/1"))
    out = str(tmp_path / "out")
    arguments = ["population", "--source", f"a={tmp_path / 'a'}", "--out", out, "--workers", "1"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "a" / "more.ndjson").write_text("{")
    assert main(arguments) == 3
    assert main([*arguments, "--workers", "0"]) == 2
    assert main(["population", "--source", "a", "--out", out]) == 2
