"""`concord reconcile` as other people call it: output, exit status, one clear sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from service import __version__
from service.cli import main
from service.commands import named_locations
from service.errors import UsageError
from service.sandbox.faults import Answer, Fault, Hang
from service.sandbox.manners import PHARMACY, PRIMARY_CARE, PSYCHIATRY
from service.sandbox.run import running
from service.sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]
PATIENT = ROOT / "fixtures" / "patients" / "lithium-new-ace-inhibitor" / "sources"
SCHEMA = json.loads((ROOT / "service" / "report" / "schema" / "report-1.json").read_text())
DAY = "2026-11-15"
OWN = {"id", "version"}
"""What follows from the version under which a server keeps a resource."""
MANNERS = {"psychiatry": PSYCHIATRY, "primary-care": PRIMARY_CARE, "pharmacy": PHARMACY}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No concord.toml of the machine is found."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def servers() -> Iterator[dict[str, tuple[Sandbox, str]]]:
    """The patient on three servers over HTTP, by source name."""
    with ExitStack() as stack:
        found = {}
        for name, manners in MANNERS.items():
            sandbox = Sandbox(manners)
            sandbox.load_folder(PATIENT / name)
            found[name] = (sandbox, stack.enter_context(running(sandbox)))
        yield found


def command(*options: str, sources: dict[str, str]) -> list[str]:
    pairs = [f"--source={name}={location}" for name, location in sources.items()]
    return ["reconcile", *pairs, "--as-of", DAY, *options]


def from_files() -> dict[str, str]:
    return {name: str(PATIENT / name) for name in MANNERS}


def report(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(capfd.readouterr().out)
    jsonschema.validate(content, SCHEMA)
    return content


def without_versions(content: dict[str, Any]) -> list[Any]:
    """Medications and findings; a server numbers the versions of what it is loaded with anew."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items() if key not in OWN}
        return [plain(inner) for inner in value] if isinstance(value, list) else value

    return [plain(content["medications"]), plain(content["findings"])]


def test_files_of_three_sources_give_a_valid_report_and_status_0(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(command(sources=from_files())) == 0
    content = report(capfd)
    assert {m["display"] for m in content["medications"]} == {
        "lisinopril 10 mg oral tablet",
        "lithium 450 mg ER oral tablet",
    }


def test_servers_and_files_give_the_same_medications(
    servers: dict[str, tuple[Sandbox, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    main(command(sources=from_files()))
    files = report(capfd)
    addresses = {name: address for name, (_, address) in servers.items()}
    assert main(command(sources=addresses)) == 0
    online = report(capfd)
    mixed = {**addresses, "pharmacy": str(PATIENT / "pharmacy")}
    assert main(command(sources=mixed)) == 0
    both = report(capfd)
    assert without_versions(online) == without_versions(files) == without_versions(both)


def test_the_order_of_sources_changes_no_byte(capfd: pytest.CaptureFixture[str]) -> None:
    main(command(sources=from_files()))
    forward = capfd.readouterr().out
    main(command(sources=dict(reversed(from_files().items()))))
    assert capfd.readouterr().out == forward


def test_a_record_named_in_one_source_finds_the_others(
    servers: dict[str, tuple[Sandbox, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    addresses = {name: address for name, (_, address) in servers.items()}
    patient = next(iter(servers["pharmacy"][0].storage.live("Patient")))
    who = f"pharmacy:Patient/{patient.id}"
    assert main(command("--patient", who, sources=addresses)) == 0
    content = report(capfd)
    assert {record["source"] for record in content["patient"]["records"]} == set(MANNERS)


def test_a_source_that_is_down_is_told_and_the_others_are_shown(
    servers: dict[str, tuple[Sandbox, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    addresses = {name: address for name, (_, address) in servers.items()}
    addresses["pharmacy"] = "http://127.0.0.1:9/fhir"
    assert main(command(sources=addresses)) == 3
    content = report(capfd)
    states = {source["name"]: source["state"] for source in content["sources"]}
    assert states == {
        "pharmacy": "unavailable",
        "primary-care": "complete",
        "psychiatry": "complete",
    }
    down = next(s for s in content["sources"] if s["name"] == "pharmacy")
    assert down["reasons"]
    assert {m["display"] for m in content["medications"]} == {
        "lisinopril 10 mg oral tablet",
        "lithium 450 mg ER oral tablet",
    }
    silent = [
        f
        for f in content["findings"]
        if f["type"].startswith("omission")
        and f["bucket"] == "shown"
        and "pharmacy" in f["sources"]
    ]
    assert silent == []


@pytest.mark.parametrize(
    "action",
    [
        Answer(status=200, body="<html><body>Sign in</body></html>", content_type="text/html"),
        Answer(status=503),
        Hang(),
    ],
    ids=["an HTML sign-in page", "503", "a server that hangs"],
)
def test_a_source_that_misbehaves_is_never_an_empty_one(
    servers: dict[str, tuple[Sandbox, str]],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    action: object,
) -> None:
    monkeypatch.setenv("CONCORD_READ__DEADLINE_S", "3")
    servers["psychiatry"][0].faults.add(Fault(action, type="MedicationRequest", times=0))
    addresses = {name: address for name, (_, address) in servers.items()}
    assert main(command(sources=addresses)) == 3
    content = report(capfd)
    source = next(s for s in content["sources"] if s["name"] == "psychiatry")
    assert source["state"] in {"partial", "unavailable"}
    assert source["resources"]["MedicationRequest"]["reasons"]


def test_text_says_that_nothing_read_is_not_nothing_taken(
    servers: dict[str, tuple[Sandbox, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox, address = servers["psychiatry"]
    sandbox.faults.add(Fault(Answer(status=503), type="MedicationRequest", times=0))
    assert main(command("--format", "text", sources={"psychiatry": address})) == 3
    assert "does NOT mean that nothing is taken" in capfd.readouterr().out


def test_the_fhir_format_is_a_collection_that_claims_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(command("--format", "fhir", sources=from_files())) == 0
    bundle = json.loads(capfd.readouterr().out)
    assert bundle["resourceType"] == "Bundle"
    assert bundle["type"] == "collection"
    lists = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "List"]
    codes = [c["code"] for one in lists for c in one.get("code", {}).get("coding", [])]
    assert lists
    assert "104203-5" not in codes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["reconcile"], "--source"),
        (["reconcile", "--source", "pharmacy"], "NAME=LOCATION"),
        (["reconcile", "--source", "Pharmacy=x"], "lower-case"),
        (["reconcile", "--source", "a=x", "--source", "a=y"], "twice"),
        (["reconcile", "--source", "pharmacy=/nowhere/at/all"], "pharmacy"),
        (["reconcile", "--source", "pharmacy=ftp://x.example/"], "ftp"),
        (["reconcile", "--source", "a=http://:x/"], "a"),
        (["reconcile", "--source", "a=.", "--as-of", "yesterday"], "YYYY-MM-DD"),
        (["reconcile", "--source", "a=.", "--format", "pdf"], "--format"),
        (["reconcile", "--source", "a=.", "--patient", "Smith"], "system|value"),
        (["reconcile", "--source", "a=.", "--patient", "a:Observation/1"], "Patient/ID"),
        (["reconcile", "--source", "a=.", "--config", "gone.toml"], "gone.toml"),
        (["rules", "show", "no/such"], "concord rules list"),
        (["fly"], "fly"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_2(
    options: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_an_unknown_configuration_key_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_text("[sources.pharmacy]\nurl = 'x'\n", encoding="utf-8")
    options = ["--config", str(tmp_path / "c.toml")]
    assert main(command(*options, sources=from_files())) == 2
    assert "url" in capfd.readouterr().err


def test_several_patients_in_a_source_ask_which_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    patients = [{"resourceType": "Patient", "id": id_} for id_ in ("a", "b")]
    (tmp_path / "two.ndjson").write_text("\n".join(map(json.dumps, patients)), encoding="utf-8")
    assert main(command(sources={"pharmacy": str(tmp_path / "two.ndjson")})) == 2
    assert "--patient" in capfd.readouterr().err


def test_a_patient_whom_nobody_knows_is_status_1_and_not_an_empty_report(
    capfd: pytest.CaptureFixture[str],
) -> None:
    options = ["--patient", "https://example.org/mrn|nobody"]
    assert main(command(*options, sources=from_files())) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "nobody" not in err


def test_names_and_locations_are_told_apart_at_the_first_equals_sign() -> None:
    assert named_locations(["a=http://x.example/?q=1"]) == {"a": "http://x.example/?q=1"}
    with pytest.raises(UsageError):
        named_locations(["=x"])


def test_the_version_is_told_as_the_reports_tell_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"concord {__version__}\n"


def test_importing_the_command_line_imports_no_stage() -> None:
    script = (
        "import sys, service.cli;"
        "heavy = {'httpx', 'sqlalchemy', 'fastapi', 'fhir', 'dbos', 'pint', 'msgspec', 'alembic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
