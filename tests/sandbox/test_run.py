"""Sandbox servers over real sockets, and what they are loaded with."""

import asyncio
import gzip
import json
import threading
from pathlib import Path

import httpx
import pytest

from service.sandbox.manners import PHARMACY, PRESETS, PSYCHIATRY, STRICT
from service.sandbox.run import running, serving
from service.sandbox.server import Sandbox, resources_of
from tests.sandbox.client import get, patient, request

PATIENTS = Path(__file__).parents[2] / "fixtures" / "patients"


def test_a_server_in_a_thread_answers_below_its_base_and_ends() -> None:
    app = Sandbox(STRICT)
    app.load([patient()])
    before = set(threading.enumerate())
    with running(app) as base, httpx.Client() as client:
        assert base.startswith("http://127.0.0.1:")
        assert client.get(f"{base}/Patient/1").json()["id"] == "1"
        assert client.get(base.removesuffix("/fhir") + "/Patient/1").status_code == 404
    assert set(threading.enumerate()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base}/Patient/1")


def test_several_servers_share_one_event_loop() -> None:
    async def both() -> list[str]:
        apps = Sandbox(PSYCHIATRY), Sandbox(PHARMACY)
        async with (
            serving(apps[0]) as one,
            serving(apps[1]) as other,
            httpx.AsyncClient() as client,
        ):
            answers = [await client.get(f"{base}/metadata") for base in (one, other)]
        return [answer.json()["software"]["name"] for answer in answers]

    assert asyncio.run(both()) == [PSYCHIATRY.software, PHARMACY.software]


def test_answers_are_compressed_for_clients_that_take_gzip() -> None:
    app = Sandbox(STRICT)
    app.load([patient()])
    with running(app) as base, httpx.Client() as client:
        with client.stream("GET", f"{base}/Patient/1") as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(raw))["id"] == "1"
        plain = client.get(f"{base}/Patient/1", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers


def test_a_folder_of_bundles_single_resources_and_lines_is_loaded_whole(tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient()}]}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "bundle.json").write_text(json.dumps(bundle))
    (tmp_path / "one.json").write_text(json.dumps(request("a")))
    lines = "\n".join(json.dumps(request(id_)) for id_ in ("b", "c"))
    (tmp_path / "lines.ndjson").write_text(lines + "\n\n")
    (tmp_path / "story.md").write_text("no FHIR")
    app = Sandbox(STRICT)
    assert app.load_folder(tmp_path) == 4
    assert get(app, "MedicationRequest/b").json()["meta"]["versionId"] == "1"
    assert get(app, "MedicationRequest?_summary=count").json()["total"] == 3
    assert get(app, "Patient/1").status_code == 200


def test_a_folder_that_is_not_there_is_an_error_and_not_an_empty_server(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        Sandbox(STRICT).load_folder(tmp_path / "missing")


def test_a_browser_gets_json_that_it_shows() -> None:
    app = Sandbox(STRICT)
    app.load([patient()])
    shown = get(app, "Patient/1", headers={"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"})
    assert shown.headers["Content-Type"] == "application/json"
    assert get(app, "Patient/1").headers["Content-Type"].startswith("application/fhir+json")
    assert get(app, "Patient/1", headers={"Accept": "application/fhir+xml"}).status_code == 406


def test_loading_keeps_when_a_resource_was_last_updated() -> None:
    app = Sandbox(STRICT)
    app.load([patient(meta={"lastUpdated": "2026-01-02T03:04:05Z", "versionId": "9"})])
    meta = get(app, "Patient/1").json()["meta"]
    assert meta == {"lastUpdated": "2026-01-02T03:04:05Z", "versionId": "1"}
    assert get(app, "Patient?_lastUpdated=lt2026-02").json()["total"] == 1


@pytest.mark.parametrize(
    "folder",
    [folder for folder in sorted(PATIENTS.glob("*/sources/*")) if folder.name in PRESETS],
    ids=lambda folder: f"{folder.parts[-3]}-{folder.name}",
)
def test_the_sandbox_of_a_source_offers_every_resource_of_the_golden_patients(folder: Path) -> None:
    offered = set(PRESETS[folder.name].types)
    assert {resource["resourceType"] for resource in resources_of(folder)} <= offered
