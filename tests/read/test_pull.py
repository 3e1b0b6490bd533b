"""Everything of one patient, asked as the server wants to be asked, and what lines refer to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.errors import MappingError
from service.fhir.outgoing import http_client
from service.mappings.folder import shipped
from service.mappings.sources import load_sources
from service.model.source import Role, SourceRead, State
from service.read.location import open_reader
from service.read.pull import SEARCHED_TYPES
from service.read.source import PatientQuery
from service.sandbox.faults import Answer, Fault, Hang
from service.sandbox.log import RequestLog
from service.sandbox.manners import TypeManner, offering
from tests.read.chart import (
    LINES,
    QUICK,
    certificate,
    chart,
    found,
    ids_of,
    pulled,
    request,
    sandbox,
)
from tests.read.stage import on_stage

PROFILES = load_sources(shipped("mappings"))


def urls(log: RequestLog) -> list[str]:
    return [f"{one.path}?{'&'.join('='.join(pair) for pair in one.query)}" for one in log]


def asked(log: RequestLog, kind: str) -> list[str]:
    return [url for url in urls(log) if url.startswith(f"/fhir/{kind}?")]


def test_each_type_is_searched_once_and_every_page_read_once() -> None:
    app = sandbox()
    read = pulled(app)
    assert read.state is State.COMPLETE
    counts = Counter(urls(app.log))
    assert set(counts.values()) == {1}
    # metadata, Patient, one search a type, and two more pages of six lines by two
    assert len(counts) == 2 + len(SEARCHED_TYPES) + 2


def test_a_drug_by_reference_comes_along_or_is_read_by_itself() -> None:
    by_reference = [
        {"resourceType": "Patient", "id": "1"},
        {"resourceType": "Medication", "id": "d", "code": {"text": "lithium"}},
        {"resourceType": "Practitioner", "id": "p"},
        request("a", requester={"reference": "Practitioner/p"}),
        request("b", medicationReference={"reference": "Medication/gone"}),
        request("c", medicationReference={"reference": "https://other.example/fhir/Medication/x"}),
    ]
    del by_reference[3]["medicationCodeableConcept"]
    by_reference[3]["medicationReference"] = {"reference": "Medication/d"}
    for include in (True, False):
        read = pulled(sandbox(resources=by_reference, include=include))
        assert ids_of(read, "Medication") == {"d"}
        assert ids_of(read, "Practitioner") == {"p"}
        proof = certificate(read, "Medication")
        assert set(proof.unresolved) == {
            "Medication/gone",
            "https://other.example/fhir/Medication/x",
        }
        assert certificate(read).state is State.COMPLETE


def test_a_server_that_refuses_include_is_asked_without_it() -> None:
    refused = Fault(action=Answer(status=400), type="MedicationRequest", times=1)
    app = sandbox(refused)
    assert len(ids_of(pulled(app))) == LINES
    assert ["_include" in url for url in asked(app.log, "MedicationRequest")[:2]] == [True, False]


def test_a_type_that_is_not_offered_harms_nothing_and_is_not_asked() -> None:
    app = sandbox(types=offering(["Patient", "MedicationRequest", "Medication"]))
    read = pulled(app)
    assert read.state is State.COMPLETE
    assert certificate(read, "Observation").state is State.NOT_OFFERED
    assert not asked(app.log, "Observation")


def test_a_server_without_any_medication_type_says_so() -> None:
    read = pulled(sandbox(types=offering(["Patient", "Observation"])))
    assert read.reasons == ("the server offers no medication resources at all",)


def test_a_forbidden_type_is_withheld_and_the_others_are_read() -> None:
    types = offering(["Patient", "MedicationRequest"]) | {"Observation": TypeManner(forbidden=True)}
    read = pulled(sandbox(types=types))
    assert read.state is State.WITHHELD
    assert certificate(read).state is State.COMPLETE


def test_a_patient_who_is_not_there_is_unavailable() -> None:
    read = pulled(sandbox(), "nobody")
    assert read.state is State.UNAVAILABLE
    assert certificate(read, "Patient").reasons == (
        "Patient/nobody: no such patient on this server",
    )


@pytest.mark.parametrize("id_", ["../metadata", "1?x=y", "", "a b"])
def test_an_id_that_is_none_is_not_put_into_an_address(id_: str) -> None:
    app = sandbox()
    assert pulled(app, id_).state is State.UNAVAILABLE
    assert not [one for one in app.log if one.path != "/fhir/metadata"]


def test_a_source_that_does_not_answer_has_its_reason() -> None:
    async def pull(base: str) -> SourceRead:
        async with http_client() as http:
            return await open_reader("x", Role.OTHER, base, http=http, limits=QUICK).pull(("1",))

    read = asyncio.run(pull("http://127.0.0.1:1/fhir"))
    assert (read.state, read.reasons) == (State.UNAVAILABLE, ("connection refused",))


@pytest.mark.parametrize("version", ["1.0.2", "5.0.0"])
def test_another_release_is_unavailable_by_name(version: str) -> None:
    read = pulled(sandbox(fhir_version=version))
    assert read.state is State.UNAVAILABLE
    assert "is not read" in read.reasons[0]


def test_stu3_resources_say_that_they_are() -> None:
    read = pulled(sandbox(fhir_version="3.0.2"))
    assert {one.fhir for one in read.resources} == {"STU3"}


def test_a_source_that_hangs_holds_no_other_up_and_ends_by_its_deadline() -> None:
    stuck, good = sandbox(Fault(action=Hang(seconds=20), times=0)), sandbox()

    async def both(bases: list[str]) -> list[tuple[SourceRead, float]]:
        async with http_client() as http:

            async def one(base: str) -> tuple[SourceRead, float]:
                begun = time.monotonic()
                reader = open_reader("x", Role.OTHER, base, http=http, limits=QUICK)
                return await reader.pull(("1",)), time.monotonic() - begun

            return await asyncio.gather(*(one(base) for base in bases))

    with on_stage(stuck) as a, on_stage(good) as b:
        (slow, took), (fast, quick) = asyncio.run(both([a, b]))
    assert slow.state is State.UNAVAILABLE
    assert took <= QUICK.deadline_s * 1.1
    assert fast.state is State.COMPLETE
    assert quick < QUICK.deadline_s


def test_nothing_is_asked_before_the_time_that_the_server_named() -> None:
    busy = Fault(
        action=Answer(status=429, headers={"Retry-After": "1"}), type="Observation", times=1
    )
    app = sandbox(busy)
    assert certificate(pulled(app), "Observation").state is State.COMPLETE
    refused = next(one for one in app.log if one.status == 429)
    again = [one for one in app.log if one.path == refused.path][1]
    assert again.at - refused.at >= 0.99


def test_a_patient_is_found_by_reference_identifier_name_and_by_being_alone() -> None:
    people: list[dict[str, Any]] = chart()[:2]
    people[0] |= {"identifier": [{"system": "urn:mrn", "value": "7"}], "birthDate": "1980-02-03"}
    app = sandbox(resources=people)
    for query in (
        PatientQuery(reference="Patient/1"),
        PatientQuery(identifiers=(("urn:mrn", "7"),)),
        PatientQuery(identifiers=(("urn:mrn", "none"),), family="Muster"),
        PatientQuery(family="Muster", birth_date=date(1980, 2, 3)),
    ):
        assert [one.id for one in found(app, query).patients] == ["1"], query
    assert {one.id for one in found(app, PatientQuery()).patients} == {"1", "2"}
    nobody = found(app, PatientQuery(identifiers=(("urn:mrn", "8"),)))
    assert nobody.patients == ()
    assert found(app, PatientQuery(reference="Patient/9")).read.state is State.UNAVAILABLE


@pytest.mark.parametrize(
    ("software", "vendor"),
    [
        ("Epic", "epic"),
        ("HAPI FHIR Server", "hapi"),
        ("Cerner Millennium", "oracle-health"),
        ("athenahealth", "athenahealth"),
        ("Concord sandbox", "generic"),
    ],
)
def test_a_vendor_is_known_by_its_capability_statement(software: str, vendor: str) -> None:
    assert PROFILES.recognised(software, "").name == vendor


@pytest.mark.parametrize(
    ("vendor", "kind", "held"),
    [
        (
            "epic",
            "Observation",
            ["category=laboratory", "category=vital-signs", "category=social", "category=survey"],
        ),
        ("epic", "CarePlan", ["category=38717003"]),
        ("athenahealth", "MedicationRequest", ["intent=order"]),
        ("oracle-health", "CarePlan", ["category=assess-plan"]),
        ("oracle-health", "Appointment", ["date=ge"]),
        ("hapi", "Condition", ["_count=500"]),
    ],
)
def test_a_vendor_is_asked_its_way(vendor: str, kind: str, held: list[str]) -> None:
    app = sandbox()
    read = pulled(app, profiles=PROFILES, vendor=vendor)
    assert certificate(read, kind).state is State.COMPLETE, certificate(read, kind).reasons
    sent = " ".join(asked(app.log, kind))
    assert all(part in sent for part in held), sent


def test_a_vendor_without_a_type_is_not_asked_for_it() -> None:
    app = sandbox()
    read = pulled(app, profiles=PROFILES, vendor="epic")
    assert certificate(read, "MedicationStatement").state is State.NOT_OFFERED
    assert not asked(app.log, "MedicationStatement")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "b"\ntitle = "B"', "as the file is called"),
        ('name = "a"\ntitle = "A"\nextra = 1', "one of"),
        ('name = "a"\ntitle = "A"\n[[quirk]]\ntype = "Nothing"', "resource type"),
        ('name = "a"\ntitle = "A"\n[[quirk]]\ntype = "*"\nreason = ""\nsource = "x"', "a reason"),
    ],
)
def test_a_wrong_profile_names_what_to_correct(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.toml").write_text(text)
    with pytest.raises(MappingError, match=expected):
        load_sources(tmp_path)
