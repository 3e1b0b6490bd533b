"""SMART App Launch: an EHR opens its own patient here, and nobody else opens anything."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.model.review import UserRole
from tests.web.at_provider import at_provider, leave
from tests.web.identity_provider import (
    IdentityProvider,
)
from tests.web.office import Office, report


async def launched(office: Office, provider: IdentityProvider, away: str) -> httpx.Response:
    return await office.client.get(f"/launched?{provider.consent(away)}")


def test_a_launch_from_the_ehr_opens_the_very_patient_that_is_open_there() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        provider.person = {"sub": "s", "name": "Dr Launch", "fhirUser": "Practitioner/5"}
        away = await leave(office, "/launch", iss="https://login.test/fhir", launch="xyz")
        query = {k: v[0] for k, v in parse_qs(urlsplit(away).query).items()}
        assert query["aud"] == "https://login.test/fhir"
        assert query["launch"] == "xyz"
        assert query["scope"].split()[0] == "launch"
        arrived = await launched(office, provider, away)
        assert arrived.status_code == 200
        (kind, patient) = office.queued[0]
        assert kind == "reconcile"
        assert f"url=/patients/{patient}" in arrived.text
        await office.keep(patient, report())
        page = await office.client.get(f"/patients/{patient}")
        assert page.status_code == 200
        rows = [row for row in await office.audited() if row.action == "sign-in"]
        assert [(r.who, r.role) for r in rows] == [("psychiatry:Practitioner/5", "psychiatrist")]
        again = await leave(office, "/launch", iss="https://login.test/fhir/", launch="abc")
        await launched(office, provider, again)
        assert {subject for _, subject in office.queued} == {patient}

    at_provider(use, IdentityProvider(patient="17"), only_related=frozenset(UserRole))


def test_a_standalone_launch_lets_the_ehr_choose_the_patient() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        away = await leave(office, "/launch/psychiatry")
        query = parse_qs(urlsplit(away).query)
        assert "launch/patient" in query["scope"][0].split()
        assert "launch" not in query
        assert (await launched(office, provider, away)).status_code == 200

    at_provider(use, IdentityProvider(patient="17"))


@pytest.mark.parametrize("iss", ["https://evil.test/fhir", "https://login.test", ""])
def test_an_ehr_that_nobody_named_is_not_asked_anything(iss: str) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        answer = await office.client.get("/launch", params={"iss": iss, "launch": "x"})
        assert answer.status_code == 403
        assert provider.asked == []
        assert (await office.client.get("/launch/evil")).status_code == 403

    at_provider(use, IdentityProvider())


@pytest.mark.parametrize("patient", [None, "../1", "a/b", "x" * 65, "17?y"])
def test_a_launch_without_a_patient_opens_nothing(patient: str | None) -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        away = await leave(office, "/launch", iss="https://login.test/fhir", launch="x")
        assert (await launched(office, provider, away)).status_code == 403
        assert office.queued == []
        assert (await office.client.get("/api/patients")).status_code == 401

    at_provider(use, IdentityProvider(patient=patient))


def test_the_way_back_of_one_issuer_is_not_the_way_back_of_the_other() -> None:
    async def use(office: Office, provider: IdentityProvider) -> None:
        away = await leave(office)
        assert (await launched(office, provider, away)).status_code == 403
        away = await leave(office, "/launch", iss="https://login.test/fhir", launch="x")
        back = f"/sign-in/openid/back?{provider.consent(away)}"
        assert (await office.client.get(back)).status_code == 403

    at_provider(use, IdentityProvider(patient="17"))
