"""Files in any mix are read whole, or the source says what could not be read."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.errors import SettingsError, UsageError
from service.model.source import MEDICATION_TYPES, Role, SourceRead, State
from service.read.location import open_reader
from service.read.source import Found, PatientQuery
from tests.read.chart import chart, request

REFERENCE = os.environ.get("CONCORD_REFERENCE_DATA")


def bundle(*resources: dict[str, Any], type_: str = "collection", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": type_,
        "entry": [{"resource": one} for one in resources],
        **more,
    }


def find(path: Path, query: PatientQuery | None = None) -> Found:
    return asyncio.run(open_reader("clinic", Role.OTHER, str(path)).find(query or PatientQuery()))


def pull(path: Path, *ids: str) -> SourceRead:
    return asyncio.run(open_reader("clinic", Role.OTHER, str(path)).pull(ids or ("1",)))


def names(read: SourceRead) -> set[str]:
    return {one.reference for one in read.resources}


def test_one_patient_spread_over_files_of_every_kind_is_one_read(tmp_path: Path) -> None:
    patient, other, *lines = chart()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "patients.json").write_text(json.dumps([patient, other]))
    (tmp_path / "lines.ndjson").write_text("\n".join(map(json.dumps, lines[:2])) + "\n")
    (tmp_path / "more.json.gz").write_bytes(gzip.compress(json.dumps(bundle(*lines[2:4])).encode()))
    (tmp_path / "b.json").write_text(json.dumps(bundle(*lines[4:], type_="searchset")))
    (tmp_path / "README.md").write_text("no FHIR")
    read = pull(tmp_path)
    assert read.state is State.COMPLETE
    assert names(read) == {"Patient/1", *(f"MedicationRequest/m{n}" for n in range(6))}
    assert {one.id for one in find(tmp_path).patients} == {"1", "2"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cut.json", b'{"resourceType": "Bundle", "entry": [', "broken or cut off"),
        ("page.json", b"<html></html>", "web page"),
        ("latin.json", '{"resourceType": "Basic", "x": "ä"}'.encode("latin-1"), "not UTF-8"),
        ("deep.json", b'{"resourceType":"Basic","x":' + b"[" * 5000 + b"]" * 5000 + b"}", "deep"),
        ("empty.json", b"", "empty"),
        ("other.json", b'{"no": "type"}', "resourceType"),
        ("broken.json.gz", b"\x1f\x8b\x08\x00broken", "compressed"),
        ("lines.ndjson", b'{"resourceType":"Basic","id":"1"}\n{"resour', "line 2"),
        ("chart.xml", b"<Bundle/>", "XML"),
    ],
)
def test_a_file_that_cannot_be_read_makes_the_source_partial_and_is_named(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / "good.json").write_text(json.dumps(bundle(*chart())))
    (tmp_path / name).write_bytes(content)
    read = pull(tmp_path)
    assert read.state is State.PARTIAL
    assert len(read.resources) == 7
    assert len(read.reasons) == 1
    assert read.reasons[0].startswith(name)
    assert reason in read.reasons[0]


def test_subjects_by_full_url_and_absolute_address_are_the_same_patient(tmp_path: Path) -> None:
    here = "https://ehr.example/fhir"
    entries = [
        {"fullUrl": "urn:uuid:aaaa", "resource": {"resourceType": "Patient", "id": "1"}},
        {"fullUrl": f"{here}/x", "resource": request("a", "urn:uuid:aaaa")},
        {"fullUrl": f"{here}/MedicationRequest/b", "resource": request("b", f"{here}/Patient/1")},
        {"resource": request("c", "Patient/1/_history/4")},
        {"resource": request("d", "Patient/2")},
    ]
    (tmp_path / "x.json").write_text(json.dumps(bundle() | {"entry": entries}))
    assert names(pull(tmp_path)) == {"Patient/1", *(f"MedicationRequest/{x}" for x in "abc")}


def test_data_without_a_patient_resource_is_pulled_by_the_bare_id(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([request("a", "Patient/9")]))
    found = find(tmp_path)
    assert found.patients == ()
    assert found.bare == ("Patient/9",)
    assert names(pull(tmp_path, "9")) == {"MedicationRequest/a"}


def test_a_patient_who_is_not_there_is_unavailable_and_not_without_drugs(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(bundle(*chart())))
    assert pull(tmp_path, "nobody").state is State.UNAVAILABLE
    assert find(tmp_path, PatientQuery(reference="Patient/77")).read.state is State.UNAVAILABLE


def test_a_page_without_its_next_page_is_partial(tmp_path: Path) -> None:
    link = [{"relation": "self", "url": "s?1"}, {"relation": "next", "url": "s?2"}]
    page = bundle(*chart(), type_="searchset", link=link)
    (tmp_path / "1.json").write_text(json.dumps(page))
    assert pull(tmp_path).state is State.PARTIAL
    last = bundle(type_="searchset", link=[{"relation": "self", "url": "s?2"}])
    (tmp_path / "2.json").write_text(json.dumps(last))
    assert pull(tmp_path).state is State.COMPLETE


def test_a_refused_part_of_a_batch_is_withheld(tmp_path: Path) -> None:
    batch = bundle(*chart(), type_="batch-response")
    batch["entry"].append({"response": {"status": "403 Forbidden"}})
    (tmp_path / "x.json").write_text(json.dumps(batch))
    assert pull(tmp_path).state is State.WITHHELD


def test_an_older_version_of_a_resource_gives_way(tmp_path: Path) -> None:
    versions = [request("a", meta={"versionId": v}, note=[{"text": v}]) for v in ("2", "10", "1")]
    (tmp_path / "x.json").write_text(json.dumps([chart()[0], *versions]))
    (line,) = [one for one in pull(tmp_path).resources if one.type == "MedicationRequest"]
    assert line.version == "10"


def test_a_missing_path_and_a_strange_scheme_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file or folder"):
        open_reader("clinic", Role.OTHER, str(tmp_path / "none"))
    with pytest.raises(UsageError, match="ftp://"):
        open_reader("clinic", Role.OTHER, "ftp://ehr.example")
    with pytest.raises(SettingsError, match="vendor"):
        open_reader("clinic", Role.OTHER, "https://ehr.example", vendor="nobody")


@pytest.mark.skipif(REFERENCE is None, reason="CONCORD_REFERENCE_DATA is unset")
class TestReferenceData:
    """Payloads that others wrote."""

    def folder(self, name: str) -> Path:
        return Path(REFERENCE or "") / "fhir" / name

    def test_stu3_charts_are_read_whole_as_stu3(self) -> None:
        found = find(self.folder("smart-stu3-patients"))
        assert len(found.patients) == 18
        read = [pull(self.folder("smart-stu3-patients"), one.id) for one in found.patients[:3]]
        assert {one.state for one in read} == {State.COMPLETE}
        assert {one.fhir for each in read for one in each.resources} == {"STU3"}

    def test_every_medication_line_of_the_charts_belongs_to_one_patient(self) -> None:
        reader = open_reader("x", Role.OTHER, str(self.folder("smart-stu3-patients")))

        async def lines() -> list[str]:
            found = await reader.find(PatientQuery())
            reads = [await reader.pull((one.id,)) for one in found.patients]
            return [
                one.reference for r in reads for one in r.resources if one.type in MEDICATION_TYPES
            ]

        placed = asyncio.run(lines())
        assert len(placed) == len(set(placed)) == 133 + 326

    def test_dstu2_is_refused_by_name(self) -> None:
        found = find(self.folder("epic-dstu2-sandbox"))
        assert found.read.state is State.UNAVAILABLE
        assert "DSTU2" in found.read.reasons[0]

    @pytest.mark.parametrize("name", ["hl7-r4-examples", "us-core-examples", "zus-aggregator"])
    def test_examples_of_any_kind_are_read_without_a_crash(self, name: str) -> None:
        found = find(self.folder(name))
        assert found.patients
        for one in found.bare:
            assert pull(self.folder(name), one).resources
