"""Every route, every role, and somebody else's patient: who may see and do what, and the trail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from service.errors import StoreUnavailable
from service.fhir.release import check
from service.model.review import User, UserRole
from service.store import access, audit
from service.web.worklist import progress
from tests.web.office import Office, in_office, report

CANARY = "Zebulon-Canary-4711"
CLINICIANS = {"pharmacist", "psychiatrist", "primary-care", "therapist"}
DECIDERS = CLINICIANS - {"therapist"}
OPERATORS = {"it", "admin"}
AUDITORS = {"admin"}
EVERYBODY = {role.value for role in UserRole}
OPEN = EVERYBODY | {"nobody"}

WHO_MAY: dict[tuple[str, str], set[str]] = {
    ("GET", "/"): OPEN,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/.well-known/jwks.json"): OPEN,
    ("GET", "/metrics"): OPERATORS | {"nobody"},  # a process of this machine, see test_auth.py
    ("GET", "/sign-in"): OPEN,
    ("GET", "/sign-in/openid"): OPEN,
    ("GET", "/sign-in/openid/back"): OPEN,
    ("GET", "/launch"): OPEN,
    ("GET", "/launch/{source}"): OPEN,
    ("GET", "/launched"): OPEN,
    ("POST", "/sign-in"): OPEN,
    ("POST", "/sign-out"): OPEN,
    ("GET", "/signed-in"): EVERYBODY,
    ("GET", "/zone"): EVERYBODY,
    ("POST", "/zone"): EVERYBODY,
    ("GET", "/openapi.json"): EVERYBODY,
    # a source proves itself by its secret, see test_notifications.py
    ("POST", "/api/notifications/{source}"): OPEN,
    ("POST", "/api/notifications/{source}/of/{patient}"): OPEN,
    ("PUT", "/api/notifications/{source}/{kind}/{item}"): OPEN,
    ("POST", "/api/notifications/{source}/{kind}/{item}"): OPEN,
    ("DELETE", "/api/notifications/{source}/{kind}/{item}"): OPEN,
    ("PUT", "/api/notifications/{source}/of/{patient}/{kind}/{item}"): OPEN,
    ("POST", "/api/notifications/{source}/of/{patient}/{kind}/{item}"): OPEN,
    ("DELETE", "/api/notifications/{source}/of/{patient}/{kind}/{item}"): OPEN,
    ("POST", "/api/patients"): DECIDERS,
    ("GET", "/api/patients"): CLINICIANS,
    ("GET", "/api/patients/{patient}/report"): CLINICIANS,
    ("GET", "/api/patients/{patient}/reports"): CLINICIANS,
    ("POST", "/api/patients/{patient}/links"): DECIDERS,
    ("POST", "/api/patients/{patient}/reviews"): DECIDERS,
    ("GET", "/api/jobs/{job}"): CLINICIANS,
    ("GET", "/api/reviews/{review}"): CLINICIANS,
    ("PUT", "/api/reviews/{review}/decisions/{item}"): DECIDERS,
    ("GET", "/api/reviews/{review}/plan"): CLINICIANS,
    ("POST", "/api/reviews/{review}/sign"): DECIDERS,
    ("GET", "/api/reviews/{review}/deliveries"): CLINICIANS,
    ("GET", "/emergency"): CLINICIANS,
    ("POST", "/emergency"): CLINICIANS,
    ("POST", "/api/break-glass"): CLINICIANS,
    ("GET", "/api/alerts"): AUDITORS,
    ("GET", "/api/audit"): AUDITORS,
    ("GET", "/api/audit/events"): AUDITORS,
    ("GET", "/api/fhir/ConceptMap/discrepancies"): EVERYBODY,
    ("GET", "/alerts"): AUDITORS,
    ("POST", "/alerts/{alert}/seen"): AUDITORS,
    ("GET", "/rules"): EVERYBODY,
    ("GET", "/rules/{category}/{rule}"): EVERYBODY,
    ("POST", "/views"): CLINICIANS,
    ("POST", "/views/forget"): CLINICIANS,
    ("POST", "/operations/sources/{source}/test"): OPERATORS,
    ("GET", "/patients"): CLINICIANS,
    ("GET", "/patients/{patient}"): CLINICIANS,
    ("POST", "/patients/{patient}/review"): DECIDERS,
    ("POST", "/patients/{patient}/decisions/{item}"): DECIDERS,
    ("POST", "/patients/{patient}/agree"): DECIDERS,
    ("POST", "/patients/{patient}/sign"): DECIDERS,
    ("POST", "/patients/{patient}/words"): DECIDERS,
    ("POST", "/patients/{patient}/words/{word}/back"): DECIDERS,
    ("GET", "/patients/{patient}/care"): CLINICIANS,
    ("GET", "/patients/{patient}/timeline"): CLINICIANS,
    ("GET", "/patients/{patient}/others"): CLINICIANS,
    ("GET", "/operations"): OPERATORS,
    ("POST", "/operations/deliveries/{delivery}/replay"): OPERATORS,
    ("GET", "/audit"): AUDITORS,
    ("GET", "/progress"): CLINICIANS,
    ("GET", "/patients/{patient}/progress"): CLINICIANS,
    ("POST", "/patients/{patient}/refresh"): DECIDERS,
    ("GET", "/patients/{patient}/deliveries"): CLINICIANS,
    ("GET", "/patients/{patient}/plan"): CLINICIANS,
    ("GET", "/patients/{patient}/resource"): CLINICIANS,
    ("GET", "/patients/{patient}/prints"): CLINICIANS,
    ("GET", "/patients/{patient}/prints/{kind}"): CLINICIANS,
    ("GET", "/patients/{patient}/list.csv"): CLINICIANS,
    ("GET", "/patients/{patient}/list.json"): CLINICIANS,
}
BODIES: dict[str, Any] = {
    "/api/patients": {"identifier": "s|v"},
    "/api/patients/{patient}/links": {"record": "pharmacy:Patient/9", "same": True},
    "/api/reviews/{review}/decisions/{item}": {"decision": "continue"},
    "/api/reviews/{review}/sign": {"scope": "mine"},
}
REFUSED = {401, 403}
PATIENTS_ROOMS = ("/patients", "/api/patients", "/api/reviews")
"""Where a route that the table does not name is still held to: looking for clinicians alone, and
changing for those who decide."""


def table(office: Office) -> dict[tuple[str, str], set[str]]:
    """Who may reach each route that there is. A route outside the table and the rooms fails."""
    found = {}
    for route in sorted(routes(office)):
        method, path = route
        assert route in WHO_MAY or path.startswith(PATIENTS_ROOMS), route
        found[route] = WHO_MAY.get(route, CLINICIANS if method == "GET" else DECIDERS)
    return found


@pytest.fixture(autouse=True)
def streams_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LONGEST", 1)
    monkeypatch.setattr(progress, "PAUSE_S", 0)


def user(role: str) -> User:
    return User(f"u-{role}", f"The {role}", UserRole(role))


def routes(office: Office) -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in opened(office.app.routes)
        for method in route.methods
        if method != "HEAD"
    }


def opened(found: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """The routes with those of included routers in their place."""
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from opened(route.original_router.routes)


def confidential() -> dict[str, Any]:
    content = report()
    content["patient"]["name"] = f"{CANARY} Name"
    for medication in content["medications"]:
        medication["display"] = f"{CANARY} {medication['display']}"
    return content


async def ask(
    office: Office, route: tuple[str, str], role: str, ids: dict[str, str]
) -> httpx.Response:
    method, path = route
    headers = {} if role == "nobody" else office.bearer(user(role))
    return await office.client.request(
        method,
        path.format_map(ids),
        json=BODIES.get(path),
        headers=headers | {"If-Match": '"0"', "Sec-Fetch-Site": "same-origin"},
    )


async def somebody(office: Office) -> dict[str, str]:
    """Ids of a patient whom the pharmacist has to do with and nobody else."""
    patient = await office.patient(content=confidential())
    async with office.store.transaction() as tx:
        await access.grant(tx, patient, "u-pharmacist", access.How.ASKED, at=office.now[0])
    review = await office.review(patient, user("pharmacist"))
    await office.client.post(
        f"/api/patients/{patient}/links",
        json={"record": "pharmacy:Patient/9", "same": True},
        headers=office.bearer(user("pharmacist")),
    )
    return {
        "patient": patient,
        "review": review,
        "item": "m-ser",
        "job": "reconcile-1",
        "kind": "comparison",
        "delivery": "none",
        "source": "psychiatry",
        "alert": "1",
        "word": "1",
        "category": "interaction",
        "rule": "none",
    }


def test_every_route_stands_in_the_table_and_names_only_ids_that_are_checked() -> None:
    known = {"patient", "review", "job", "delivery", "item", "kind", "source"}
    known |= {"alert", "word", "category", "rule"}  # numbers and names of rules, no patient

    async def use(office: Office) -> None:
        assert table(office).keys() >= WHO_MAY.keys()
        for _, path in routes(office):
            assert set(re.findall(r"{(\w+)", path)) <= known, path

    in_office(use)


@pytest.mark.parametrize("role", [*sorted(EVERYBODY), "nobody"])
def test_a_role_reaches_the_routes_of_the_table_and_no_other(role: str) -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        for route, allowed in table(office).items():
            answer = await ask(office, route, role, ids)
            if role in allowed:
                assert answer.status_code not in REFUSED, (route, role, answer.text)
            elif role == "nobody":
                signing_in = answer.headers.get("location") == "/sign-in"
                assert answer.status_code == 401 or signing_in, (route, answer.status_code)
            else:
                assert answer.status_code == 403, (route, role, answer.status_code)
            if role not in CLINICIANS:
                assert CANARY not in answer.text, route

    in_office(use)


@pytest.mark.parametrize("role", sorted(CLINICIANS - {"pharmacist"}))
def test_somebody_elses_patient_does_not_exist_for_a_confined_role(role: str) -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        unknown = dict.fromkeys(ids, "none")
        before = len(office.queued)
        for route, allowed in table(office).items():
            if role not in allowed or "{" not in route[1]:
                continue
            foreign = await ask(office, route, role, ids)
            nothing = await ask(office, route, role, unknown)
            assert foreign.status_code == nothing.status_code == 404, route
            assert without_correlation(foreign) == without_correlation(nothing), route
            assert CANARY not in foreign.text
        for path in ("/patients", "/api/patients"):
            listed = await office.client.get(path, headers=office.bearer(user(role)))
            assert listed.status_code == 200
            assert CANARY not in listed.text
            assert ids["patient"] not in listed.text
        assert len(office.queued) == before

    in_office(use, only_related=frozenset(UserRole))


def without_correlation(answer: httpx.Response) -> str:
    return answer.text.replace(answer.headers["x-correlation-id"], "")


@pytest.mark.parametrize("role", sorted(CLINICIANS))
def test_who_asked_for_a_patient_may_open_the_patient(role: str) -> None:
    async def use(office: Office) -> None:
        if role == "therapist":
            return
        asked = await office.client.post(
            "/api/patients", json={"identifier": "s|v"}, headers=office.bearer(user(role))
        )
        patient = asked.json()["id"]
        await office.keep(patient, confidential())
        path = f"/api/patients/{patient}/report"
        assert (await office.client.get(path, headers=office.bearer(user(role)))).status_code == 200
        listed = await office.client.get("/api/patients", headers=office.bearer(user(role)))
        assert [row["id"] for row in listed.json()["patients"]] == [patient]

    in_office(use, only_related=frozenset(UserRole))


def test_every_look_and_every_denied_try_leaves_one_row() -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        for role in sorted(EVERYBODY):
            for route, allowed in table(office).items():
                if allowed >= EVERYBODY:
                    continue
                before = await office.audited()
                answer = await ask(office, route, role, ids)
                new = (await office.audited())[len(before) :]
                correlation = answer.headers["x-correlation-id"]
                mine = [row for row in new if row.correlation == correlation]
                if role not in allowed:
                    assert [row.outcome for row in mine] == ["refused-role"], route
                    assert mine[0].who == f"u-{role}"
                elif route[0] == "GET":
                    assert [(row.outcome, row.who) for row in mine] == [("done", f"u-{role}")]
                    assert mine[0].action.startswith("read-")
                    if "{patient}" in route[1] or "{review}" in route[1]:
                        assert mine[0].patient == ids["patient"]
                assert CANARY not in repr(new)

    in_office(use)


@pytest.mark.parametrize("role", ["pharmacist", "it", "admin", "nobody"])
def test_no_browser_and_no_proxy_keeps_an_answer_of_any_route(role: str) -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        for route in sorted(routes(office)):
            for known in (ids, dict.fromkeys(ids, "none")):
                answer = await ask(office, route, role, known)
                assert answer.headers["cache-control"] == "no-store", (route, answer.status_code)
            other = await ask(office, ("PATCH", route[1]), role, ids)
            assert (other.status_code, other.headers["cache-control"]) == (405, "no-store"), route

    in_office(use)


def test_a_denied_look_at_somebody_elses_patient_says_whose() -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        path = f"/api/reviews/{ids['review']}/plan"
        answer = await office.client.get(path, headers=office.bearer(user("therapist")))
        assert answer.status_code == 404
        denied = [row for row in await office.audited() if row.outcome == "refused-patient"]
        assert [(row.who, row.patient) for row in denied] == [("u-therapist", ids["patient"])]

    in_office(use, only_related=frozenset({UserRole.THERAPIST}))


def test_what_cannot_be_written_down_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: object, **_more: object) -> None:
        raise StoreUnavailable

    async def use(office: Office) -> None:
        ids = await somebody(office)
        monkeypatch.setattr(audit, "record", broken)
        for path in (f"/api/patients/{ids['patient']}/report", f"/patients/{ids['patient']}"):
            answer = await office.client.get(path, headers=office.bearer(user("pharmacist")))
            assert answer.status_code == 503
            assert CANARY not in answer.text

    in_office(use)


BREAKING = {"reason_code": "emergency", "reason": f"found unconscious, {CANARY} words"}


def test_breaking_the_glass_opens_one_patient_for_hours_and_leaves_an_alert() -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        other = await office.patient(18, confidential())
        therapist, admin = office.bearer(user("therapist")), office.bearer(user("admin"))
        path = f"/api/patients/{ids['patient']}/report"
        assert (await office.client.get(path, headers=therapist)).status_code == 404
        opened = await office.client.post(
            "/api/break-glass", json={"patient": ids["patient"], **BREAKING}, headers=therapist
        )
        assert opened.status_code == 201
        assert (await office.client.get(path, headers=therapist)).status_code == 200
        assert (
            await office.client.get(f"/api/patients/{other}/report", headers=therapist)
        ).status_code == 404
        told = await office.client.get("/api/alerts", headers=admin)
        assert [(a["who"], a["patient"]) for a in told.json()["alerts"]] == [
            ("u-therapist", ids["patient"])
        ]
        assert CANARY not in told.text
        rows = [row for row in await office.audited() if row.action == "break-glass"]
        assert [(r.who, r.patient, r.outcome) for r in rows] == [
            ("u-therapist", ids["patient"], "alert")
        ]
        async with office.store.read() as look:
            (kept,) = await access.alerts(look)
        assert kept.reason == BREAKING["reason"]
        office.now[0] = kept.until
        therapist = office.bearer(user("therapist"))
        assert (await office.client.get(path, headers=therapist)).status_code == 404

    in_office(use, only_related=frozenset({UserRole.THERAPIST}))


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"reason": "too short"},
        {"reason": " " * 30},
        {"reason_code": "curiosity"},
        {"reason": ["a list of words"]},
        {"more": "x"},
    ],
)
def test_the_glass_holds_without_a_reason(wanted: dict[str, Any]) -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        body = {"patient": ids["patient"], **BREAKING, **wanted} if wanted else {}
        answer = await office.client.post(
            "/api/break-glass", json=body, headers=office.bearer(user("therapist"))
        )
        assert answer.status_code == 409
        async with office.store.read() as look:
            assert await access.alerts(look) == ()

    in_office(use, only_related=frozenset({UserRole.THERAPIST}))


def test_trying_to_open_a_patient_who_is_not_here_is_written_down() -> None:
    async def use(office: Office) -> None:
        for wanted in ("none", "psychiatry:Patient/none", CANARY):
            answer = await office.client.post(
                "/api/break-glass",
                json={"patient": wanted, **BREAKING},
                headers=office.bearer(user("therapist")),
            )
            assert answer.status_code == 404
        rows = [row for row in await office.audited() if row.action == "break-glass"]
        assert [row.outcome for row in rows] == ["refused-patient"] * 3
        assert CANARY not in repr(rows)

    in_office(use)


def test_the_trail_is_exported_as_audit_events_in_pages_without_a_word_of_the_patient() -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        admin = office.bearer(user("admin"))
        for _ in range(3):
            path = f"/api/patients/{ids['patient']}/report"
            await office.client.get(path, headers=office.bearer(user("psychiatrist")))
        seen: list[dict[str, Any]] = []
        query = {"patient_id": ids["patient"], "limit": "2", "after": "0"}
        while lines := (
            await office.client.get("/api/audit/events", params=query, headers=admin)
        ).text.splitlines():
            page = [json.loads(line) for line in lines]
            seen += page
            query["after"] = page[-1]["id"].split("-")[1]
            if page[-1]["subtype"][0]["code"] == "export-audit":
                break
        assert CANARY not in json.dumps(seen)
        codes = [one["subtype"][0]["code"] for one in seen]
        assert codes.count("read-report") == 3
        assert [problem for one in seen for problem in check(one)] == []
        assert all(
            one["entity"][0]["what"]["identifier"]["value"] == ids["patient"] for one in seen
        )

    in_office(use)


def test_the_privacy_officer_reads_who_did_what_in_pages() -> None:
    async def use(office: Office) -> None:
        ids = await somebody(office)
        admin = office.bearer(user("admin"))
        for _ in range(5):
            path = f"/api/patients/{ids['patient']}/report"
            await office.client.get(path, headers=office.bearer(user("psychiatrist")))
        query = {"patient_id": ids["patient"], "limit": "3"}
        first = (await office.client.get("/api/audit", params=query, headers=admin)).json()["rows"]
        assert [row["action"] for row in first] == ["read-report"] * 3
        assert {row["who"] for row in first} == {"u-psychiatrist"}
        query["before"] = str(first[-1]["number"])
        second = (await office.client.get("/api/audit", params=query, headers=admin)).json()["rows"]
        assert all(row["number"] < first[-1]["number"] for row in second)
        everything = await office.client.get("/api/audit", headers=admin)
        assert CANARY not in everything.text

    in_office(use)
