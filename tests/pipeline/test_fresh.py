"""Each reading starts from the one before: fewer questions, the same answers, and doubt is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from service.errors import StoreConflict
from service.model.source import State
from service.pipeline.fresh import Ages, Reading
from service.pipeline.keeping import keep
from service.pipeline.reread import read_again
from service.store import patients, reads
from tests.patients.golden import AS_OF
from tests.pipeline.fresh_ward import LITHIUM, FreshWard, in_fresh_ward, order, person
from tests.pipeline.wards import knowledge
from tests.write.synthetic import PHARMACIST


def drugs(body: bytes) -> set[str]:
    return {i["name"] for m in json.loads(body)["medications"] for i in m["ingredients"]}


def states(body: bytes) -> dict[str, str]:
    return {one["name"]: one["state"] for one in json.loads(body)["sources"]}


async def questions(ward: FreshWard, source: str) -> list[tuple[str, dict[str, str]]]:
    return [(one.path, dict(one.query)) for one in ward.servers[source].log]


def test_a_known_record_is_read_in_one_round_trip_and_nobody_is_looked_for() -> None:
    async def use(ward: FreshWard) -> None:
        for server in ward.servers.values():
            server.log.clear()
        await ward.read()
        assert ward.rounds == {"pharmacy": 1, "psychiatry": 1}
        for name in ward.servers:
            paths = [path for path, _ in await questions(ward, name)]
            assert "/fhir/Patient/p1" in paths
            assert not [path for path in paths if path.endswith(("/Patient", "_search", "$match"))]

    in_fresh_ward(use)


def test_the_people_whom_lines_refer_to_are_read_beside_them_when_they_are_known() -> None:
    async def use(ward: FreshWard) -> None:
        people = [{"resourceType": "Practitioner", "id": f"d{n}"} for n in range(3)]
        for one in (*people, {"resourceType": "Organization", "id": "o"}):
            ward.put("psychiatry", one)
        ward.put("psychiatry", order("a", 1, requester={"reference": "Practitioner/d0"}))
        ward.put("psychiatry", order("b", 1, requester={"reference": "Practitioner/d1"}))
        ward.put("psychiatry", order("c", 1, requester={"reference": "Organization/o"}))
        await ward.read()
        ward.forget()
        await ward.read()
        assert ward.rounds["psychiatry"] == 1
        ward.put("psychiatry", order("b", 1, requester={"reference": "Practitioner/d2"}))
        ward.later(hours=1)
        await ward.read()
        row = (await ward.rows())["psychiatry"]
        async with ward.store.read() as look:
            kept = await reads.load(look, row.read or "")
        found = {one.reference for one in kept.resources if one.type == "Practitioner"}
        assert found == {"Practitioner/d0", "Practitioner/d2"}
        assert kept.state is State.COMPLETE

    in_fresh_ward(use)


def test_a_changed_drug_or_person_behind_an_unchanged_line_is_noticed_in_the_same_round_trip() -> (
    None
):
    async def use(ward: FreshWard) -> None:
        drug = {
            "resourceType": "Medication",
            "id": "m",
            "code": {
                "coding": [
                    {
                        "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                        "code": "312940",
                        "display": "sertraline 25 MG Oral Tablet",
                    }
                ]
            },
        }
        line = order("by-reference", 1, requester={"reference": "Practitioner/d"})
        del line["medicationCodeableConcept"]
        for one in (
            drug,
            {"resourceType": "Practitioner", "id": "d", "name": [{"family": "Before"}]},
            line | {"medicationReference": {"reference": "Medication/m"}},
        ):
            ward.put("psychiatry", one)
        await ward.read()
        ward.later(hours=1)
        coding = {**drug["code"]["coding"][0], "code": "197889"}  # type: ignore[index]
        lithium = coding | {"display": "lithium carbonate 300 MG Oral Capsule"}
        ward.put("psychiatry", drug | {"code": {"coding": [lithium]}})
        ward.later(minutes=1)
        ward.forget()
        ward.servers["psychiatry"].log.clear()
        done = await ward.changes()
        assert ward.rounds["psychiatry"] == 1
        assert done.made
        assert "lithium" in drugs(done.report.body)
        about = [(p, q) for p, q in await questions(ward, "psychiatry") if "_id" in q]
        assert sorted(path.rsplit("/", 1)[1] for path, _ in about) == ["Medication", "Practitioner"]
        assert all("_lastUpdated" in query for _, query in about)
        ward.later(hours=1)
        ward.put(
            "psychiatry", {"resourceType": "Practitioner", "id": "d", "name": [{"family": "A"}]}
        )
        ward.later(minutes=1)
        await ward.changes()
        row = (await ward.rows())["psychiatry"]
        async with ward.store.read() as look:
            kept = await reads.load(look, row.read or "")
        (person_,) = (one for one in kept.resources if one.type == "Practitioner")
        assert json.loads(person_.body)["name"] == [{"family": "A"}]
        assert kept.state is State.COMPLETE

    in_fresh_ward(use)


def test_a_first_reading_finds_the_person_and_a_later_full_compare_does_so_again() -> None:
    async def use(ward: FreshWard) -> None:
        await ward.read()
        assert ward.rounds["pharmacy"] > 1
        first = dict(ward.rounds)
        ward.later(hours=25)
        ward.forget()
        await ward.changes()
        assert (await ward.rows())["pharmacy"].full_at == ward.now[0]
        assert 1 < ward.rounds["pharmacy"] <= first["pharmacy"]

    in_fresh_ward(use, read=False)


def test_changes_alone_are_asked_for_and_the_list_is_the_same_as_by_reading_all() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=1)
        ward.put("psychiatry", order("new", 1, LITHIUM))
        for server in ward.servers.values():
            server.log.clear()
        ward.later(minutes=1)
        done = await ward.changes()
        assert done.made
        searches = [q for path, q in await questions(ward, "psychiatry") if "patient" in q]
        assert searches
        assert all("_lastUpdated" in query for query in searches)
        assert drugs(done.report.body) == {"sertraline", "lithium"}
        whole = await ward.read()
        assert drugs(whole.report.body) == {"sertraline", "lithium"}
        assert states(done.report.body) == {"pharmacy": "complete", "psychiatry": "complete"}

    in_fresh_ward(use)


def test_a_reading_that_tells_nothing_new_makes_no_report_and_keeps_nothing_twice() -> None:
    async def use(ward: FreshWard) -> None:
        kept = {name: row.read for name, row in (await ward.rows()).items()}
        for hours in range(1, 5):
            ward.later(hours=1)
            done = await ward.changes()
            assert not done.made, hours
            assert done.silent == frozenset()
        rows = await ward.rows()
        assert {name: row.read for name, row in rows.items()} == kept
        assert all(row.seen_at == ward.now[0] for row in rows.values())
        assert len(await ward.history()) == 1
        assert all(
            row.watermark and row.watermark > ward.now[0] - timedelta(hours=1)
            for row in rows.values()
        )

    in_fresh_ward(use)


def test_only_the_source_that_is_due_is_asked() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=1)
        ward.put("psychiatry", order("new", 1, LITHIUM))
        done = await ward.changes("psychiatry")
        assert drugs(done.report.body) == {"sertraline", "lithium"}
        assert ward.lines["pharmacy"].requests == 0
        assert states(done.report.body) == {"pharmacy": "complete", "psychiatry": "complete"}
        records = json.loads(done.report.body)["patient"]["records"]
        assert [one["grade"] for one in records] == ["certain", "certain"]
        assert json.loads(done.report.body)["patient"]["name"]

    in_fresh_ward(use)


def test_what_was_deleted_is_found_by_the_full_compare() -> None:
    async def use(ward: FreshWard) -> None:
        ward.put("psychiatry", order("new", 1, LITHIUM))
        await ward.read()
        ward.later(minutes=30)
        ward.servers["psychiatry"].storage.delete("MedicationRequest", "new")
        await ward.changes()
        assert drugs(await ward.newest()) == {"sertraline", "lithium"}
        ward.later(hours=24)
        done = await ward.changes()
        assert done.made
        assert drugs(done.report.body) == {"sertraline"}

    in_fresh_ward(use)


def test_a_change_without_a_new_stamp_is_found_by_the_full_compare() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=1)
        long_ago = {"lastUpdated": "2026-01-01T00:00:00Z"}
        ward.servers["psychiatry"].load([order("new", 1, LITHIUM) | {"meta": long_ago}])
        await ward.changes()
        assert drugs(await ward.newest()) == {"sertraline"}
        ward.later(hours=24)
        await ward.changes()
        assert drugs(await ward.newest()) == {"sertraline", "lithium"}

    in_fresh_ward(use)


def test_a_server_without_stamps_is_read_whole_every_time() -> None:
    async def use(ward: FreshWard) -> None:
        ward.put("psychiatry", order("new", 1, LITHIUM))
        await ward.read()
        ward.servers["psychiatry"].storage.delete("MedicationRequest", "new")
        ward.later(hours=1)
        done = await ward.changes()
        assert drugs(done.report.body) == {"sertraline"}

    in_fresh_ward(use, versioned=False)


def test_a_record_that_says_somebody_else_is_looked_for_again() -> None:
    async def use(ward: FreshWard) -> None:
        somebody = person(1, name=[{"family": "Other", "given": ["Bo"]}], birthDate="1951-01-01")
        somebody["identifier"] = [{"system": "https://example.org/mrn", "value": "T-99999"}]
        ward.later(hours=1)
        ward.put("pharmacy", somebody | {"gender": "male"})
        done = await ward.changes()
        assert done.made
        assert states(done.report.body)["pharmacy"] == "unavailable"
        records = json.loads(done.report.body)["patient"]["records"]
        assert [one["source"] for one in records] == ["psychiatry"]
        again = await ward.changes()
        assert states(again.report.body)["pharmacy"] == "unavailable"

    in_fresh_ward(use)


def test_a_merged_record_is_followed_to_the_one_that_replaced_it() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=1)
        link = [{"other": {"reference": "Patient/p1b"}, "type": "replaced-by"}]
        ward.put("pharmacy", person(1, active=False, link=link))
        ward.put("pharmacy", person(1) | {"id": "p1b"})
        moved = order("moved", 1, LITHIUM) | {"subject": {"reference": "Patient/p1b"}}
        ward.put("pharmacy", moved)
        done = await ward.changes("pharmacy")
        assert drugs(done.report.body) == {"sertraline", "lithium"}
        records = {one["reference"] for one in json.loads(done.report.body)["patient"]["records"]}
        assert "Patient/p1b" in records

    in_fresh_ward(use)


def test_a_record_that_is_gone_is_looked_for_again_and_never_shown_as_if_it_stood() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=1)
        ward.servers["pharmacy"].storage.delete("Patient", "p1")
        done = await ward.changes()
        assert states(done.report.body)["pharmacy"] == "unavailable"

    in_fresh_ward(use)


def test_a_persons_word_against_a_record_is_obeyed_though_its_source_is_silent() -> None:
    async def use(ward: FreshWard) -> None:
        async with ward.store.transaction() as tx:
            await patients.say_link(
                tx, ward.patient, "pharmacy", "Patient/p1", PHARMACIST, same=False, at=ward.now[0]
            )
        for down in (False, True):
            ward.lines["pharmacy"].down = down
            body = (await ward.read()).report.body
            assert states(body)["pharmacy"] == "unavailable"
            lines = [x for m in json.loads(body)["medications"] for x in m["lines"]]
            assert {line["source"] for line in lines} == {"psychiatry"}

    in_fresh_ward(use)


def test_a_source_that_is_silent_for_a_moment_stands_and_becomes_stale_when_that_lasts() -> None:
    async def use(ward: FreshWard) -> None:
        ward.lines["pharmacy"].down = True
        ward.later(hours=1)
        done = await ward.changes()
        assert done.silent == {"pharmacy"}
        assert not done.made
        ward.later(hours=5)
        done = await ward.changes()
        assert done.made
        assert states(done.report.body) == {"pharmacy": "stale", "psychiatry": "complete"}
        assert drugs(done.report.body) == {"sertraline"}
        ward.later(hours=1)
        assert not (await ward.changes()).made
        ward.lines["pharmacy"].down = False
        done = await ward.changes()
        assert states(done.report.body)["pharmacy"] == "complete"

    def short(ward: FreshWard) -> Any:
        ward.ages = Ages(full=timedelta(hours=24), stale=timedelta(hours=4))
        return use(ward)

    in_fresh_ward(short)


def test_a_source_that_is_not_asked_for_long_is_shown_as_stale() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=20)
        await ward.changes("psychiatry")
        ward.later(hours=5)
        done = await ward.changes("psychiatry")
        assert states(done.report.body) == {"pharmacy": "stale", "psychiatry": "complete"}
        assert ward.lines["pharmacy"].requests == 0

    in_fresh_ward(use)


def test_when_a_person_asks_a_silent_source_is_said_to_be_stale_at_once() -> None:
    async def use(ward: FreshWard) -> None:
        ward.lines["pharmacy"].down = True
        assert states((await ward.read()).report.body)["pharmacy"] == "stale"

    in_fresh_ward(use)


def test_what_a_reading_was_built_on_must_still_stand_when_it_is_kept() -> None:
    async def use(ward: FreshWard) -> None:
        slow = await read_again(
            ward.store,
            ward.readers,
            knowledge(),
            ward.patient,
            as_of=AS_OF,
            today=ward.now[0].date(),
            at=ward.now[0],
            reading=Reading(by_itself=True),
        )
        ward.put("psychiatry", order("new", 1, LITHIUM))
        await ward.read()
        with pytest.raises(StoreConflict):
            await keep(ward.store, ward.patient, slow, as_of=AS_OF, at=ward.now[0])
        assert drugs(await ward.newest()) == {"sertraline", "lithium"}

    in_fresh_ward(use)


def test_a_kept_read_knows_from_when_on_changes_are_enough() -> None:
    async def use(ward: FreshWard) -> None:
        ward.later(hours=1)
        ward.put("psychiatry", order("new", 1, LITHIUM))
        await ward.changes("psychiatry")
        row = (await ward.rows())["psychiatry"]
        async with ward.store.read() as look:
            kept = await reads.load(look, row.read or "")
        assert kept.watermark == row.watermark
        assert {one.since is None for one in kept.certificates if one.pages} == {False}
        assert kept.state is State.COMPLETE

    in_fresh_ward(use)
