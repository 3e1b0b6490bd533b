"""Bulk exports from a sandbox server: whole, polite, gone on with, never from another server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.cli import main
from service.errors import ServiceError, SourceRefused, SourceUnavailable, UsageError
from service.fhir import download
from service.fhir.auth import Anonymous, Bearer, Credentials
from service.fhir.bulk import Patience, Request
from service.fhir.client import FhirClient
from service.fhir.export import Export, Exported
from service.fhir.outgoing import http_client
from service.fhir.wire import Limits
from service.fhir.wires import Wires
from service.model.source import Role, State
from service.population.exports import opened
from service.sandbox.faults import Answer, Content, Edit, Fault, Reset, Truncate
from service.sandbox.manners import Access, Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from tests.read.chart import request

LINES = 25
TOKEN = Access(kind="bearer", token="let-me-in")
QUICK = Limits(connect_s=2.0, answer_s=2.0, deadline_s=5.0)


def sandbox(*faults: Fault, **manners: Any) -> Sandbox:
    app = Sandbox(Manners(name="bulk", **{"bulk_lines": 10, **manners}))
    app.load(
        [
            {"resourceType": "Patient", "id": "1"},
            {"resourceType": "Patient", "id": "2"},
            {"resourceType": "Medication", "id": "shared"},
            {
                "resourceType": "Group",
                "id": "panel",
                "type": "person",
                "actual": True,
                "member": [{"entity": {"reference": "Patient/2"}}],
            },
            *(request(f"m{n}", "Patient/1") for n in range(LINES)),
            request("theirs", "Patient/2"),
        ]
    )
    app.faults.add(*faults)
    return app


@dataclass
class Waits:
    """Waits that only note how long they would have been."""

    asked: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def exported(
    app: Sandbox,
    folder: Path,
    *,
    asked: Request | None = None,
    credentials: Credentials | None = None,
    also: Callable[[str], tuple[str, ...]] = lambda base: (),
    waits: Waits | None = None,
    packed: bool = False,
    said: list[str] | None = None,
    failures: int = 4,
    port: int = 0,
    base: str = "",
) -> Exported:
    """One export of the server into the folder; `base` where it runs already."""
    patience = Patience(sleep=waits or Waits(), failures=failures)

    async def run(base: str) -> Exported:
        async with http_client() as http:
            client = FhirClient(base, credentials or Anonymous(), http=http, limits=QUICK)
            export = Export(
                "clinic",
                Wires(client.wire, also(base)),
                asked or Request(),
                folder,
                (said if said is not None else []).append,
                patience=patience,
                packed=packed,
            )
            return await export.run()

    if base:
        return asyncio.run(run(base))
    with running(app, port) as base:
        return asyncio.run(run(base))


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def references(folder: Path) -> set[str]:
    """ "Type/id" of every line of the files that the manifest names."""
    return {
        f"{line['resourceType']}/{line['id']}"
        for file in manifest(folder)["files"]
        for piece in [b"".join(download.content(folder / file["name"]))]
        for line in map(json.loads, piece.splitlines())
    }


def asked(app: Sandbox, path: str) -> int:
    return sum(1 for entry in app.log if path in entry.path)


def test_everything_of_all_patients_comes_in_files_that_the_manifest_counts(tmp_path: Path) -> None:
    app = sandbox()
    found = exported(app, tmp_path / "out")
    assert found == Exported(True, 5, LINES + 4, ())
    told = manifest(tmp_path / "out")
    assert told["state"] == "complete"
    assert sum(file["lines"] for file in told["files"]) == LINES + 4
    assert {f"MedicationRequest/m{n}" for n in range(LINES)} < references(tmp_path / "out")
    assert "Medication/shared" in references(tmp_path / "out")


def test_a_group_brings_its_members_alone(tmp_path: Path) -> None:
    exported(sandbox(), tmp_path / "out", asked=Request("group", "panel"))
    found = references(tmp_path / "out")
    assert {"Patient/2", "MedicationRequest/theirs"} <= found
    assert not any(one.startswith(("Patient/1", "MedicationRequest/m")) for one in found)


def test_only_the_types_asked_for_come_and_the_job_is_ended(tmp_path: Path) -> None:
    app = sandbox()
    exported(app, tmp_path / "out", asked=Request(types=("Patient",)))
    assert references(tmp_path / "out") == {"Patient/1", "Patient/2"}
    assert app.rest.exports.jobs == ()
    assert not (tmp_path / "out" / "export.json").exists()


def test_population_takes_the_folder_by_its_manifest(tmp_path: Path) -> None:
    exported(sandbox(), tmp_path / "out", packed=True)
    export = opened("clinic", Role.OTHER, tmp_path / "out")
    assert export.state is State.COMPLETE
    assert len(export.spans) == 5
    assert all(span.gzipped for span in export.spans)


def test_a_delta_is_never_taken_for_a_whole_population(tmp_path: Path) -> None:
    exported(sandbox(), tmp_path / "out", asked=Request(since="2020-01-01T00:00:00Z"))
    export = opened("clinic", Role.OTHER, tmp_path / "out")
    assert export.state is State.PARTIAL
    assert "2020-01-01" in " ".join(export.reasons)


def test_the_wait_is_the_servers_own_within_bounds(tmp_path: Path) -> None:
    app = sandbox(bulk_looks=0)
    with running(app) as base:
        for number, (answer, expected) in enumerate(
            (
                (Answer(202, headers={"Retry-After": "7"}), 7.0),
                (Answer(202, headers={"Retry-After": "0"}), 1.0),
                (Answer(202, headers={"Retry-After": "99999999"}), 600.0),
                (Answer(202, headers={"X-Progress": "half"}), 5.0),
                (Answer(503), 5.0),
                (Answer(429, headers={"Retry-After": "1"}), 1.0),
            )
        ):
            waits = Waits()
            app.faults.add(Fault(answer, path=r"_bulk/\w+$"))
            exported(app, tmp_path / str(number), waits=waits, base=base)
            assert waits.asked == [expected]


def test_a_retry_after_that_is_a_date_is_waited_for(tmp_path: Path) -> None:
    waits = Waits()
    late = Answer(202, retry_after_date_s=120)
    exported(sandbox(Fault(late, path=r"_bulk/\w+$"), bulk_looks=0), tmp_path / "o", waits=waits)
    assert 110 < waits.asked[0] <= 120


def test_progress_is_said_short_and_printable(tmp_path: Path) -> None:
    said: list[str] = []
    long = Answer(202, headers={"X-Progress": "37% done" + "x" * 500})
    exported(sandbox(Fault(long, path=r"_bulk/\w+$")), tmp_path / "out", said=said)
    assert said[0].startswith("37% done")
    assert len(said[0]) == 100


def test_an_outage_while_waiting_keeps_the_job_and_the_next_run_takes_it_up(tmp_path: Path) -> None:
    app = sandbox(Fault(Answer(503), path=r"_bulk/\w+$", times=4))
    with pytest.raises(SourceUnavailable, match="later"):
        exported(app, tmp_path / "out", port=0)
    assert len(app.rest.exports.jobs) == 1
    # The sandbox comes back at another port: the state says which base it belongs to.
    state = json.loads((tmp_path / "out" / "export.json").read_text())
    port = int(state["base_url"].split(":")[2].split("/")[0])
    assert exported(app, tmp_path / "out", port=port).complete
    assert asked(app, "$export") == 1


def test_a_file_that_breaks_once_is_fetched_again(tmp_path: Path) -> None:
    app = sandbox(bulk_looks=0)
    with running(app) as base:
        for number, action in enumerate(
            (
                Reset(at="body"),
                Truncate(how="longer"),
                Truncate(how="chunked"),
                Answer(500),
                Answer(429, headers={"Retry-After": "3"}),
            )
        ):
            app.faults.add(Fault(action, path=r"MedicationRequest-2"))
            folder = tmp_path / str(number)
            assert exported(app, folder, base=base).complete
            assert len(references(folder)) == LINES + 4
            assert app.faults.waiting == []


def test_a_file_that_stays_broken_is_told_and_the_next_run_fetches_it_alone(tmp_path: Path) -> None:
    broken = Fault(Answer(500), path=r"MedicationRequest-2", times=4)
    app = sandbox(broken, access=TOKEN)
    token = Bearer("let-me-in")
    with running(app) as base:
        port = int(base.split(":")[2].split("/")[0])
    first = exported(app, tmp_path / "out", credentials=token, port=port)
    assert not first.complete
    assert manifest(tmp_path / "out")["state"] == "partial"
    assert len(app.rest.exports.jobs) == 1
    app.log.clear()
    assert exported(app, tmp_path / "out", credentials=token, port=port).complete
    assert asked(app, ".ndjson") == 1
    assert asked(app, "$export") == 0
    assert len(references(tmp_path / "out")) == LINES + 4


def test_files_come_side_by_side_and_no_more_than_allowed(tmp_path: Path) -> None:
    under_way, most = [0], [0]

    class Counting(Sandbox):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            file = scope["path"].endswith(".ndjson")
            under_way[0] += file
            most[0] = max(most[0], under_way[0])
            try:
                await super().__call__(scope, receive, send)
            finally:
                under_way[0] -= file

    app = Counting(Manners(name="bulk", bulk_lines=2, latency_s=0.02))
    app.load([{"resourceType": "Patient", "id": f"{n}"} for n in range(20)])
    found = exported(app, tmp_path / "out")
    assert found == Exported(True, 10, 20, ())
    assert 2 <= most[0] <= 4


def test_a_file_that_was_changed_after_a_crash_does_not_count(tmp_path: Path) -> None:
    broken = Fault(Answer(500), path=r"Patient-1", times=4)
    app = sandbox(broken)
    with running(app) as base:
        port = int(base.split(":")[2].split("/")[0])
    exported(app, tmp_path / "out", port=port)
    kept = tmp_path / "out" / "MedicationRequest-00002.ndjson"
    kept.write_bytes(kept.read_bytes().replace(b"m1", b"mX", 1))
    app.log.clear()
    assert exported(app, tmp_path / "out", port=port).complete
    assert asked(app, "MedicationRequest-2") == asked(app, "Patient-1") == 1
    assert asked(app, ".ndjson") == 2


def test_a_job_that_the_server_forgot_is_asked_for_again(tmp_path: Path) -> None:
    app = sandbox(Fault(Answer(500), path=r"Patient-1", times=4))
    with running(app) as base:
        port = int(base.split(":")[2].split("/")[0])
    exported(app, tmp_path / "out", port=port)
    app.rest.exports._jobs.clear()
    assert exported(app, tmp_path / "out", port=port).complete
    assert asked(app, "$export") == 2


def test_fewer_lines_than_the_manifest_says_are_not_all(tmp_path: Path) -> None:
    wrong = Edit(set={"output[0].count": 99})
    found = exported(sandbox(Fault(wrong, path=r"_bulk/\w+$"), bulk_looks=0), tmp_path / "out")
    assert not found.complete
    assert "99" in found.reasons[0]


def test_errors_that_the_server_reports_make_the_export_partial(tmp_path: Path) -> None:
    app = sandbox(bulk_errors=("Anna Beispiel could not be exported", "nor Bert"))
    found = exported(app, tmp_path / "out")
    assert found.reasons == ("the server reports 2 x OperationOutcome error: processing",)
    assert opened("clinic", Role.OTHER, tmp_path / "out").state is State.PARTIAL
    assert "Anna" not in (tmp_path / "out" / "manifest.json").read_text()


def test_a_refused_kick_off_says_the_servers_code(tmp_path: Path) -> None:
    app = sandbox()
    with running(app) as base:
        for status in (400, 403, 404, 422):
            refusal = Answer(status, issue="no", code="not-supported")
            app.faults.add(Fault(refusal, path="export"))
            with pytest.raises(SourceRefused, match=f"{status}.*not-supported"):
                exported(app, tmp_path / "out", base=base)


def test_a_kick_off_that_is_asked_to_wait_waits(tmp_path: Path) -> None:
    waits = Waits()
    busy = Fault(Answer(429, headers={"Retry-After": "1"}), path="export")
    assert exported(sandbox(busy, bulk_looks=0), tmp_path / "out", waits=waits).complete
    assert waits.asked == [1.0]


def test_a_failed_job_is_no_empty_population(tmp_path: Path) -> None:
    failed = Answer(500, issue="out of disk", code="exception")
    with pytest.raises(SourceRefused, match="exception"):
        exported(sandbox(Fault(failed, path=r"_bulk/\w+$")), tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_token_goes_with_files_only_where_the_manifest_wants_it(tmp_path: Path) -> None:
    wanted = sandbox(access=TOKEN)
    assert exported(wanted, tmp_path / "a", credentials=Bearer("let-me-in")).complete
    # This one answers 400 to a token at its files.
    without = sandbox(access=TOKEN, bulk_token=False)
    assert exported(without, tmp_path / "b", credentials=Bearer("let-me-in")).complete


def test_a_file_at_another_server_is_not_fetched_and_no_token_goes_there(tmp_path: Path) -> None:
    tricks = (
        "http://127.0.0.1:{port}/fhir/Patient-1.ndjson",
        "http://localhost:{port}/fhir/x",
        "//127.0.0.1:{port}/fhir/x",
        "http://user@127.0.0.1:{port}/fhir/x",
        "http://127.0.0.1:{own}@127.0.0.1:{port}/fhir/x",
        "http://127.0.0.1:{own}/elsewhere/x",
        "http://127.0.0.1:{own}/fhir/../elsewhere/x",
        "file:///etc/passwd",
    )
    other, app = sandbox(), sandbox(bulk_looks=0, access=TOKEN)
    with running(other) as address, running(app) as base:
        port, own = (one.split(":")[2].split("/")[0] for one in (address, base))
        for number, trick in enumerate(tricks):
            url = trick.replace("{port}", port).replace("{own}", own)
            edit = Edit(set={"output[0].url": url, "requiresAccessToken": number % 2 == 0})
            app.faults.add(Fault(edit, path=r"_bulk/\w+$"))
            folder = tmp_path / str(number)
            found = exported(app, folder, credentials=Bearer("let-me-in"), base=base)
            assert not found.complete
            assert any("not followed" in reason for reason in found.reasons)
    assert list(other.log) == []
    assert asked(app, "elsewhere") == 0


def test_an_allowed_file_server_gets_the_request_but_never_the_token(tmp_path: Path) -> None:
    other = sandbox(bulk_looks=0)
    with running(other) as address:
        exported(other, tmp_path / "first")  # a job whose files stay where they are
        edit = Edit(
            set={"output[0].url": f"{address}/metadata", "output[0].count": 1},
        )
        for requires, complete in ((False, True), (True, False)):
            app = sandbox(
                Fault(
                    Edit(set={**edit.set, "requiresAccessToken": requires}),
                    path=r"_bulk/\w+$",
                ),
                bulk_looks=0,
                bulk_token=requires,
                access=TOKEN,
            )
            other.log.clear()
            found = exported(
                app,
                tmp_path / f"out-{requires}",
                credentials=Bearer("let-me-in"),
                also=lambda base: (address,),
            )
            assert found.complete is complete
            assert len(list(other.log)) == (1 if complete else 0)
            assert not any("authorization" in entry.headers for entry in other.log)


def test_a_bomb_stops_at_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "service.fhir.fetching.download",
        lambda wire, url, target: download.download(wire, url, target, cap=3_000_000),
    )
    bomb = Fault(Content("bomb", size=50_000_000), path=r"Patient-1")
    found = exported(sandbox(bomb), tmp_path / "out")
    assert "cap" in found.reasons[0]
    part = tmp_path / "out" / "Patient-00001.ndjson.part"
    assert part.stat().st_size <= 3_000_000


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.ndjson").write_text("mine")
    with pytest.raises(UsageError, match="--out"):
        exported(sandbox(), tmp_path)
    assert (tmp_path / "notes.ndjson").read_text() == "mine"


def test_the_command_exports_configured_sources_and_refuses_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(sandbox(bulk_looks=0)) as base:
        config = tmp_path / "concord.toml"
        config.write_text(f'[sources.clinic]\nbase_url = "{base}"\n')
        options = ["--out", str(tmp_path / "out"), "--config", str(config)]
        assert main(["export", "--source", "clinic", *options]) == 0
        assert main(["export", "--source", "unknown", *options]) == 2
        assert main(["export", "--source", "clinic", "--since", "today", *options]) == 2
    assert "Medication/shared" in references(tmp_path / "out" / "clinic")
    assert capsys.readouterr().out == ""


def test_every_failure_is_an_error_of_ours(tmp_path: Path) -> None:
    for number, answer in enumerate(
        (
            Answer(200, body="<html>login</html>", content_type="text/html"),
            Answer(200, body="{"),
            Answer(200, body="[]"),
            Answer(204),
        )
    ):
        app = sandbox(Fault(answer, path=r"_bulk/\w+$"))
        with pytest.raises(ServiceError):
            exported(app, tmp_path / str(number))
