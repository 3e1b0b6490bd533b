"""Searches of the sandbox: parameters, paging, links, includes, and the unknown."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sandbox.manners import STRICT, Manners, TypeManner, offering
from service.sandbox.server import Sandbox
from service.sandbox.storage import Storage
from tests.sandbox.client import BASE, Clock, call, found, get, ids, link, pages, patient, request

LOINC = "http://loinc.org"


def lithium(id_: str, when: object) -> dict[str, object]:
    effective = {"effectivePeriod": when} if isinstance(when, dict) else {"effectiveDateTime": when}
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "14334-7"}]},
        "subject": {"reference": "Patient/1"},
        **effective,
    }


@settings(max_examples=60)
@given(
    held=st.integers(0, 40),
    size=st.integers(1, 15),
    paging=st.sampled_from(["snapshot", "live"]),
)
def test_every_page_together_is_every_match_exactly_once(held: int, size: int, paging: str) -> None:
    app = Sandbox(Manners("any", page_size=size, paging=paging))
    app.load([request(f"r{n}") for n in range(held)])
    app.load([request("other", subject="Patient/2")])
    seen = [id_ for page in pages(app, "MedicationRequest?patient=1") for id_ in ids(page)]
    assert seen == [f"r{n}" for n in range(held)]
    assert all(p["total"] == held for p in pages(app, "MedicationRequest?patient=1"))


def test_links_are_opaque_and_stay_below_the_base() -> None:
    app = Sandbox(Manners("any", page_size=1))
    app.load([request("a"), request("b")])
    first = get(app, "MedicationRequest?patient=Patient/1&status=active").json()
    following = link(first, "next")
    assert following.startswith(BASE)
    assert "patient" not in following
    assert "status=active" in link(first, "self")


def test_a_link_answers_410_with_an_outcome_once_its_time_is_over() -> None:
    clock = Clock()
    app = Sandbox(Manners("any", page_size=1, links_live_s=60), Storage(clock))
    app.load([request("a"), request("b")])
    following = link(get(app, "MedicationRequest").json(), "next")
    clock.pass_by(60)
    assert get(app, following).status_code == 200
    clock.pass_by(1)
    gone = get(app, following)
    assert (gone.status_code, gone.json()["resourceType"]) == (410, "OperationOutcome")


def test_links_expire_when_a_test_says_so() -> None:
    app = Sandbox(Manners("any", page_size=1))
    app.load([request("a"), request("b")])
    following = link(get(app, "MedicationRequest").json(), "next")
    app.expire_links()
    assert get(app, following).status_code == 410


def test_a_snapshot_keeps_its_set_and_live_paging_loses_what_was_removed() -> None:
    for paging, expected in (("snapshot", ["a", "b", "c"]), ("live", ["a", "c"])):
        app = Sandbox(Manners("any", page_size=1, paging=paging))
        app.load([request("a"), request("b"), request("c")])
        first = get(app, "MedicationRequest").json()
        app.storage.forget("MedicationRequest", "b")
        rest = [id_ for page in pages(app, link(first, "next")) for id_ in ids(page)]
        assert ids(first) + rest == expected


def test_count_is_capped_and_summary_count_gives_the_number_alone() -> None:
    app = Sandbox(Manners("any", page_size=2, max_count=3, total=False))
    app.load([request(str(n)) for n in range(5)])
    assert len(get(app, "MedicationRequest").json()["entry"]) == 2
    assert len(get(app, "MedicationRequest?_count=100").json()["entry"]) == 3
    assert "total" not in get(app, "MedicationRequest").json()
    counted = get(app, "MedicationRequest?_summary=count").json()
    assert (counted["total"], counted.get("entry")) == (5, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=active", {"a"}),
        ("status=active,stopped", {"a", "b"}),
        ("status:not=active", {"b", "c"}),
        ("intent=order,plan", {"a", "b"}),
        ("identifier=urn:rx|1", {"a"}),
        ("identifier=1", {"a", "b"}),
        ("identifier=urn:rx|", {"a"}),
        ("identifier=|1", set()),
        ("code=http://www.nlm.nih.gov/research/umls/rxnorm|312940", {"c"}),
        ("subject=Patient/1", {"a", "b"}),
        ("subject:Patient=2", {"c"}),
        ("patient=2&status=stopped", set()),
        ("_id=a,c", {"a", "c"}),
        ("requester:missing=false", {"b"}),
    ],
)
def test_tokens_and_references_match_as_r4_says(query: str, expected: set[str]) -> None:
    app = Sandbox(STRICT)
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "312940"}
    app.load(
        [
            request("a", identifier=[{"system": "urn:rx", "value": "1"}]),
            request(
                "b",
                status="stopped",
                identifier=[{"system": "urn:other", "value": "1"}],
                requester={"reference": "Practitioner/9"},
            ),
            request(
                "c",
                "Patient/2",
                status="on-hold",
                intent="proposal",
                medicationCodeableConcept={"coding": [coding]},
            ),
        ]
    )
    assert found(app, f"MedicationRequest?{query}") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("date=2026-03", {"day", "night"}),
        ("date=ge2026-03-09", {"day", "night", "period"}),
        ("date=gt2026-03-09", {"night", "period"}),
        ("date=lt2026-03-09", {"year", "period"}),
        ("date=le2026-03-09", {"day", "year", "period"}),
        ("date=sa2026-03-09", {"night"}),
        ("date=eb2026-03-09", {"year"}),
        ("date=ge2026-03-01&date=lt2026-03-10", {"day", "period"}),
        ("date=2026-03-10T04:30:00Z", {"night"}),
    ],
)
def test_dates_compare_as_ranges(query: str, expected: set[str]) -> None:
    app = Sandbox(STRICT)
    app.load(
        [
            lithium("day", "2026-03-09"),
            lithium("night", "2026-03-09T23:30:00-05:00"),
            lithium("year", "2025"),
            lithium("period", {"start": "2026-02-01"}),
        ]
    )
    assert found(app, f"Observation?{query}") == expected


def test_a_period_without_an_end_reaches_into_every_later_day() -> None:
    app = Sandbox(STRICT)
    app.load([lithium("open", {"start": "2026-02-01"})])
    assert found(app, "Observation?date=ge2030") == {"open"}
    assert found(app, "Observation?date=lt2026-02-01") == set()


def test_a_patient_is_found_by_name_without_case_and_accents() -> None:
    app = Sandbox(STRICT)
    app.load(
        [
            patient("1", name=[{"family": "Müller", "given": ["Ann"]}], birthDate="1980-01-02"),
            patient("2", name=[{"family": "Mullins"}], gender="female"),
        ]
    )
    assert found(app, "Patient?family=mul") == {"1", "2"}
    assert found(app, "Patient?family:exact=Mullins") == {"2"}
    assert found(app, "Patient?name=ann&birthdate=1980-01-02") == {"1"}
    assert found(app, "Patient?family:contains=LLI&gender=female") == {"2"}


def test_included_medications_come_once_and_are_marked() -> None:
    app = Sandbox(STRICT)
    shared = {"medicationReference": {"reference": "Medication/m"}}
    absolute = {"medicationReference": {"reference": f"{BASE}/Medication/n"}}
    lines = [request("a", **shared), request("b", **shared), request("c", **absolute)]
    for line in lines:
        del line["medicationCodeableConcept"]
    app.load([*lines, *({"resourceType": "Medication", "id": i} for i in ("m", "n", "o"))])
    bundle = get(app, "MedicationRequest?_include=MedicationRequest:medication").json()
    assert ids(bundle) == ["a", "b", "c"]
    assert ids(bundle, "include") == ["m", "n"]


def test_what_points_to_a_match_comes_with_revinclude() -> None:
    app = Sandbox(STRICT)
    app.load([request("a"), request("b")])
    app.load(
        [
            {
                "resourceType": "Provenance",
                "id": "p",
                "target": [{"reference": "MedicationRequest/b"}],
            }
        ]
    )
    bundle = get(app, "MedicationRequest?_revinclude=Provenance:target").json()
    assert ids(bundle, "include") == ["p"]


def test_searching_by_post_finds_the_same() -> None:
    app = Sandbox(STRICT)
    app.load([request("a"), request("b", "Patient/2")])
    answer = call(app, "POST", "MedicationRequest/_search", data={"patient": "2"})
    assert ids(answer.json()) == ["b"]
    refusing = Sandbox(replace(STRICT, post_search=False))
    assert call(refusing, "POST", "MedicationRequest/_search", data={}).status_code == 404


@pytest.mark.parametrize(
    ("manner", "status", "matches"), [("reject", 400, None), ("drop", 200, 1), ("empty", 200, 0)]
)
def test_an_unknown_parameter_is_refused_or_left_out_of_the_self_link(
    manner: str, status: int, matches: int | None
) -> None:
    app = Sandbox(Manners("any", unknown_parameter=manner))
    app.load([request("a")])
    answer = get(app, "MedicationRequest?patient=1&colour=blue")
    assert answer.status_code == status
    if matches is None:
        assert answer.json()["issue"][0]["code"] == "not-supported"
    else:
        assert len(answer.json().get("entry", [])) == matches
        assert "patient=1" in link(answer.json(), "self")
        assert "colour" not in link(answer.json(), "self")


@pytest.mark.parametrize(
    "query", ["date=tomorrow", "_count=many", "code:above=1", "date:exact=2026", "_sort=colour"]
)
def test_a_value_or_modifier_that_cannot_be_read_is_refused(query: str) -> None:
    app = Sandbox(STRICT)
    assert get(app, f"Observation?{query}").status_code == 400


def test_sort_orders_by_the_named_parameters() -> None:
    app = Sandbox(STRICT)
    app.load([lithium("b", "2026-01-02"), lithium("c", "2026-01-03"), lithium("a", "2026-01-01")])
    assert ids(get(app, "Observation?_sort=date").json()) == ["a", "b", "c"]
    assert ids(get(app, "Observation?_sort=-date").json()) == ["c", "b", "a"]


def test_a_type_that_needs_a_parameter_refuses_a_search_without_it() -> None:
    needs = {"CarePlan": TypeManner(required=("category|_id", "patient"))}
    app = Sandbox(Manners("any", types=needs))
    assert get(app, "CarePlan?patient=1").status_code == 400
    assert get(app, "CarePlan?patient=1&category=assess-plan").status_code == 200
    assert get(app, "CarePlan?patient=1&_id=7").status_code == 200


def test_a_server_without_comma_lists_says_so() -> None:
    app = Sandbox(Manners("any", comma_lists=False))
    assert get(app, "MedicationRequest?status=active").status_code == 200
    assert get(app, "MedicationRequest?status=active,stopped").status_code == 400


def test_a_type_that_is_not_offered_answers_404_and_a_forbidden_one_403() -> None:
    types = {**offering(["Patient"]), "Consent": TypeManner(forbidden=True)}
    app = Sandbox(Manners("any", types=types))
    assert get(app, "MedicationStatement?patient=1").status_code == 404
    assert get(app, "Consent?patient=1").status_code == 403


def test_a_cached_search_is_old_until_its_time_is_over_or_no_cache_is_asked() -> None:
    clock = Clock()
    app = Sandbox(Manners("any", search_cache_s=60), Storage(clock))
    assert found(app, "MedicationRequest?patient=1") == set()
    app.load([request("a")])
    assert found(app, "MedicationRequest?patient=1") == set()
    fresh = get(app, "MedicationRequest?patient=1", headers={"Cache-Control": "no-cache"})
    assert ids(fresh.json()) == ["a"]
    app.load([request("b")])
    clock.pass_by(60)
    assert found(app, "MedicationRequest?patient=1") == {"a", "b"}
