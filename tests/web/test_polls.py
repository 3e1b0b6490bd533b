"""What an open page asks again by itself leaves no row of its own, once somebody looked."""

from __future__ import annotations

import pytest

from service.web.worklist import progress
from tests.web.office import Office, in_office

BY_ITSELF = {"X-Background": "1"}


async def rows(office: Office, patient: str) -> int:
    return len(await office.audited(patient))


@pytest.mark.parametrize("poll", ["others", "deliveries", "progress"])
def test_a_poll_after_a_look_leaves_no_row_and_one_without_a_look_does(
    poll: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LONGEST", 1)
    monkeypatch.setattr(progress, "PAUSE_S", 0)

    async def use(office: Office) -> None:
        patient = await office.patient()
        path, headers = f"/patients/{patient}/{poll}", office.bearer() | BY_ITSELF
        await office.client.get(path, headers=headers)
        assert await rows(office, patient) == 1
        await office.client.get(f"/patients/{patient}", headers=office.bearer())
        looked = await rows(office, patient)
        for _ in range(3):
            await office.client.get(path, headers=headers)
        assert await rows(office, patient) == looked
        office.later(minutes=16)
        await office.client.get(path, headers=office.bearer() | BY_ITSELF)
        assert await rows(office, patient) == looked + 1

    in_office(use)


def test_the_header_hides_no_other_look() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        headers = office.bearer() | BY_ITSELF
        for number in range(1, 4):
            await office.client.get(f"/patients/{patient}", headers=headers)
            await office.client.get(f"/patients/{patient}/care", headers=headers)
            assert await rows(office, patient) == 2 * number

    in_office(use)
