"""Every page in light and dark, at 1024 px and at 200 % zoom: no violation that axe-core finds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from service.model.review import User, UserRole
from service.web.templating import FOLDER
from tests.web.drawn import drawn as template
from tests.web.office import Office, in_office, report
from tests.web.test_roles import routes
from tests.write.synthetic import PHARMACIST

ORIGIN = "http://127.0.0.1"
IT = User("u-it", "Ida Tee", UserRole.IT)
ADMIN = User("u-ad", "Ada Min", UserRole.ADMIN)
WINDOWS: dict[str, dict[str, Any]] = {
    "1024 px": {"viewport": {"width": 1024, "height": 768}},
    "200 % zoom": {"viewport": {"width": 512, "height": 384}, "device_scale_factor": 2},
}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULE = "interaction/lithium-nsaid"

PAGES: dict[str, tuple[User, tuple[str, ...]]] = {
    "/sign-in": (PHARMACIST, ("/sign-in",)),
    "/emergency": (PHARMACIST, ("/emergency",)),
    "/patients": (PHARMACIST, ("/patients", "/patients?name=nobody")),
    "/patients/{patient}": (
        PHARMACIST,
        ("/patients/{patient}", "/patients/{patient}?by=class", "/patients/nobody"),
    ),
    "/patients/{patient}/care": (PHARMACIST, ("/patients/{patient}/care",)),
    "/patients/{patient}/timeline": (PHARMACIST, ("/patients/{patient}/timeline?months=36",)),
    "/patients/{patient}/plan": (PHARMACIST, ("/patients/{patient}/plan",)),
    "/patients/{patient}/prints": (PHARMACIST, ("/patients/{patient}/prints",)),
    "/patients/{patient}/prints/{kind}": (
        PHARMACIST,
        (
            "/patients/{patient}/prints/comparison",
            "/patients/{patient}/prints/letter?to=psychiatry",
            "/patients/{patient}/prints/patient-list",
            "/patients/{patient}/prints/patient-list?lang=es",
        ),
    ),
    "/rules": (PHARMACIST, ("/rules",)),
    "/rules/{category}/{rule}": (PHARMACIST, (f"/rules/{RULE}",)),
    "/operations": (IT, ("/operations",)),
    "/alerts": (ADMIN, ("/alerts",)),
    "/audit": (ADMIN, ("/audit",)),
}
"""Each page's route, who looks, and the addresses that are looked at."""

NO_PAGES = {
    "/": "leads to the first page of a role",
    "/livez": "for machines",
    "/readyz": "for machines",
    "/metrics": "for machines",
    "/openapi.json": "for machines",
    "/.well-known/jwks.json": "for machines",
    "/sign-in/openid": "leads to the identity provider",
    "/sign-in/openid/back": "comes from the identity provider and leads on",
    "/launch": "leads to the record system",
    "/launch/{source}": "leads to the record system",
    "/launched": "comes from the record system and leads on",
    "/signed-in": "says nothing",
    "/progress": "a stream of events",
    "/patients/{patient}/progress": "a stream of events",
    "/patients/{patient}/others": "a piece of the patient's page",
    "/patients/{patient}/deliveries": "a piece of the patient's page",
    "/patients/{patient}/resource": "drawn by itself: what was read stands in no store here",
    "/patients/{patient}/list.csv": "a file",
    "/patients/{patient}/list.json": "a file",
}


def test_every_page_that_there_is_is_looked_at_here() -> None:
    async def use(office: Office) -> None:
        found = {
            path
            for method, path in routes(office)
            if method == "GET" and not path.startswith("/api/")
        }
        assert found == set(PAGES) | set(NO_PAGES)

    in_office(use)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The HTML of every address, with a patient in it and something decided."""
    drawn: dict[str, str] = {}

    async def use(office: Office) -> None:
        content = report()
        for number, finding in enumerate(content["findings"]):
            finding["title"] = f"{finding['title']} {number}"
        patient = await office.patient(content=content)
        review = await office.review(patient)
        await office.decide(review, "m-ser", {"decision": "continue"})
        for user, addresses in PAGES.values():
            for address in addresses:
                path = address.format(patient=patient)
                answer = await office.client.get(path, headers=office.bearer(user))
                assert answer.status_code in {200, 404}, (path, answer.text)
                assert "text/html" in answer.headers["content-type"], path
                drawn[path] = answer.text
        values = {"reference": "Patient/1", "source": "psychiatry", "version": "1", "body": "{}"}
        drawn["/patients/one/resource"] = template("resource.html", id="one", **values)
        tested = await office.client.post(
            "/operations/sources/psychiatry/test",
            headers=office.bearer(IT) | {"Sec-Fetch-Site": "same-origin"},
        )
        assert tested.status_code == 200, tested.text
        drawn["/operations/sources/psychiatry/test"] = tested.text

    async def connection(_source: str) -> tuple[Any, ...]:
        return ()

    servers = {"psychiatry": "http://psychiatry.test/fhir"}
    with ThreadPoolExecutor(1) as apart:  # the browser's driver holds this thread's event loop
        apart.submit(in_office, use, sources=servers, connection=connection).result()
    return drawn


def violations(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": WCAG}}).response
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.browser
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_on_any_page(
    browser: Any, pages: dict[str, str], scheme: str, window: str
) -> None:
    context = browser.new_context(color_scheme=scheme, **WINDOWS[window])
    page = context.new_page()

    def answer(route: Any) -> None:
        address = route.request.url.removeprefix(ORIGIN)
        if address in pages:
            route.fulfill(body=pages[address], content_type="text/html; charset=utf-8")
        elif address.startswith("/static/"):
            route.fulfill(path=FOLDER / "static" / Path(address).name)
        else:
            route.fulfill(status=204)

    page.route("**/*", answer)
    found = []
    for address in pages:
        page.goto(ORIGIN + address)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found += [f"{address} {said}" for said in violations(page)]
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            found.append(f"{address} scrolls sideways")
    page.goto(f"{ORIGIN}/rules")
    page.evaluate("document.getElementById('keys').showModal()")
    found += [f"the keys {said}" for said in violations(page)]
    context.close()
    assert found == []
