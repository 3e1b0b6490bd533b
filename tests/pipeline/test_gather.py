"""Who is read: the asked person in every source, nobody else, and doubt is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.connect import opened_readers
from service.errors import NotKept, UsageError
from service.mappings.folder import mappings_folder
from service.mappings.matching import load_weights
from service.model.evidence import Origin
from service.model.patient import MatchGrade
from service.model.source import State
from service.pipeline.gather import ANOTHER, UNDECIDED, Gathered, gather
from service.pipeline.who import Who, parse_who
from service.settings import Settings

MRN = "https://example.org/mrn"
WEIGHTS = load_weights(mappings_folder())


def person(id_: str, mrn: str | None, **more: Any) -> dict[str, Any]:
    named = {
        "name": [{"family": "Fixture", "given": ["Uma"]}],
        "birthDate": "1980-02-03",
        "gender": "female",
    }
    identifiers = [{"system": MRN, "value": mrn}] if mrn else []
    return {"resourceType": "Patient", "id": id_, "identifier": identifiers, **named, **more}


def line(patient: str, id_: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
        "medicationCodeableConcept": {"text": "sertraline 50 MG Oral Tablet"},
    }


Source = Callable[..., str]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Writes resources as one NDJSON source; gives its location."""

    def write(name: str, *resources: dict[str, Any]) -> str:
        file = tmp_path / f"{name}.ndjson"
        file.write_text("\n".join(json.dumps(one) for one in resources), encoding="utf-8")
        return str(file)

    return write


def gathered(locations: dict[str, str], who: Who, **more: Any) -> Gathered:
    async def read() -> Gathered:
        async with opened_readers(locations, Settings()) as readers:
            return await gather(readers, who, WEIGHTS, **more)

    return asyncio.run(read())


def states(found: Gathered) -> dict[str, State]:
    return {read.name: read.state for read in found.reads}


def test_an_identifier_finds_the_person_in_every_source_that_knows_it(source: Source) -> None:
    found = gathered(
        {
            "psychiatry": source("a", person("1", "7"), line("1", "x")),
            "pharmacy": source("b", person("9", "7"), line("9", "y")),
        },
        Who(identifier=(MRN, "7")),
    )
    assert {link.record.reference: link.grade for link in found.links} == {
        "Patient/1": MatchGrade.CERTAIN,
        "Patient/9": MatchGrade.CERTAIN,
    }
    assert states(found) == {"psychiatry": State.COMPLETE, "pharmacy": State.COMPLETE}


def test_the_only_patient_of_a_source_is_not_taken_for_the_one_who_was_asked(
    source: Source,
) -> None:
    with pytest.raises(NotKept):
        gathered({"pharmacy": source("b", person("9", "8"))}, Who(identifier=(MRN, "7")))


def test_a_file_without_the_identifier_is_asked_again_by_name_and_birth_date(
    source: Source,
) -> None:
    neighbour = person("5", "99", birthDate="1950-05-05", name=[{"family": "Else"}])
    found = gathered(
        {
            "psychiatry": source("a", person("1", "7"), line("1", "x")),
            "pharmacy": source("b", person("9", None), line("9", "y"), neighbour),
        },
        Who(identifier=(MRN, "7")),
    )
    assert states(found)["pharmacy"] is State.COMPLETE
    assert {link.record.reference for link in found.links} == {"Patient/1", "Patient/9"}


def test_a_certainly_other_person_contributes_nothing_and_is_no_record(source: Source) -> None:
    other = person(
        "9",
        "8",
        birthDate="1951-11-12",
        gender="male",
        name=[{"family": "Other", "given": ["Bo"]}],
    )
    found = gathered(
        {
            "psychiatry": source("a", person("1", "7"), line("1", "x")),
            "pharmacy": source("b", other, line("9", "y")),
        },
        Who(source="psychiatry", reference="Patient/1"),
    )
    pharmacy = next(read for read in found.reads if read.name == "pharmacy")
    assert pharmacy.resources == ()
    assert pharmacy.state is State.UNAVAILABLE
    assert pharmacy.reasons == (ANOTHER,)
    assert [link.record.source for link in found.links] == ["psychiatry"]


def test_a_doubtful_record_is_listed_but_not_read(source: Source) -> None:
    twin = person("9", None, name=[{"family": "Fixture", "given": ["Ulla"]}])
    found = gathered(
        {
            "psychiatry": source("a", person("1", "7"), line("1", "x")),
            "pharmacy": source("b", twin, line("9", "y")),
        },
        Who(source="psychiatry", reference="Patient/1"),
    )
    grades = {link.record.source: link.grade for link in found.links}
    assert grades["pharmacy"] in {MatchGrade.PROBABLE, MatchGrade.POSSIBLE}
    pharmacy = next(read for read in found.reads if read.name == "pharmacy")
    assert pharmacy.resources == ()
    assert pharmacy.reasons == (UNDECIDED,)
    assert [record.origin.source for record in found.patients] == ["psychiatry"]


@pytest.mark.parametrize("same", [True, False])
def test_a_persons_word_on_a_doubtful_record_is_obeyed(source: Source, same: bool) -> None:
    twin = person("9", None, name=[{"family": "Fixture", "given": ["Ulla"]}])
    found = gathered(
        {
            "psychiatry": source("a", person("1", "7"), line("1", "x")),
            "pharmacy": source("b", twin, line("9", "y")),
        },
        Who(source="psychiatry", reference="Patient/1"),
        words={Origin("pharmacy", "Patient/9"): same},
    )
    pharmacy = next(read for read in found.reads if read.name == "pharmacy")
    assert {raw.id for raw in pharmacy.resources} == ({"9", "y"} if same else set())


def test_a_source_that_does_not_know_the_person_supports_no_absence(source: Source) -> None:
    strangers = [person(str(n), str(n), birthDate=f"19{n}-01-01") for n in (60, 61)]
    named = [
        {**one, "name": [{"family": f"Else{one['id']}", "given": ["Bo"]}]} for one in strangers
    ]
    found = gathered(
        {"psychiatry": source("a", person("1", "7")), "pharmacy": source("b", *named)},
        Who(source="psychiatry", reference="Patient/1"),
    )
    pharmacy = next(read for read in found.reads if read.name == "pharmacy")
    assert pharmacy.state is State.UNAVAILABLE
    assert pharmacy.resources == ()
    assert any("no record of this patient" in reason for reason in pharmacy.reasons)


def test_several_patients_and_no_name_is_a_question_back(source: Source) -> None:
    with pytest.raises(UsageError, match="--patient"):
        gathered({"pharmacy": source("b", person("1", "7"), person("2", "8"))}, Who())


def test_the_order_of_sources_changes_nothing(source: Source) -> None:
    locations = {
        "psychiatry": source("a", person("1", "7"), line("1", "x")),
        "primary-care": source("c", person("3", "7"), line("3", "z")),
        "pharmacy": source("b", person("9", "7"), line("9", "y")),
    }
    forward = gathered(locations, Who(identifier=(MRN, "7")))
    backward = gathered(dict(reversed(locations.items())), Who(identifier=(MRN, "7")))
    assert forward.asked == backward.asked
    assert forward.links == backward.links


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (None, Who()),
        ("https://example.org/mrn|7", Who(identifier=(MRN, "7"))),
        ("pharmacy:Patient/9", Who(source="pharmacy", reference="Patient/9")),
        ("urn:oid:1.2.3|7", Who(identifier=("urn:oid:1.2.3", "7"))),
    ],
)
def test_who_is_an_identifier_or_a_record(text: str | None, who: Who) -> None:
    assert parse_who(text, ["pharmacy"]) == who


@pytest.mark.parametrize(
    "text", ["Uma Fixture", "|7", "x|", "pharmacy:9", "pharmacy:Observation/9", "pharmacy:Patient/"]
)
def test_who_that_is_neither_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_who(text, ["pharmacy"])
    assert "Fixture" not in refused.value.message
