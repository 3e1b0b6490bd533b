"""What holds for every answer: headers, no caching, own pages only, nothing said of patients."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import httpx
import pytest

from service import log
from service.errors import StoreUnavailable
from service.store import reports
from service.web.guard import HEADERS
from service.web.templating import assets
from tests.web.office import Office, in_office, report
from tests.write.synthetic import PHARMACIST, line, medication

CANARY = "Zebulon-Canary-4711"


def test_every_answer_carries_the_security_headers_and_is_not_cached() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for path, status in {
            "/livez": 200,
            "/readyz": 200,
            "/sign-in": 200,
            "/patients": 200,
            f"/patients/{patient}": 200,
            f"/api/patients/{patient}/report": 200,
            "/api/patients/none/report": 404,
            "/nowhere": 404,
            "/api/nowhere": 404,
        }.items():
            answer = await office.client.get(path, headers=office.bearer())
            assert answer.status_code == status, path
            assert answer.headers["cache-control"] == "no-store"
            assert len(answer.headers["x-correlation-id"]) == 16
            for name, value in HEADERS.items():
                assert answer.headers[name] == value
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "server" not in answer.headers
        style = await office.client.get(assets()["concord.css"])
        assert style.headers["cache-control"] == "max-age=31536000, immutable"
        for older in ("/static/concord.css", "/static/concord.css?v=of-another-version"):
            answer = await office.client.get(older)
            assert answer.headers["cache-control"] == "no-cache"
            seen = {"If-None-Match": answer.headers["etag"]}
            same = await office.client.get(older, headers=seen)
            assert (same.status_code, same.headers["cache-control"]) == (304, "no-cache")
        gone = await office.client.get("/static/gone.css?v=1")
        assert gone.headers["cache-control"] == "no-store"
        assert style.headers["x-content-type-options"] == "nosniff"

    in_office(use)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_a_request_for_another_host_is_refused(host: str) -> None:
    async def use(office: Office) -> None:
        headers = office.bearer() | {"Host": host}
        answer = await office.client.get("/api/patients", headers=headers)
        assert answer.status_code == 400

    in_office(use)


CROSS_SITE = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "https://127.0.0.1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
]
CHANGES = [
    ("POST", "/api/patients", {"identifier": "s|v"}),
    ("POST", "/api/patients/{patient}/links", {"record": "pharmacy:Patient/9", "same": True}),
    ("POST", "/api/patients/{patient}/reviews", None),
    ("PUT", "/api/reviews/{review}/decisions/m-li", {"decision": "continue"}),
    ("POST", "/api/reviews/{review}/sign", {"scope": "mine"}),
]


@pytest.mark.parametrize("foreign", CROSS_SITE)
@pytest.mark.parametrize(("method", "path", "wanted"), CHANGES)
def test_a_change_over_a_cookie_comes_from_our_own_pages_only(
    method: str, path: str, wanted: Any, foreign: dict[str, str]
) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        await office.decide(review, "m-ser", {"decision": "continue"})
        await office.decide(review, "f-dose", {"decision": "accept"})
        await office.sign_in()
        before = len(await office.changes())
        answer = await office.client.request(
            method,
            path.format(patient=patient, review=review),
            json=wanted,
            headers=foreign | {"If-Match": '"0"'},
        )
        assert answer.status_code == 403
        assert office.queued == []
        assert len(await office.changes()) == before

    in_office(use)


def test_the_same_change_from_our_own_page_is_made() -> None:
    async def use(office: Office) -> None:
        await office.sign_in()
        for own in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1"}):
            answer = await office.client.post(
                "/api/patients", json={"identifier": "s|v"}, headers=own
            )
            assert answer.status_code == 202

    in_office(use)


def test_no_page_changes_anything_by_being_looked_at() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for path in ("decisions/m-ser", "agree", "sign", "review"):
            answer = await office.client.get(f"/patients/{patient}/{path}", headers=office.bearer())
            assert answer.status_code in {404, 405}
        assert (await office.client.get("/sign-out", headers=office.bearer())).status_code == 405

    in_office(use)


def test_another_site_is_never_allowed_to_read_by_cors() -> None:
    async def use(office: Office) -> None:
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
        for answer in (
            await office.client.options("/api/patients", headers=headers),
            await office.client.get("/api/patients", headers=office.bearer() | headers),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control")]

    in_office(use)


def broken_by(fault: Exception) -> Any:
    async def newest(*_args: object, **_more: object) -> None:
        raise fault

    return newest


@pytest.mark.parametrize("path", ["/api/patients/{patient}/report", "/patients/{patient}"])
def test_a_fault_of_ours_tells_its_correlation_and_nothing_else(
    path: str, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        monkeypatch.setattr(reports, "newest", broken_by(KeyError(CANARY)))
        answer = await office.client.get(path.format(patient=patient), headers=office.bearer())
        assert answer.status_code == 500
        correlation = answer.headers["x-correlation-id"]
        assert correlation in answer.text
        assert CANARY not in answer.text
        assert "KeyError" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "content-security-policy" in answer.headers
        told = logged.getvalue()
        assert correlation in told
        assert "KeyError" in told
        assert CANARY not in told

    in_office(use)


def test_a_store_that_does_not_answer_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        monkeypatch.setattr(reports, "newest", broken_by(StoreUnavailable()))
        path = f"/api/patients/{patient}/report"
        answer = await office.client.get(path, headers=office.bearer())
        assert answer.status_code == 503

    in_office(use)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the service's own log says, at DEBUG."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log.configure("DEBUG")
    return written


def test_no_log_line_names_a_patient_or_what_was_written(
    logged: io.StringIO, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(office: Office) -> None:
        content = report()
        content["patient"]["name"] = f"{CANARY} Name"
        content["medications"].append(
            medication(
                "m-x", "1", f"{CANARY} drug", [line("pharmacy", 7, text=f"{CANARY} sig", sig="")]
            )
        )
        patient = await office.patient(content=content)
        headers = office.bearer()
        for path in ("/patients", f"/patients/{patient}", f"/api/patients/{patient}/report"):
            assert (await office.client.get(path, headers=headers)).status_code == 200
        review = await office.review(patient)
        for item, wanted in {
            "m-ser": {"decision": "propose-stop", "reason": f"{CANARY} reason"},
            "m-li": {"decision": "continue"},
            "m-x": {"decision": "not-sure", "assigned_to": f"{CANARY} colleague"},
            "f-dose": {"decision": "override", "reason": f"{CANARY} why"},
            "f-low": {"decision": CANARY},
        }.items():
            await office.decide(review, item, wanted)
        await office.client.post(
            "/api/patients", json={"identifier": f"mrn|{CANARY}"}, headers=headers
        )
        await office.client.post("/api/patients", content=CANARY, headers=headers)
        await office.client.get(f"/api/patients/{CANARY}/report", headers=headers)
        await office.client.get("/api/patients", params={"limit": CANARY}, headers=headers)
        await office.client.get("/patients", headers={"Authorization": f"Bearer {CANARY}"})
        signed = await office.client.post(
            f"/api/reviews/{review}/sign", json={"scope": "all"}, headers=headers
        )
        assert signed.status_code == 202, signed.text
        monkeypatch.setattr(reports, "newest", broken_by(ValueError(f"{CANARY} value")))
        broken = await office.client.get(f"/patients/{patient}", headers=headers)
        assert broken.status_code == 500

    with caplog.at_level(logging.DEBUG):
        in_office(use)
    theirs = "\n".join(
        f"{record.getMessage()} {record.exc_text or record.exc_info}" for record in caplog.records
    )
    told = logged.getvalue() + theirs
    assert "request_failed" in told
    assert CANARY not in told


def test_the_session_cookie_is_host_bound_over_https_and_strict_everywhere() -> None:
    async def over_https(office: Office) -> None:
        answer = await office.sign_in()
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-concord-session=")
        assert_cookie(cookie)
        assert "secure" in cookie.lower()

    async def on_loopback(office: Office) -> None:
        answer = await office.sign_in()
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("concord-session=")
        assert_cookie(cookie)

    in_office(over_https, base_url="https://127.0.0.1")
    in_office(on_loopback)


def assert_cookie(cookie: str) -> None:
    assert "HttpOnly" in cookie
    assert "Path=/" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "domain" not in cookie.lower()


def test_a_cookie_of_a_plain_name_is_not_believed_over_https() -> None:
    async def use(office: Office) -> None:
        answer = await office.sign_in()
        value = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=office.app), base_url="https://127.0.0.1"
        ) as other:
            plain = await other.get("/api/patients", headers={"Cookie": f"concord-session={value}"})
            bound = await other.get(
                "/api/patients", headers={"Cookie": f"__Host-concord-session={value}"}
            )
        assert plain.status_code == 401
        assert bound.status_code == 200

    in_office(use, base_url="https://127.0.0.1")


def test_the_signature_names_the_person_of_the_session() -> None:
    async def use(office: Office) -> None:
        review = await office.review(await office.patient())
        for item, wanted in {"m-ser": "continue", "m-li": "continue", "f-dose": "accept"}.items():
            await office.decide(review, item, {"decision": wanted})
        await office.sign_in(PHARMACIST)
        answer = await office.client.post(
            f"/api/reviews/{review}/sign",
            json={"scope": "all"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status_code == 202
        acts = await office.audited()
        assert [row.who for row in acts if row.action == "sign-all"] == [PHARMACIST.id]

    in_office(use)


def test_a_site_over_https_tells_browsers_to_stay_there_and_a_loopback_one_does_not() -> None:
    async def behind_a_proxy(office: Office) -> None:
        answer = await office.client.get("/sign-in")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"

    async def on_loopback(office: Office) -> None:
        answer = await office.client.get("/sign-in")
        assert "strict-transport-security" not in answer.headers

    in_office(behind_a_proxy, origin="https://concord.example")
    in_office(on_loopback)


def test_behind_a_proxy_that_speaks_https_the_cookie_and_the_own_page_are_those_of_https() -> None:
    async def use(office: Office) -> None:
        token = office.bearer()["Authorization"].removeprefix("Bearer ")
        answer = await office.client.post(
            "/sign-in", data={"token": token}, headers={"Origin": "https://concord.example"}
        )
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].startswith("__Host-concord-session=")
        foreign = await office.client.post(
            "/sign-in", data={"token": token}, headers={"Origin": "http://concord.example"}
        )
        assert foreign.status_code == 403

    in_office(use, origin="https://concord.example")
