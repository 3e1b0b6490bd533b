"""What nobody needs any more goes, traces included; what people did stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from service.model.review import Review
from service.model.source import RawResource, Role, SourceRead, State
from service.store import Store, patients, reads, reports, reviews
from service.store.purge import purge
from service.store.tables import payloads
from tests.store.opened import on
from tests.write.synthetic import AS_OF, AT, PHARMACIST


async def reported(store: Store, number: int, at: datetime, state: State) -> reports.KeptReport:
    body = f'{{"resourceType":"Observation","id":"1","note":"{number}"}}'.encode()
    read = SourceRead(
        "psychiatry",
        Role.PSYCHIATRY,
        (RawResource("Observation", "1", str(number), body),),
        state_floor=state,
        read_at=at,
    )
    async with store.transaction() as tx:
        asked = {"source": "psychiatry", "reference": "Patient/1"}
        patient = (await patients.ask(tx, store.key, asked, at=AT)).id
        kept = await reads.keep(tx, patient, read, at=at)
        content = f'{{"n": {number}}}'.encode()
        return await reports.keep(tx, patient, content, as_of=AS_OF, reads=[kept], at=at)


def test_the_reviewed_the_newest_and_the_last_complete_stay_and_the_rest_goes(
    store_url: str,
) -> None:
    async def use(store: Store) -> None:
        days = [AT + timedelta(days=day) for day in range(5)]
        states = [State.COMPLETE] * 4 + [State.PARTIAL]
        kept = [await reported(store, n, days[n], states[n]) for n in range(5)]
        patient = kept[0].patient
        async with store.transaction() as tx:
            review = Review("rv-1", patient, kept[1].id, kept[1].digest, PHARMACIST, AT)
            await reviews.open_new(tx, review)
        assert await purge(store, before=AT + timedelta(days=30), at=AT) == (3, 2)
        async with store.read() as look:
            left = [entry.id for entry in await reports.history(look, patient)]
            assert left == [kept[4].id, kept[1].id]
            assert len(await reads.of_report(look, kept[1].id)) == 1
            assert await reads.last_good(look, patient, "psychiatry") is not None
            assert await look.scalar(select(func.count()).select_from(payloads)) == 3
        assert await purge(store, before=AT + timedelta(days=30), at=AT) == (0, 0)

    on(store_url, use)


def test_nothing_younger_goes(store_url: str) -> None:
    async def use(store: Store) -> None:
        for number in range(3):
            await reported(store, number, AT + timedelta(days=number), State.COMPLETE)
        assert await purge(store, before=AT, at=AT) == (0, 0)

    on(store_url, use)
