"""The patient's own questions and wishes: noted, shown, printed, and taken back."""

from __future__ import annotations

import pytest

from service.store import deliveries as outbox
from tests.web.office import Office, in_office

SAME = {"Sec-Fetch-Site": "same-origin"}


async def note(office: Office, patient: str, kind: str, text: str) -> int:
    headers = office.bearer() | SAME
    data = {"kind": kind, "text": text}
    answer = await office.client.post(f"/patients/{patient}/words", data=data, headers=headers)
    return answer.status_code


def test_a_question_and_a_wish_stand_on_the_page_and_on_the_prints() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        assert await note(office, patient, "question", "Why two tablets?") == 303
        assert await note(office, patient, "preference", "No injections, please") == 303
        pages = ("", "/care", "/prints/patient-list", "/prints/comparison")
        for page in pages:
            shown = await office.client.get(f"/patients/{patient}{page}", headers=office.bearer())
            assert "Why two tablets?" in shown.text, page
            assert "No injections, please" in shown.text, page
        spanish = await office.client.get(
            f"/patients/{patient}/prints/patient-list?lang=es", headers=office.bearer()
        )
        assert "Lo que pregunté" in spanish.text
        noted = [row.action for row in await office.audited(patient)]
        assert {"note-question", "note-preference"} <= set(noted)

    in_office(use)


def test_what_is_signed_carries_them_to_the_servers_and_what_was_taken_back_stays_here() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for kind, text in (("question", "Why two tablets?"), ("preference", "Noted in error")):
            await note(office, patient, kind, text)
        await office.client.post(
            f"/patients/{patient}/words/2/back", headers=office.bearer() | SAME
        )
        review = await office.review(patient)
        for item in ("m-ser", "m-li"):
            await office.decide(review, item, {"decision": "continue"})
        await office.decide(review, "f-dose", {"decision": "accept"})
        page = await office.client.get(f"/patients/{patient}/plan", headers=office.bearer())
        assert "The patient asks: Why two tablets?" in page.text
        await office.client.post(
            f"/api/reviews/{review}/sign", json={"scope": "all"}, headers=office.bearer()
        )
        async with office.store.read() as look:
            rows = await outbox.of_review(look, review)
        (plan,) = (row.resource for row in rows if row.type == "CarePlan")
        assert [one["text"] for one in plan["note"]] == ["The patient asks: Why two tablets?"]
        assert "Noted in error" not in str([row.resource for row in rows])

    in_office(use)


def test_what_was_taken_back_is_shown_no_more_and_stays_in_the_store() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        await note(office, patient, "question", "Why two tablets?")
        path = f"/patients/{patient}/words/1/back"
        assert (await office.client.post(path, headers=office.bearer() | SAME)).status_code == 303
        page = await office.client.get(f"/patients/{patient}", headers=office.bearer())
        assert "Why two tablets?" not in page.text
        assert (await office.client.post(path, headers=office.bearer() | SAME)).status_code == 404
        async with office.store.read() as look:
            kept = (await look.exec_driver_sql("SELECT kind FROM patient_words")).all()
        assert [row.kind for row in kept] == ["question", "taken-back"]

    in_office(use)


@pytest.mark.parametrize(
    ("kind", "text"), [("question", "  "), ("question", "x" * 2001), ("order", "Give me more")]
)
def test_only_a_question_or_a_wish_in_words_is_noted(kind: str, text: str) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        assert await note(office, patient, kind, text) == 409

    in_office(use)
