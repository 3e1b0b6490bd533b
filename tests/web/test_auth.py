"""Who may knock how often, and what the watchers of the service may read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from service import people
from service.errors import SettingsError
from service.fhir.exchange import JsonExchange, is_private_way
from service.model.review import User, UserRole
from service.settings import load
from service.web.operations import meter
from service.web.people.auth import TooManyTries
from service.web.people.tries import MOST, WITHIN, Tries
from tests.web.office import Office, in_office, report
from tests.write.synthetic import AT, finding

CANARY = "Zebulon-Canary-4711"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
IT = User("u-it", "Ira Tech", UserRole.IT)


# Tries


async def try_token(office: Office, token: str = "wrong") -> httpx.Response:
    return await office.client.post("/sign-in", data={"token": token}, headers=SAME_ORIGIN)


def test_after_too_many_failures_even_a_right_token_waits_a_minute() -> None:
    async def use(office: Office) -> None:
        for _ in range(MOST):
            assert (await try_token(office)).status_code == 303
        token = office.bearer()["Authorization"].removeprefix("Bearer ")
        waits = await try_token(office, token)
        assert waits.status_code == 429
        assert waits.headers["retry-after"] == "60"
        assert "set-cookie" not in waits.headers
        failures = [row for row in await office.audited() if row.action == "refuse-sign-in"]
        assert len(failures) == MOST
        office.later(seconds=60)
        entered = await try_token(office, token)
        assert entered.headers["location"] == "/"

    in_office(use)


def test_a_wrong_token_signs_nobody_in_and_right_ones_are_no_failures() -> None:
    async def use(office: Office) -> None:
        for _ in range(2 * MOST):
            await office.sign_in()
        office.client.cookies.clear()
        answer = await try_token(office)
        assert answer.headers["location"] == "/sign-in"
        assert (await office.client.get("/api/patients")).status_code == 401

    in_office(use)


def test_failures_of_one_place_do_not_lock_another_and_memory_stays_bounded() -> None:
    tries = Tries()
    for _ in range(MOST):
        tries.failed("a", AT)
    with pytest.raises(TooManyTries):
        tries.check("a", AT)
    tries.check("b", AT)
    tries.check("a", AT + WITHIN)
    for number in range(11_000):
        tries.failed(str(number), AT)
    assert len(tries._failed) <= 10_000


def test_the_window_slides() -> None:
    tries = Tries()
    for second in range(MOST):
        tries.failed("a", AT + timedelta(seconds=second))
    with pytest.raises(TooManyTries):
        tries.check("a", AT + timedelta(seconds=59))
    tries.check("a", AT + timedelta(seconds=60))


# Metrics and health


def samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


def value(text: str, name: str, **labels: str) -> float:
    (found,) = [s.value for s in samples(text) if s.name == name and s.labels == labels]
    return found


def test_the_metrics_count_what_is_kept() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        await office.patient(18, report(findings=[finding("f", ["m-li"])]))
        await office.empty_patient()
        await office.keep(patient, report(problems=[{"source": "", "reference": "", "what": "x"}]))
        review = await office.review(patient)
        for item, wanted in {"m-ser": "continue", "m-li": "continue", "f-dose": "accept"}.items():
            await office.decide(review, item, {"decision": wanted})
        path = f"/api/reviews/{review}/sign"
        await office.client.post(path, json={"scope": "all"}, headers=office.bearer())
        text = (await office.client.get("/metrics")).text
        assert value(text, "concord_patients") == 3
        assert value(text, "concord_reports_total") == 3
        assert value(text, "concord_findings", type="dose-mismatch", severity="high") == 2
        assert value(text, "concord_findings", type="dose-mismatch", severity="low") == 1
        assert value(text, "concord_findings_uncounted_reports") == 0
        assert value(text, "concord_jobs", kind="deliver", state="queued") == 1
        rows = await office.client.get(f"/api/reviews/{review}/deliveries", headers=office.bearer())
        planned = [row for row in rows.json()["deliveries"] if row["state"] == "planned"]
        counted = value(text, "concord_deliveries", target="psychiatry", state="planned")
        assert counted == len(planned) > 0
        signed = {"method": "POST", "route": "/api/reviews/{review}/sign", "status": "2xx"}
        assert value(text, "concord_request_seconds_count", **signed) == 1

    in_office(use)


def test_no_label_names_a_patient_a_user_or_an_address() -> None:
    async def use(office: Office) -> None:
        content = report()
        content["patient"]["name"] = CANARY
        content["medications"][0]["display"] = CANARY
        patient = await office.patient(content=content)
        for path in (f"/patients/{patient}", f"/api/{CANARY}", f"/api/patients/{CANARY}/report"):
            await office.client.get(path, headers=office.bearer())
        await office.client.request(CANARY, "/patients", headers=office.bearer())
        text = (await office.client.get("/metrics")).text
        assert CANARY not in text
        assert patient not in text
        assert not re.search(r"p-[0-9a-f]{8}|rv-|u-ph|127\.0", text)
        labels = {label for sample in samples(text) for label in sample.labels}
        assert labels <= {
            "method", "route", "status", "le", "type", "severity", "target", "state", "kind",
            "source",
        }  # fmt: skip

    in_office(use)


def test_findings_are_counted_a_few_reports_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "_AT_ONCE", 2)

    async def use(office: Office) -> None:
        for number in range(5):
            await office.patient(number, report(findings=[finding("f", ["m-li"])]))
        left = []
        for _ in range(4):
            text = (await office.client.get("/metrics")).text
            left.append(value(text, "concord_findings_uncounted_reports"))
        assert left == [3, 1, 0, 0]
        assert value(text, "concord_findings", type="dose-mismatch", severity="high") == 5

    in_office(use)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
        {"Sec-Fetch-Site": "none"},
        {"Authorization": "Bearer wrong"},
    ],
)
def test_the_metrics_are_closed_to_everybody_from_elsewhere(headers: dict[str, str]) -> None:
    async def use(office: Office) -> None:
        assert (await office.client.get("/metrics", headers=headers)).status_code in {303, 401}
        pharmacist = await office.client.get("/metrics", headers=headers | office.bearer())
        assert pharmacist.status_code == 403
        watcher = await office.client.get("/metrics", headers=headers | office.bearer(IT))
        assert watcher.status_code == 200
        token = {"Authorization": "Bearer the-metrics-token"}
        assert (await office.client.get("/metrics", headers=headers | token)).status_code == 200

    in_office(use, metrics_token="the-metrics-token")


def test_without_a_metrics_token_an_empty_one_opens_nothing() -> None:
    async def use(office: Office) -> None:
        answer = await office.client.get("/metrics", headers={"Authorization": "Bearer "})
        assert answer.status_code in {303, 401}

    in_office(use)


def test_health_says_ok_and_nothing_about_itself() -> None:
    async def use(office: Office) -> None:
        for path in ("/livez", "/readyz"):
            answer = await office.client.get(path)
            assert (answer.status_code, answer.text) == (200, "ok\n")
            assert answer.headers["content-type"].startswith("text/plain")

    in_office(use)


def test_who_is_not_ready_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dead() -> bool:
        return False

    async def use(office: Office) -> None:
        monkeypatch.setattr(office.store, "alive", dead)
        assert (await office.client.get("/readyz")).status_code == 503
        assert (await office.client.get("/livez")).status_code == 200

    in_office(use)


# Settings


def test_the_settings_build_the_ways_in(tmp_path: Path) -> None:
    file = tmp_path / "concord.toml"
    file.write_text(
        """
        [web]
        public_url = "https://concord.example/"
        [web.oidc]
        issuer = "https://login.example"
        client_id = "concord"
        client_secret = "env:OIDC_SECRET"
        role_claim = "groups"
        require_amr = ["mfa"]
        [web.oidc.roles]
        "CN=Pharmacists" = "pharmacist"
        [web.access]
        only_related = ["therapist"]
        [sources.psychiatry]
        base_url = "https://ehr.example/fhir"
        [sources.psychiatry.launch]
        client_id = "concord-launch"
        role = "psychiatrist"
        """
    )
    settings = load(file, {})

    async def use(office: Office) -> None:
        async with httpx.AsyncClient() as http:
            made = people.people(
                settings, {"OIDC_SECRET": "s"}, JsonExchange(http), b"k" * 32, lambda: AT
            )
        assert made.openid is not None
        assert made.openid.client.client_secret == "s"
        assert made.openid.client.redirect_uri == "https://concord.example/sign-in/openid/back"
        assert made.openid.user(
            {"sub": "1", "name": "P", "groups": ["CN=Pharmacists"], "amr": ["mfa"]}
        ) == User("1", "P", UserRole.PHARMACIST)
        assert made.launches is not None
        assert made.launches.of("https://ehr.example/fhir/").source == "psychiatry"
        assert made.origin == "https://concord.example"

    in_office(use)
    assert settings.web.access.only_related == (UserRole.THERAPIST,)
    assert people.public_keys(settings, {}) == {"keys": []}


def test_the_ways_in_can_be_set_by_the_environment_alone(tmp_path: Path) -> None:
    empty = tmp_path / "concord.toml"
    empty.write_text("")
    environment = {
        "CONCORD_WEB__PUBLIC_URL": "https://concord.example",
        "CONCORD_WEB__OIDC__ISSUER": "https://login.example",
        "CONCORD_WEB__OIDC__CLIENT_ID": "concord",
        "CONCORD_WEB__OIDC__REQUIRE_AMR": "mfa,hwk",
        "CONCORD_WEB__ACCESS__ONLY_RELATED": "therapist,psychiatrist",
    }
    web = load(empty, environment).web
    assert web.oidc.require_amr == ("mfa", "hwk")
    assert web.access.only_related == (UserRole.THERAPIST, UserRole.PSYCHIATRIST)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('[web.oidc]\nissuer = "https://l.example"\nclient_id = "c"', "public_url"),
        ('[web]\npublic_url = "https://c"\n[web.oidc]\nissuer = "https://l.example"', "client_id"),
        ('[web.oidc]\nclient_secret = "in clear"', "web.oidc.client_secret"),
        ('[web]\nmetrics_token = "in clear"', "web.metrics_token"),
        ('[sources.a.launch]\nclient_secret = "in clear"', "sources.a.launch.client_secret"),
        ('[sources.a.launch]\nclient_id = "c"', "public_url"),
        ('[web.access]\nonly_related = ["cook"]', "only_related"),
    ],
)
def test_a_half_said_way_in_is_refused_by_name_and_without_the_secret(
    lines: str, named: str, tmp_path: Path
) -> None:
    file = tmp_path / "concord.toml"
    file.write_text(lines)
    with pytest.raises(SettingsError) as refused:
        load(file, {})
    assert named in refused.value.message
    assert "in clear" not in refused.value.message


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("https://login.example/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://localhost/token", True),
        ("http://login.example/token", False),
        ("http://localhost.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False),
        ("ftp://localhost/", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_secrets_travel_encrypted_or_stay_on_this_machine(address: str, private: bool) -> None:
    assert is_private_way(address) is private
