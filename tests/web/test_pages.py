"""The pages over the application: what two people see of each other, and what a form may say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx

from service.model.review import User
from tests.web.office import Office, in_office, report
from tests.write.synthetic import PHARMACIST, PSYCHIATRIST


async def shown(office: Office, patient: str, user: User, **query: str) -> httpx.Response:
    path = f"/patients/{patient}"
    return await office.client.get(path, params=query, headers=office.bearer(user))


async def others(office: Office, patient: str, user: User, seen: str = "") -> httpx.Response:
    answer = await office.client.get(f"/api/patients/{patient}/report", headers=office.bearer(user))
    digest = answer.headers["ETag"].strip('"')[:12]
    return await office.client.get(
        f"/patients/{patient}/others",
        params={"seen": seen, "shown": digest},
        headers=office.bearer(user),
    )


def medications() -> list[dict[str, Any]]:
    return list(report()["medications"])


def test_what_another_person_decides_appears_and_what_i_decided_does_not() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        item = medications()[0]["id"]
        assert (await others(office, patient, PSYCHIATRIST)).status_code == 204
        made = await office.decide(review, item, {"decision": "not-sure"}, PHARMACIST)
        assert made.status_code == 200, made.text
        assert (await others(office, patient, PHARMACIST)).status_code == 204
        seen = await others(office, patient, PSYCHIATRIST)
        assert seen.status_code == 200
        assert f'id="decision-{item}"' in seen.text
        assert 'hx-swap-oob="true"' in seen.text
        assert "Paula &lt;b&gt;Pharm&lt;/b&gt;" in seen.text

    in_office(use)


def test_what_was_seen_before_is_not_told_again() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        first, second = (medication["id"] for medication in medications()[:2])
        await office.decide(review, first, {"decision": "not-sure"})
        seen = office.now[0].isoformat()
        office.later(minutes=1)
        await office.decide(review, second, {"decision": "not-sure"})
        told = await others(office, patient, PSYCHIATRIST, seen)
        assert f'id="decision-{second}"' in told.text
        assert f'id="decision-{first}"' not in told.text

    in_office(use)


def test_a_newer_list_is_told_and_the_page_asks_no_more() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        answer = await office.client.get(
            f"/patients/{patient}/others",
            params={"seen": "", "shown": "an older one"},
            headers=office.bearer(),
        )
        assert "A newer list stands." in answer.text
        assert "hx-get" not in answer.text.split("</div>")[0]

    in_office(use)


def test_the_drugs_are_grouped_as_asked_and_none_is_lost() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for by in ("need", "undecided", "prescriber", "indication", "name", "nonsense"):
            page = await shown(office, patient, PHARMACIST, by=by)
            assert page.status_code == 200
            for medication in medications():
                assert page.text.count(f'<tr id="{medication["id"]}"') == 1, by

    in_office(use)


def test_the_choices_of_a_decision_stand_once_or_where_asked_for_in_every_form() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        once = (await shown(office, patient, PHARMACIST)).text
        assert once.count('<template id="fields-medication">') == 1
        assert once.count('value="propose-stop"') == 1
        assert f'<noscript><p><a href="/patients/{patient}?forms=whole">' in once
        whole = (await shown(office, patient, PHARMACIST, forms="whole")).text
        assert whole.count('value="propose-stop"') == len(medications())
        assert "<template" not in whole

    in_office(use)


def test_a_form_says_to_whom_until_when_and_what_the_patient_answers() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        item = medications()[0]["id"]
        answer = await office.client.get(f"/api/patients/{patient}/report", headers=office.bearer())
        form = {
            "report": answer.headers["ETag"], "decision": "not-sure",
            "reason": "", "assigned_to": "Dr. Marrowby", "due": "2026-12-01",
            "patient_answer": "differently",
        }  # fmt: skip
        done = await office.client.post(
            f"/patients/{patient}/decisions/{item}",
            params={"etag": '"0"'},
            data=form,
            headers=office.bearer(),
        )
        assert done.status_code == 303, done.text
        page = await shown(office, patient, PHARMACIST)
        assert "the patient takes it differently; for Dr. Marrowby until 2026-12-01" in page.text

    in_office(use)


def test_a_refused_decision_is_said_beside_its_form_and_nothing_is_kept() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        item = medications()[0]["id"]
        answer = await office.client.get(f"/api/patients/{patient}/report", headers=office.bearer())
        form = {"report": answer.headers["ETag"], "decision": "hold"}
        done = await office.client.post(
            f"/patients/{patient}/decisions/{item}",
            params={"etag": '"0"'},
            data=form,
            headers=office.bearer() | {"HX-Request": "true"},
        )
        assert 'role="alert"' in done.text
        assert "needs a reason in words" in done.text
        page = await shown(office, patient, PHARMACIST)
        assert "decided-as" not in page.text

    in_office(use)


def test_reading_again_queues_one_job_for_this_patient() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        done = await office.client.post(f"/patients/{patient}/refresh", headers=office.bearer())
        assert done.status_code == 303
        assert ("reconcile", patient) in office.queued

    in_office(use)


def test_progress_ends_at_once_where_nothing_is_under_way() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for path in ("/progress", f"/patients/{patient}/progress"):
            told = await office.client.get(path, headers=office.bearer())
            assert told.headers["content-type"].startswith("text/event-stream")
            assert told.text == "event: idle\ndata: \n\n"

    in_office(use)


def test_the_page_leads_to_the_next_patient_of_the_worklist_and_the_last_to_nobody() -> None:
    async def use(office: Office) -> None:
        people = {await office.patient(number) for number in (1, 2, 3)}
        listed = await office.client.get("/api/patients", headers=office.bearer())
        order = [one["id"] for one in listed.json()["patients"]]
        assert set(order) == people
        for here, following in pairwise(order):
            page = await shown(office, here, PHARMACIST)
            assert f'<a class="next" href="/patients/{following}">' in page.text
        assert "Next patient" not in (await shown(office, order[-1], PHARMACIST)).text

    in_office(use)
