"""Each vendor's quirks are replayed: the sandbox acts the vendor, and the reader asks its way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.mappings.folder import shipped
from service.mappings.sources import load_sources
from service.model.source import State
from service.read.profile import Quirk, SourceProfile, SourceProfiles
from service.read.pull import SEARCHED_TYPES, searches
from service.read.since import Since
from service.read.source import PatientQuery
from service.sandbox.cases import load_manners
from service.sandbox.faults import Answer, Entries, Fault
from service.sandbox.manners import Manners
from service.sandbox.server import Sandbox
from tests.read.chart import LINES, certificate, chart, found, ids_of, pulled, sandbox

PROFILES = load_sources(shipped("mappings"))
VENDORS = Path(__file__).parents[2] / "fixtures" / "servers" / "vendors"
NAMED = (
    "athenahealth", "eclinicalworks", "epic", "generic", "hapi", "medplum", "nextgen",
    "oracle-health", "veradigm",
)  # fmt: skip
ACTED = {"medplum": "medplum-memory"}
RESULT = {
    "resourceType": "Observation",
    "id": "o",
    "subject": {"reference": "Patient/1"},
    "category": [{"coding": [{"code": "laboratory"}]}],
}
QUIRKS = [
    (name, number, quirk)
    for name, profile in sorted(PROFILES.by_name.items())
    for number, quirk in enumerate(profile.quirks)
]


def acting(vendor: str, **more: Any) -> Sandbox:
    """A server with the vendor's manners (the generic one has the sandbox's own), and a chart."""
    file = VENDORS / f"{ACTED.get(vendor, vendor)}.toml"
    manners = load_manners(file) if file.exists() else Manners("generic")
    app = Sandbox(dataclasses.replace(manners, **more))
    app.load([*chart(), RESULT])
    return app


def alone(vendor: str, *quirks: Quirk) -> SourceProfiles:
    """Profiles in which the vendor has these quirks and no others."""
    profile = PROFILES.by_name[vendor]
    return SourceProfiles({vendor: SourceProfile(vendor, profile.title, (), quirks)})


def types_of(quirk: Quirk) -> str:
    return "MedicationRequest" if quirk.type == "*" else quirk.type


def sent(app: Sandbox, kind: str) -> list[dict[str, str]]:
    return [dict(one.query) for one in app.log if one.path == f"/fhir/{kind}"]


def test_every_vendor_of_the_list_has_a_profile() -> None:
    assert set(NAMED) <= set(PROFILES.by_name)


@pytest.mark.parametrize("vendor", NAMED)
def test_a_vendor_s_server_is_recognised_and_read_whole(vendor: str) -> None:
    app = acting(vendor)
    read = pulled(app, profiles=PROFILES)
    assert certificate(read).state is State.COMPLETE, certificate(read).reasons
    assert len(ids_of(read)) == LINES
    recognised = PROFILES.recognised(app.manners.software, "").name
    assert recognised == ("generic" if vendor == "generic" else vendor)
    for one in read.certificates:
        assert one.state in {State.COMPLETE, State.NOT_OFFERED}, one


@pytest.mark.parametrize("vendor", ["athenahealth", "eclinicalworks", "epic", "oracle-health"])
def test_without_its_profile_such_a_server_says_no_and_the_reader_says_so(vendor: str) -> None:
    read = pulled(acting(vendor), profiles=PROFILES, vendor="generic")
    refused = [one for one in read.certificates if one.state is State.UNAVAILABLE]
    assert refused
    assert all("400" in reason for one in refused for reason in one.reasons)


class WithoutSurvey(Sandbox):
    """A site that refuses a search for rating scales alone."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if b"category=survey" in scope["query_string"]:
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
        else:
            await super().__call__(scope, receive, send)


def test_scales_that_a_site_refuses_are_told_as_missing_and_its_results_still_count() -> None:
    whole = acting("epic")
    without = WithoutSurvey(whole.manners)
    without.load([*chart(), RESULT])
    told = certificate(pulled(without, profiles=PROFILES), "Observation")
    assert told.state is State.COMPLETE
    assert told.lacks == ("survey",)
    assert "Observation: survey is refused by this server, and is missing" in told.reasons
    assert told.count == 1
    assert certificate(pulled(whole, profiles=PROFILES), "Observation").lacks == ()


def test_what_no_page_of_the_vendor_tells_is_marked_so_in_its_file() -> None:
    for name, number, quirk in QUIRKS:
        assert quirk.verified == ("unverified" not in quirk.source), (name, number)


@pytest.mark.parametrize(
    ("vendor", "number", "quirk"), QUIRKS, ids=[f"{name} {number}" for name, number, _ in QUIRKS]
)
def test_a_quirk_has_a_reason_a_source_and_an_effect(
    vendor: str, number: int, quirk: Quirk
) -> None:
    assert len(quirk.reason) > 20
    assert len(quirk.source) > 10
    kind = types_of(quirk)
    app = sandbox()
    read = pulled(app, profiles=alone(vendor, quirk), vendor=vendor)
    assert read.state in {State.COMPLETE, State.PARTIAL}
    asked = sent(app, kind)
    effects = 0
    for name, value in quirk.query:
        assert asked[0][name] == value
        told = f"{kind}: asked with {name}={value} only: {quirk.reason}"
        told += "" if quirk.verified else " (not verified with the vendor)"
        assert told in _reasons(read, kind)
        effects += 1
    if quirk.each is not None:
        name, values = quirk.each
        assert {one[name] for one in asked if name in one} == set(values)
        assert any(why.startswith(f"{kind}: asked with {name}=") for why in _reasons(read, kind))
        effects += 1
    if quirk.window is not None:
        assert any(reason.startswith(f"{kind}: asked from") for reason in _reasons(read, kind))
        effects += 1
    if quirk.include is not None:
        assert any("_include" in one for one in asked) is quirk.include
        effects += 1
    if quirk.count is not None:
        assert asked[0].get("_count") == (str(quirk.count) if quirk.count else None)
        effects += 1
    if quirk.transaction_limit is not None:
        effects += 1  # of writing, and proven there
    if quirk.skip:
        assert not asked
        assert certificate(read, kind).state is State.NOT_OFFERED
        effects += 1
    if not quirk.since:
        assert not _asks_for_changes(alone(vendor, quirk).by_name[vendor], kind)
        assert _asks_for_changes(SourceProfile("none", ""), kind)
        effects += 1
    if not quirk.post_search:
        app = sandbox(post_search=False)
        found(app, PatientQuery(family="Muster"), profiles=alone(vendor, quirk), vendor=vendor)
        assert {one.method for one in app.log} == {"GET"}
        effects += 1
    effects += _outcomes_told(vendor, quirk)
    assert effects, "a quirk without an effect is a remark"


def _reasons(read: Any, kind: str) -> Iterable[str]:
    return certificate(read, kind).reasons


def _asks_for_changes(profile: SourceProfile, kind: str) -> bool:
    from service.fhir.capability import Capabilities, Offer
    from service.fhir.release import Release

    offer = Offer(search_params=frozenset({"patient", "_lastUpdated"}), versioning="versioned")
    known = Capabilities(True, Release.R4, types={kind: offer})
    now = datetime(2026, 3, 10, tzinfo=UTC)
    planned = searches(kind, "1", profile, known, now.date(), since=now - timedelta(days=1))
    return any(name == "_lastUpdated" for one in planned for name, _ in one.params)


def _outcomes_told(vendor: str, quirk: Quirk) -> int:
    """Replays the vendor's own OperationOutcome codes inside a searchset."""
    told = 0
    for codes, state in (
        (quirk.ignore_outcomes, State.COMPLETE),
        (quirk.withheld_outcomes, State.WITHHELD),
    ):
        for code in codes:
            warning = {
                "resourceType": "OperationOutcome",
                "id": "w",
                "issue": [
                    {
                        "severity": "warning",
                        "code": "incomplete",
                        "details": {"coding": [{"code": code}]},
                    }
                ],
            }
            fault = Fault(action=Entries(add=[warning]), type="MedicationRequest", page="first")
            read = pulled(sandbox(fault), profiles=alone(vendor, quirk), vendor=vendor)
            assert certificate(read).state is state, code
            told += 1
    return told


def test_a_search_by_post_keeps_names_and_identifiers_out_of_addresses() -> None:
    app = sandbox()
    query = PatientQuery(identifiers=(("urn:mrn", "secret-7"),), family="Muster")
    assert [one.id for one in found(app, query).patients] == ["1"]
    assert not [
        one for one in app.log if "secret-7" in str(one.query) or "Muster" in str(one.query)
    ]
    assert {one.method for one in app.log if "Patient" in one.path} == {"POST"}


def test_a_server_without_search_by_post_is_asked_by_get() -> None:
    app = sandbox(post_search=False)
    assert [one.id for one in found(app, PatientQuery(family="Muster")).patients] == ["1"]
    methods = [one.method for one in app.log if "Patient" in one.path]
    assert methods == ["POST", "GET"]


def test_match_gives_candidates_and_its_score_is_no_grade() -> None:
    app = sandbox(match=True)
    for _ in range(2):
        got = found(app, PatientQuery(family="Muster"), known=True)
    assert [one.id for one in got.patients] == ["1"]
    assert got.ratings == (("Patient/1", "possible 0.2"),)
    asked = next(one for one in app.log if one.path.endswith("$match"))
    assert asked.status == 200
    assert got.read.state is State.COMPLETE


def test_a_match_that_fails_gives_way_to_a_search_by_name() -> None:
    broken = Fault(action=Answer(status=500), path="match$", times=0)
    app = sandbox(broken, match=True)
    got = found(app, PatientQuery(family="Muster"), known=True)
    assert [one.id for one in got.patients] == ["1"]
    assert got.ratings == ()


def test_changes_alone_are_asked_for_and_merged_into_what_was_kept() -> None:
    from service.read.since import merged_reads

    app = sandbox()
    kept = pulled(app)
    since = Since.after(kept)
    assert since is not None
    app.storage.add("MedicationRequest", "new", chart()[2] | {"id": "new"}, "PUT")
    app.log.clear()
    fresh = pulled(
        app, since=dataclasses.replace(since, moment=datetime.now(UTC) - timedelta(seconds=2))
    )
    asked = [dict(one.query) for one in app.log if one.path.endswith("/MedicationRequest")]
    assert all("_lastUpdated" in one for one in asked)
    assert certificate(fresh).since is not None
    both = merged_reads(kept, fresh)
    assert ids_of(both) == {*(f"m{number}" for number in range(LINES)), "new"}
    assert certificate(both).state is State.COMPLETE
    assert both.resources == tuple(sorted(both.resources, key=lambda one: one.reference))


def test_where_changes_cannot_be_asked_for_all_is_read() -> None:
    app = sandbox(versioned=False)
    since = Since(datetime.now(UTC), frozenset(SEARCHED_TYPES))
    read = pulled(app, since=since)
    assert certificate(read).since is None
    assert len(ids_of(read)) == LINES


def test_a_server_that_drops_the_parameter_is_asked_for_everything() -> None:
    from service.sandbox.faults import SelfLink

    dropped = Fault(action=SelfLink(without=["_lastUpdated"]), type="MedicationRequest", times=0)
    app = sandbox(dropped)
    read = pulled(app, since=Since(datetime.now(UTC), frozenset(SEARCHED_TYPES)))
    assert certificate(read).since is None
    assert certificate(read).state is State.COMPLETE
    assert len(ids_of(read)) == LINES


def test_a_kept_read_that_was_not_complete_is_never_the_base_for_changes() -> None:
    broken = Fault(action=Answer(status=403), type="MedicationRequest", times=0)
    since = Since.after(pulled(sandbox(broken)))
    assert since is not None
    assert since.of("MedicationRequest") is None
    assert since.of("Observation") is not None
