"""One contract for both databases: what is kept is given back, and nothing is half kept."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from service.errors import (
    NotKept,
    ReviewStale,
    SettingsError,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from service.model.evidence import Origin, Problem
from service.model.patient import MatchGrade, PatientLink
from service.model.review import Disposition, ReviewState, Target
from service.model.source import Certificate, RawResource, Role, SourceRead, State
from service.store import (
    Store,
    audit,
    columns,
    leases,
    open_store,
    patients,
    reads,
    reports,
    reviews,
    tables,
)
from tests.store.opened import on
from tests.write.synthetic import AT, PHARMACIST, PSYCHIATRIST, decision, reviewed

DAY = date(2026, 3, 10)


async def a_patient(store: Store, number: int = 1) -> str:
    asked = {"source": "psychiatry", "reference": f"Patient/{number}"}
    async with store.transaction() as tx:
        return (await patients.ask(tx, store.key, asked, at=AT)).id


async def a_report(store: Store, patient: str, body: bytes = b"{}") -> reports.KeptReport:
    async with store.transaction() as tx:
        return await reports.keep(tx, patient, body, as_of=DAY, at=AT)


def test_the_same_question_is_the_same_patient_and_keeps_its_words_out_of_clear(
    store_url: str,
) -> None:
    async def use(store: Store) -> None:
        asked = {"identifier": "http://hospital.example/mrn|CANARY-4711"}
        async with store.transaction() as tx:
            first = await patients.ask(tx, store.key, asked, at=AT)
            again = await patients.ask(tx, store.key, asked, at=AT + timedelta(days=1))
        assert first == again
        assert first.id != await a_patient(store)
        assert "4711" not in first.id

    on(store_url, use)
    if store_url.startswith("sqlite"):
        for file in Path(store_url.removeprefix("sqlite:///")).parent.iterdir():
            assert b"CANARY-4711" not in file.read_bytes()


def test_a_report_is_given_back_byte_for_byte_on_any_day(store_url: str) -> None:
    bodies = [b'{"n": 1.50}\n', '{"n": "ä \\u00e4"}'.encode(), b'{"n":1.5}']

    async def use(store: Store) -> None:
        patient = await a_patient(store)
        kept = [await a_report(store, patient, body) for body in bodies]
        async with store.read() as look:
            for report, body in zip(kept, bodies, strict=True):
                assert (await reports.get(look, report.id)).body == body
            newest = await reports.newest(look, patient, as_of=DAY)
            assert newest == kept[-1]
            assert [e.number for e in await reports.history(look, patient)] == [3, 2, 1]
            assert await reports.newest(look, patient, as_of=DAY + timedelta(days=1)) is None

    on(store_url, use)


def test_the_same_bytes_again_are_the_same_report(store_url: str) -> None:
    async def use(store: Store) -> None:
        patient = await a_patient(store)
        assert await a_report(store, patient, b"{}") == await a_report(store, patient, b"{}")

    on(store_url, use)


def test_a_damaged_report_is_an_error_and_never_shown(store_url: str) -> None:
    async def use(store: Store) -> None:
        report = await a_report(store, await a_patient(store))
        async with store.transaction() as tx:
            await tx.execute(update(tables.reports).values(body=b"[]"))
        with pytest.raises(StoreError):
            async with store.read() as look:
                await reports.get(look, report.id)

    on(store_url, use)


def test_nothing_is_kept_of_a_transaction_that_fails(store_url: str) -> None:
    async def use(store: Store) -> None:
        patient = await a_patient(store)

        async def fail() -> None:
            async with store.transaction() as tx:
                await reports.keep(tx, patient, b"{}", as_of=DAY, at=AT)
                await audit.record(tx, PHARMACIST, "x", "y", at=AT)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        async with store.read() as look:
            assert await reports.newest(look, patient) is None
            assert await audit.rows(look) == ()

    on(store_url, use)


def test_a_read_comes_back_with_its_certificates_and_raw_bytes(store_url: str) -> None:
    read = SourceRead(
        name="psychiatry",
        role=Role.PSYCHIATRY,
        resources=(
            RawResource("Patient", "1", "3", b'{"resourceType":"Patient","id":"1"}'),
            RawResource("Observation", "2", None, b'{"v":1.50}', "STU3"),
        ),
        certificates=(
            Certificate("Patient", State.COMPLETE, count=1, pages=1, total=1),
            Certificate("Observation", State.PARTIAL, ("page 2: 410",), 1, unresolved=("x/1",)),
        ),
        reasons=("slow",),
        problems=(Problem("psychiatry", "Observation/2", "odd"),),
        read_at=AT,
        base_url="https://psy.example/fhir",
    )

    async def use(store: Store) -> None:
        patient = await a_patient(store)
        async with store.transaction() as tx:
            kept = await reads.keep(tx, patient, read, at=AT)
            later = await reads.keep(tx, patient, read, at=AT + timedelta(hours=1))
            report = await reports.keep(tx, patient, b"{}", as_of=DAY, reads=[later], at=AT)
        async with store.read() as look:
            assert await reads.load(look, kept) == read
            assert await reads.of_report(look, report.id) == (read,)
            found = await reads.resource(look, report.id, "psychiatry", "Observation/2")
            assert found == read.resources[1]
            assert await reads.last_good(look, patient, "psychiatry") is None
            assert [r.id for r in await reads.newest(look, patient)] == [later]
            with pytest.raises(NotKept):
                await reads.resource(look, report.id, "pharmacy", "Observation/2")

    on(store_url, use)


def test_the_newest_word_on_a_link_counts_and_the_earlier_ones_stay(store_url: str) -> None:
    async def use(store: Store) -> None:
        patient = await a_patient(store)
        link = PatientLink(Origin("pharmacy", "Patient/9"), MatchGrade.PROBABLE, ("name",))
        async with store.transaction() as tx:
            await patients.keep_links(tx, patient, [link], {"name": "A"}, at=AT)
            for same in (True, False):
                await patients.say_link(
                    tx, patient, "pharmacy", "Patient/9", PHARMACIST, same=same, at=AT
                )
        async with store.read() as look:
            assert await patients.links(look, patient) == (link,)
            assert await patients.holding(look, "pharmacy", "Patient/9") == ()
            word = await patients.link_word(look, patient, "pharmacy", "Patient/9")
            assert word is not None
            assert (word.number, word.same, word.by) == (2, False, PHARMACIST)
            assert (await patients.get(look, patient)).identity == {"name": "A"}

    on(store_url, use)


def test_two_decisions_on_one_version_cannot_both_be_kept(store_url: str) -> None:
    async def use(store: Store) -> None:
        patient = await a_patient(store)
        kept = await a_report(store, patient)
        opened = reviewed()
        async with store.transaction() as tx:
            review = type(opened)(
                "rv-1", patient, kept.id, kept.digest, PHARMACIST, AT, ReviewState.OPEN
            )
            await reviews.open_new(tx, review)
        made = decision(
            "m-1",
            Disposition.CHANGE,
            to=Target("50 mg", (("36437", "50", "mg"),)),
            reason="ä",
            due=DAY,
            harm=3,
            intentional=False,
        )

        async def append(number: int) -> None:
            async with store.transaction() as tx:
                await reviews.append(
                    tx, decision("m-1", Disposition.CONTINUE, number, by=PSYCHIATRIST)
                )

        async with store.transaction() as tx:
            await reviews.append(tx, made)
        outcomes = await asyncio.gather(append(2), append(2), return_exceptions=True)
        failed = [one for one in outcomes if one is not None]
        assert len(failed) == 1
        assert isinstance(failed[0], ReviewStale | StoreConflict)
        async with store.read() as look:
            found = await reviews.get(look, "rv-1")
        assert found.decisions[0] == made
        assert [one.number for one in found.decisions] == [1, 2]

    on(store_url, use)


def test_a_lease_is_held_by_one_and_a_late_holder_is_found_out(store_url: str) -> None:
    async def use(store: Store) -> None:
        async with store.transaction() as tx:
            first = await leases.acquire(tx, "x", "a", seconds=10, at=AT)
        async with store.transaction() as tx:
            assert await leases.acquire(tx, "x", "b", seconds=10, at=AT) is None
        late = AT + timedelta(seconds=11)
        async with store.transaction() as tx:
            second = await leases.acquire(tx, "x", "b", seconds=10, at=late)
        assert first is not None
        assert second is not None
        assert second > first
        with pytest.raises(StoreConflict):
            async with store.transaction() as tx:
                await leases.hold(tx, "x", first, seconds=10, at=late)
        async with store.transaction() as tx:
            await leases.hold(tx, "x", second, seconds=10, at=late)

    on(store_url, use)


def test_writers_at_the_same_time_lose_nothing(store_url: str) -> None:
    async def use(store: Store) -> None:
        async def write(number: int) -> None:
            async with store.transaction() as tx:
                await audit.record(tx, None, "act", str(number), at=AT)

        await asyncio.gather(*(write(number) for number in range(40)))
        async with store.read() as look:
            found = await audit.rows(look)
        assert sorted(int(row.subject) for row in found) == list(range(40))

    on(store_url, use)


def test_opening_twice_keeps_the_key_and_the_rows(store_url: str) -> None:
    seen: list[tuple[bytes, str]] = []

    async def use(store: Store) -> None:
        seen.append((store.key, await a_patient(store)))

    on(store_url, use)
    on(store_url, use)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("url", ["mysql://x/y", "concord.db", "", "postgresql"])
def test_an_address_of_another_kind_is_refused_in_words(url: str) -> None:
    with pytest.raises(SettingsError, match=r"store\.url"):
        asyncio.run(open_store(url))


def test_a_file_that_cannot_be_opened_is_unavailable_and_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        asyncio.run(open_store(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}"))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        columns.Instant().process_bind_param(AT.replace(tzinfo=None), None)  # type: ignore[arg-type]
