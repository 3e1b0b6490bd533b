"""What patients are found by rests as words that tell nothing, and is found all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from service.errors import StoreError
from service.model.finding import Severity
from service.store import Store, patients, reports, worklist
from service.store.backup import backup, restore
from service.store.hidden import MARK, Words
from service.store.rekey import rekey
from service.store.rule_use import rule_use
from service.store.terms import Wanted, choices
from service.store.vault import key_ring, new_key
from tests.store.opened import on
from tests.write.synthetic import AS_OF, AT

(KEY,) = key_ring(new_key())
DRUG, RULE, DOCTOR = "clozapine", "monitoring/clozapine-neutrophils", "Dr. Halima Brackenridge"
SAID = {("drug", DRUG), ("rule", RULE), ("clinician", DOCTOR)}


def listed(number: int) -> Callable[[Store], Awaitable[None]]:
    """Puts one more patient who takes clozapine on the worklist."""

    async def put(store: Store) -> None:
        async with store.transaction() as tx:
            asked = {"identifier": f"http://hospital.example/mrn|{number}"}
            patient = await patients.ask(tx, store.key, asked, at=AT)
            kept = await reports.keep(tx, patient.id, b"{}", as_of=AS_OF, at=AT)
            row = worklist.WorklistRow(
                patient=patient.id,
                report=kept.id,
                severity=Severity.HIGH,
                urgent=False,
                next_visit="",
                waiting_since=AT,
                high=1,
                moderate=0,
                low=0,
                not_evaluable=0,
                incomplete_sources=0,
                sort=f"1|{patient.id}",
                terms=tuple(SAID),
            )
            await worklist.put(tx, row, key=store.key)

    return put


async def rests(store: Store) -> set[str]:
    async with store.read() as look:
        found = await look.exec_driver_sql("SELECT term FROM worklist_terms")
        return set(found.scalars())


async def found(store: Store) -> tuple[int, int, int]:
    """How many are found by the drug, how many the menu says, and for how many the rule speaks."""
    async with store.read() as look:
        rows, _ = await worklist.page(look, wanted=Wanted(drug=DRUG), key=store.key)
        menu = dict((await choices(look))["drug"])
        return len(rows), menu[DRUG], (await rule_use(look))[RULE].patients


def test_a_drug_a_rule_and_a_clinician_do_not_rest_in_clear(store_url: str) -> None:
    async def use(store: Store) -> None:
        assert await found(store) == (1, 1, 1)
        resting = await rests(store)
        assert len(resting) == len(SAID)
        assert all(word.startswith(MARK) for word in resting)

    on(store_url, listed(1), (KEY,))
    on(store_url, use, (KEY,))


def test_rows_from_before_there_was_a_key_are_found_too_and_rekey_hides_them(
    store_url: str,
) -> None:
    async def use(store: Store) -> None:
        assert await found(store) == (2, 2, 2)
        assert DRUG in await rests(store)
        await rekey(store)
        assert all(word.startswith(MARK) for word in await rests(store))
        assert await found(store) == (2, 2, 2)

    on(store_url, listed(1))
    on(store_url, listed(2), (KEY,))
    on(store_url, use, (KEY,))


def test_a_backup_keeps_words_hidden_and_a_restored_store_finds_them(
    new_store: Callable[[], str], tmp_path: Path
) -> None:
    file = tmp_path / "backup.gz"

    async def take(store: Store) -> None:
        await listed(1)(store)
        await backup(store, file)

    async def give(store: Store) -> None:
        await restore(store, file)
        assert await found(store) == (1, 1, 1)
        assert all(word.startswith(MARK) for word in await rests(store))

    on(new_store(), take, (KEY,))
    on(new_store(), give, (KEY,))


def test_equal_words_rest_alike_and_one_changed_letter_is_found_out() -> None:
    words = Words(b"k" * 32)
    hidden = words.hide(DRUG)
    assert hidden == words.hide(DRUG) != Words(b"x" * 32).hide(DRUG)
    assert words.show(hidden) == DRUG
    for broken in (hidden[:-2] + "AA", MARK + "?", hidden[:10]):
        with pytest.raises(StoreError):
            words.show(broken)
    with pytest.raises(StoreError):
        Words().show(hidden)
