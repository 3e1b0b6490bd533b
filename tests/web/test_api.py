"""The HTTP API as scripts see it: statuses, ETags, problems, and bytes that stay what they were."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.model.review import User, UserRole
from service.web.people.auth import Issuer
from tests.web.office import Office, in_office, parsed, report
from tests.write.synthetic import AT, DOCTOR, PHARMACIST, PSYCHIATRIST, body, finding

PROBLEM = "application/problem+json"
CANARY = "Zebulon-Canary-4711"


def is_problem(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told = parsed(answer)
    assert told["status"] == status
    assert told["detail"]
    assert CANARY not in answer.text


def test_asking_for_a_patient_queues_a_reconciliation_and_asking_again_is_the_same_patient() -> (
    None
):
    async def use(office: Office) -> None:
        for wanted in (
            {"source": "psychiatry", "reference": "Patient/17"},
            {"identifier": "http://hospital.example/mrn|4711"},
        ):
            first = await office.client.post("/api/patients", json=wanted, headers=office.bearer())
            again = await office.client.post(
                "/api/patients", json=wanted, headers=office.bearer(DOCTOR)
            )
            assert first.status_code == again.status_code == 202
            assert set(first.json()) == {"id", "job"}
            assert first.json()["id"] == again.json()["id"]
            assert ("reconcile", first.json()["id"]) in office.queued
            job = await office.client.get(
                f"/api/jobs/{first.json()['job']}", headers=office.bearer()
            )
            assert job.json()["state"] == "queued"
            assert job.json()["subject"] == first.json()["id"]

    in_office(use)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        [],
        None,
        {"source": "psychiatry"},
        {"source": "psychiatry", "reference": f"Observation/{CANARY}"},
        {"source": "psychiatry", "reference": "Patient/"},
        {"identifier": CANARY},
        {"identifier": f"|{CANARY}"},
        {"identifier": 4711},
        {"identifier": "s|v", "source": CANARY, "reference": "Patient/1"},
        {"identifier": "s|v", "more": CANARY},
        {"source": {"a": CANARY}, "reference": "Patient/1"},
    ],
)
def test_a_wrong_question_is_refused_without_repeating_it(wanted: Any) -> None:
    async def use(office: Office) -> None:
        answer = await office.client.post("/api/patients", json=wanted, headers=office.bearer())
        is_problem(answer, 422)
        assert office.queued == []

    in_office(use)


def test_a_body_that_is_no_json_is_refused() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for content in (b"", b"{", b"\xff\xfe", CANARY.encode(), b"NaN", b'{"a": ' * 5_000):
            is_problem(
                await office.client.post("/api/patients", content=content, headers=office.bearer()),
                422,
            )
            is_problem(
                await office.client.post(
                    f"/api/patients/{patient}/links", content=content, headers=office.bearer()
                ),
                422,
            )

    in_office(use)


def test_a_body_beyond_the_limit_is_refused_before_it_is_read_whole() -> None:
    async def use(office: Office) -> None:
        big = b'{"identifier": "' + b"x" * 2_000_000 + b'"}'
        is_problem(
            await office.client.post("/api/patients", content=big, headers=office.bearer()), 413
        )

        async def drip() -> Any:
            for _ in range(40):
                yield b"x" * 50_000

        is_problem(
            await office.client.post("/api/patients", content=drip(), headers=office.bearer()), 413
        )

    in_office(use)


def test_the_report_is_given_byte_for_byte_with_its_etag() -> None:
    async def use(office: Office) -> None:
        content = report()
        patient = await office.patient(content=content)
        path = f"/api/patients/{patient}/report"
        answer = await office.client.get(path, headers=office.bearer())
        assert answer.status_code == 200
        assert answer.content == body(content)
        etag = answer.headers["etag"]
        same = await office.client.get(path, headers=office.bearer() | {"If-None-Match": etag})
        assert same.status_code == 304
        assert same.content == b""
        assert same.headers["etag"] == etag
        await office.keep(patient, report(problems=[{"source": "", "reference": "", "what": "x"}]))
        newer = await office.client.get(path, headers=office.bearer() | {"If-None-Match": etag})
        assert newer.status_code == 200
        assert newer.headers["etag"] != etag

    in_office(use)


def test_before_the_first_report_the_answer_is_that_it_is_being_made() -> None:
    async def use(office: Office) -> None:
        patient = await office.empty_patient()
        answer = await office.client.get(f"/api/patients/{patient}/report", headers=office.bearer())
        assert answer.status_code == 202
        history = await office.client.get(
            f"/api/patients/{patient}/reports", headers=office.bearer()
        )
        assert history.json() == {"reports": []}

    in_office(use)


def test_earlier_reports_are_listed_and_the_one_of_a_day_is_given_as_it_was() -> None:
    async def use(office: Office) -> None:
        first = report()
        patient = await office.patient(content=first)
        office.later(hours=1)
        second = report(problems=[{"source": "", "reference": "", "what": "later"}])
        await office.keep(patient, second)
        path = f"/api/patients/{patient}/reports"
        listed = (await office.client.get(path, headers=office.bearer())).json()["reports"]
        assert [entry["number"] for entry in listed] == [2, 1]
        day = await office.client.get(path, params={"as_of": "2026-03-10"}, headers=office.bearer())
        assert day.content == body(second)
        is_problem(
            await office.client.get(path, params={"as_of": "2026-03-09"}, headers=office.bearer()),
            404,
        )
        is_problem(
            await office.client.get(path, params={"as_of": CANARY}, headers=office.bearer()), 422
        )

    in_office(use)


def test_the_worklist_comes_gravest_first_in_pages_that_join_up() -> None:
    async def use(office: Office) -> None:
        for number in range(7):
            grave = [finding("f", ["m-ser"], ("low", "high", "moderate")[number % 3])]
            await office.patient(number, report(findings=grave))
        seen: list[str] = []
        severities: list[str] = []
        cursor = ""
        while True:
            page = await office.client.get(
                "/api/patients", params={"limit": 3, "cursor": cursor}, headers=office.bearer()
            )
            rows = page.json()["patients"]
            seen += [row["id"] for row in rows]
            severities += [row["severity"] for row in rows]
            cursor = page.json()["cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 7
        assert severities == ["high"] * 2 + ["moderate"] * 2 + ["low"] * 3
        for limit in ("0", "501", CANARY):
            is_problem(
                await office.client.get(
                    "/api/patients", params={"limit": limit}, headers=office.bearer()
                ),
                422,
            )

    in_office(use)


def test_a_word_on_a_link_is_kept_and_a_new_report_is_made() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        path = f"/api/patients/{patient}/links"
        answer = await office.client.post(
            path, json={"record": "pharmacy:Patient/9", "same": True}, headers=office.bearer()
        )
        assert answer.status_code == 202
        assert office.queued == [("reconcile", patient)]
        for wanted in (
            {"record": "pharmacy:Patient/9"},
            {"record": "pharmacy:Patient/9", "same": "yes"},
            {"record": CANARY, "same": True},
            {"record": 9, "same": True},
        ):
            is_problem(await office.client.post(path, json=wanted, headers=office.bearer()), 422)
        is_problem(
            await office.client.post(
                f"/api/patients/{CANARY}/links",
                json={"record": "pharmacy:Patient/9", "same": True},
                headers=office.bearer(),
            ),
            404,
        )

    in_office(use)


def test_a_review_opens_only_with_the_etag_of_the_newest_report() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        path = f"/api/patients/{patient}/reviews"
        is_problem(await office.client.post(path, headers=office.bearer()), 428)
        stale = office.bearer() | {"If-Match": f'"{CANARY}"'}
        is_problem(await office.client.post(path, headers=stale), 412)
        assert (await office.review(patient)) == (await office.review(patient, PSYCHIATRIST))

    in_office(use)


def test_a_decision_needs_its_own_etag_and_two_people_never_overwrite_each_other() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        path = f"/api/reviews/{review}/decisions/m-ser"
        wanted = {"decision": "continue", "patient_answer": "taking"}
        is_problem(await office.client.put(path, json=wanted, headers=office.bearer()), 428)
        first = await office.client.put(
            path, json=wanted, headers=office.bearer() | {"If-Match": '"0"'}
        )
        assert first.status_code == 200
        assert first.headers["etag"] == '"1"'
        late = office.bearer(PSYCHIATRIST) | {"If-Match": '"0"'}
        is_problem(await office.client.put(path, json=wanted, headers=late), 412)
        seen = office.bearer(PSYCHIATRIST) | {"If-Match": '"1"'}
        back = await office.client.put(path, json={"decision": "undecided"}, headers=seen)
        assert back.headers["etag"] == '"2"'
        state = await office.client.get(f"/api/reviews/{review}", headers=office.bearer())
        assert "m-ser" not in state.json()["decisions"]
        assert state.json()["etags"]["m-ser"] == '"2"'

    in_office(use)


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        ("m-ser", {"decision": "accept"}),
        ("m-ser", {"decision": "change", "reason": "x"}),
        ("m-ser", {"decision": "propose-stop"}),
        ("m-ser", {"decision": CANARY}),
        ("m-ser", {"decision": "continue", CANARY: 1}),
        ("m-ser", {"decision": "continue", "harm": 9}),
        ("m-ser", {"decision": "continue", "patient_answer": CANARY}),
        ("f-dose", {"decision": "override"}),
        ("f-dose", {"decision": "defer"}),
        ("f-dose", {"decision": "defer", "due": CANARY}),
        (CANARY, {"decision": "continue"}),
    ],
)
def test_a_decision_that_is_not_allowed_answers_409_and_leaves_nothing(
    item: str, wanted: dict[str, Any]
) -> None:
    async def use(office: Office) -> None:
        review = await office.review(await office.patient())
        path = f"/api/reviews/{review}/decisions/{item}"
        headers = office.bearer() | {"If-Match": '"0"'}
        is_problem(await office.client.put(path, json=wanted, headers=headers), 409)
        state = await office.client.get(f"/api/reviews/{review}", headers=office.bearer())
        assert state.json()["decisions"] == {}

    in_office(use)


def test_signing_names_the_undecided_and_then_queues_what_the_plan_showed() -> None:
    async def use(office: Office) -> None:
        review = await office.review(await office.patient())
        path = f"/api/reviews/{review}/sign"
        for item, wanted in {"m-ser": "continue", "m-li": "continue"}.items():
            assert (await office.decide(review, item, {"decision": wanted})).status_code == 200
        refused = await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
        is_problem(refused, 409)
        assert refused.json()["items"] == ["f-dose"]
        assert office.queued == []
        for scope in ("everything", None, CANARY):
            is_problem(
                await office.client.post(path, json={"scope": scope}, headers=office.bearer()), 422
            )
        await office.decide(review, "f-dose", {"decision": "accept"})
        planned = await office.client.get(f"/api/reviews/{review}/plan", headers=office.bearer())
        signed = await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
        assert signed.status_code == 202
        assert office.queued == [("deliver", signed.json()["signature"])]
        rows = (
            await office.client.get(f"/api/reviews/{review}/deliveries", headers=office.bearer())
        ).json()["deliveries"]
        shown = [
            entry["resource"]["resourceType"]
            for target in planned.json()["targets"]
            for entry in target["bundle"]["entry"]
        ]
        assert sorted(row["type"] for row in rows if row["state"] == "planned") == sorted(shown)
        is_problem(
            await office.client.post(path, json={"scope": "all"}, headers=office.bearer()), 409
        )

    in_office(use)


def test_stopping_lithium_takes_two_people_and_one_of_them_twice_is_not_two() -> None:
    async def use(office: Office) -> None:
        review = await office.review(await office.patient())
        stop = {"decision": "propose-stop", "reason": "level too high"}
        await office.decide(review, "m-ser", {"decision": "continue"})
        await office.decide(review, "f-dose", {"decision": "accept"})
        path = f"/api/reviews/{review}/sign"
        for person in (PHARMACIST, PHARMACIST):
            assert (await office.decide(review, "m-li", stop, person)).status_code == 200
            alone = await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
            is_problem(alone, 409)
            assert alone.json()["items"] == ["m-li"]
        assert office.queued == []
        assert (await office.decide(review, "m-li", stop, PSYCHIATRIST)).status_code == 200
        both = await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
        assert both.status_code == 202

    in_office(use)


INJECTIONS = [
    "' OR 1=1 --",
    '"; DROP TABLE reports; --',
    "1; SELECT pg_sleep(5)",
    "%27%20OR%20%271%27=%271",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%0d%0aSet-Cookie:%20a=b",
    "%00",
    "{{7*7}}",
    "${7*7}",
    "\u202e" + "abc",
]


@pytest.mark.parametrize("injected", INJECTIONS)
def test_an_injected_id_or_parameter_is_only_an_unknown_one(injected: str) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        safe = injected if "%" in injected else quote(injected, safe="")
        for path in (
            f"/api/patients/{safe}/report",
            f"/api/reviews/{safe}",
            f"/api/jobs/{safe}",
            f"/patients/{safe}",
            f"/patients/{patient}/resource?source={safe}&reference={safe}",
            f"/patients/{patient}/prints/letter?to={safe}",
        ):
            answer = await office.client.get(path, headers=office.bearer())
            assert answer.status_code == 404, path
            assert "set-cookie" not in answer.headers
            assert "49" not in answer.text.partition("<main")[2].partition("</main>")[0]
        listed = await office.client.get(
            "/api/patients", params={"cursor": injected}, headers=office.bearer()
        )
        assert listed.status_code == 200
        kept = await office.client.get(f"/api/patients/{patient}/report", headers=office.bearer())
        assert kept.status_code == 200

    in_office(use)


def test_a_newer_report_makes_an_open_review_stale() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        await office.decide(review, "m-ser", {"decision": "continue"})
        await office.keep(patient, report(findings=[]))
        path = f"/api/reviews/{review}/sign"
        is_problem(
            await office.client.post(path, json={"scope": "mine"}, headers=office.bearer()), 412
        )

    in_office(use)


API = [
    ("POST", "/api/patients"),
    ("GET", "/api/patients"),
    ("GET", "/api/patients/{patient}/report"),
    ("GET", "/api/patients/{patient}/reports"),
    ("POST", "/api/patients/{patient}/links"),
    ("POST", "/api/patients/{patient}/reviews"),
    ("GET", "/api/jobs/{job}"),
    ("GET", "/api/reviews/{review}"),
    ("PUT", "/api/reviews/{review}/decisions/{item}"),
    ("GET", "/api/reviews/{review}/plan"),
    ("POST", "/api/reviews/{review}/sign"),
    ("GET", "/api/reviews/{review}/deliveries"),
]


@pytest.mark.parametrize(("method", "path"), API)
def test_without_a_valid_token_every_route_answers_401_whether_the_thing_exists_or_not(
    method: str, path: str
) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        known = {"patient": patient, "review": review, "item": "m-ser", "job": "reconcile-1"}
        unknown = dict.fromkeys(known, CANARY)
        expired = office.bearer()
        office.later(hours=1, seconds=1)
        foreign = Issuer(b"another key of thirty-two bytes!", lambda: AT).token(PHARMACIST)
        header, claims, _ = Issuer(office.store.key, lambda: AT).token(PHARMACIST).split(".")
        for headers in (
            {},
            {"Authorization": "Bearer"},
            {"Authorization": f"Bearer {CANARY}"},
            {"Authorization": f"Basic {CANARY}"},
            {"Authorization": f"Bearer {foreign}"},
            {"Authorization": f"Bearer {header}.{claims}."},
            {"Authorization": f"Bearer eyJhbGciOiJub25lIn0.{claims}."},
            expired,
        ):
            for ids in (known, unknown):
                answer = await office.client.request(
                    method, path.format(**ids), json={}, headers=headers
                )
                is_problem(answer, 401)
                assert answer.headers["www-authenticate"] == "Bearer"

    in_office(use)


@pytest.mark.parametrize(
    ("method", "path"), [(m, p) for m, p in API if "{" in p and "{item}" not in p]
)
def test_an_id_that_nothing_is_kept_under_answers_404(method: str, path: str) -> None:
    async def use(office: Office) -> None:
        ids = dict.fromkeys(("patient", "review", "job"), CANARY)
        wanted = {"record": "pharmacy:Patient/9", "same": True}
        if path.endswith("/sign"):
            wanted = {"scope": "all"}
        headers = office.bearer() | {"If-Match": '"0"'}
        answer = await office.client.request(
            method, path.format(**ids), json=wanted, headers=headers
        )
        is_problem(answer, 404)

    in_office(use)


def test_an_unknown_route_and_a_wrong_method_are_problems_too() -> None:
    async def use(office: Office) -> None:
        is_problem(await office.client.get(f"/api/{CANARY}", headers=office.bearer()), 404)
        is_problem(await office.client.delete("/api/patients", headers=office.bearer()), 405)

    in_office(use)


KEYS = ["identifier", "source", "reference", "record", "same", "scope", "decision", "to", "text"]
KEYS += ["daily_doses", "reason", "reason_code", "harm", "due", "intentional", "assigned_to"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
segments = st.text(
    st.characters(codec="utf-8", exclude_characters="/?#\\"), min_size=1, max_size=12
).filter(lambda text: text.strip(".") != "")
requests = st.tuples(
    st.sampled_from(API), json_values, segments, st.booleans(), st.text(max_size=9)
)


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.lists(requests, min_size=8, max_size=12))
def test_whatever_is_sent_the_answer_is_never_a_fault_of_ours(sent: list[Any]) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        known = {"patient": patient, "review": review, "item": "m-ser", "job": "reconcile-1"}
        for (method, path), content, segment, right, query in sent:
            ids = known if right else dict.fromkeys(known, quote(segment, safe=""))
            answer = await office.client.request(
                method,
                path.format(**ids),
                content=json.dumps(content).encode("utf-8", "surrogatepass"),
                params={"as_of": query, "cursor": query, "scope": query} if query else None,
                headers=office.bearer() | {"If-Match": '"0"'},
            )
            assert answer.status_code < 500, (method, path, content)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == PROBLEM

    in_office(use)


def test_the_description_of_the_api_is_for_people_who_are_signed_in() -> None:
    async def use(office: Office) -> None:
        assert (await office.client.get("/openapi.json")).status_code in {303, 401}
        told = await office.client.get("/openapi.json", headers=office.bearer())
        paths = told.json()["paths"]
        assert {(m.upper(), p) for p in paths for m in paths[p]} >= set(API)
        for path in ("/docs", "/redoc"):
            assert (await office.client.get(path, headers=office.bearer())).status_code == 404

    in_office(use)


def test_a_token_ends_after_an_hour() -> None:
    async def use(office: Office) -> None:
        token = office.bearer(User("u", "U", UserRole.PHARMACIST))
        office.now[0] += timedelta(minutes=59, seconds=59)
        assert (await office.client.get("/api/patients", headers=token)).status_code == 200
        office.later(seconds=1)
        is_problem(await office.client.get("/api/patients", headers=token), 401)

    in_office(use)
