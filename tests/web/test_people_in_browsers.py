"""Several people at once, each in a browser of their own, over servers that may fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from service.model.review import User, UserRole
from tests.web.clinic import Clinic, opened
from tests.web.deciding import decide_the_rest

pytestmark = pytest.mark.browser

WAIT_MS = 20_000
PAULA = User("u-paula", "Paula Pharm", UserRole.PHARMACIST)
PIET = User("u-piet", "Piet Psych", UserRole.PSYCHIATRIST)
THEA = User("u-thea", "Thea Therapist", UserRole.THERAPIST)
ADA = User("u-ada", "Ada Admin", UserRole.ADMIN)
CLOZAPINE, LITHIUM = "clozapine-unknown-to-primary-care", "lithium-new-ace-inhibitor"
TWO_DOSES, AGREED = "sertraline-two-doses", "clean-patient"
ASK_NOW = """async selector => {
    while (!window.htmx) await new Promise(later => setTimeout(later, 20));
    const place = document.querySelector(selector);
    const more = {source: place, target: place, swap: "outerHTML", headers: {"X-Background": "1"}};
    htmx.ajax("GET", place.getAttribute("hx-get"), more);
}"""
"""What a page asks again by itself, without waiting for its turn."""

SignIn = Callable[[User], Any]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("clinic")
    with opened(
        folder, (CLOZAPINE, LITHIUM, TWO_DOSES, AGREED), only_related=(UserRole.THERAPIST,)
    ) as found:
        yield found


@pytest.fixture
def sign_in(browser: Any, clinic: Clinic) -> Iterator[SignIn]:
    """Opens a browser of its own in which this person has signed in with a token."""
    contexts = []

    def signed_in(user: User) -> Any:
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{clinic.url}/sign-in")
        page.get_by_label("Token").fill(clinic.token(user))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield signed_in
    for context in contexts:
        context.close()


def row(page: Any, drug: str) -> Any:
    return page.locator("tr[data-item]").filter(has=page.locator("th", has_text=drug)).first


def by_next_key(page: Any) -> str:
    """The id of the item to which `n` leads; "" where nothing is left that this person can do."""
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    return str(page.evaluate("document.activeElement.closest('[data-item]')?.id ?? ''"))


def stop(row_: Any, reason: str) -> None:
    """Proposes to stop the drug of this row."""
    if row_.locator(".otherwise").count():
        row_.locator(".otherwise").click()
    row_.locator("[name=reason]").fill(reason)
    row_.get_by_role("button", name="Propose to stop").click()


def test_two_reviewers_see_each_other_and_the_slower_one_loses_no_word(
    clinic: Clinic, sign_in: SignIn
) -> None:
    paula, piet = sign_in(PAULA), sign_in(PIET)
    for page in (paula, piet):
        page.goto(clinic.page(TWO_DOSES))
        page.wait_for_selector("#signing")
    mine, theirs = row(paula, "sertraline"), row(piet, "sertraline")
    stop(mine, "Paula's reason")
    mine.locator(".decided-as").wait_for()
    stop(theirs, "Piet's own reason")
    theirs.get_by_role("alert").wait_for()
    refused = theirs.inner_text()
    assert "propose stop" in refused
    assert "Paula Pharm: Paula's reason" in refused
    assert "You chose propose stop (Piet's own reason); it was not kept." in refused
    finding = piet.locator("article.finding[data-item]").first
    finding.get_by_role("button", name="Accept").click()
    finding.locator(".decided-as").wait_for()
    paula.evaluate(ASK_NOW, "#others")
    same = paula.locator(f"#{finding.get_attribute('id')}")
    same.locator(".decided-as", has_text="Piet Psych").wait_for()
    assert "Piet Psych" in paula.locator("#others").inner_text()
    kept = [page.locator(".decided-as").count() for page in (paula, piet)]
    assert kept[0] == 2
    piet.reload()
    assert piet.locator(".decided-as").count() == 2


@pytest.mark.parametrize(("patient", "drug"), [(CLOZAPINE, "clozapine"), (LITHIUM, "lithium")])
def test_stopping_a_dangerous_drug_takes_the_same_word_of_a_second_person(
    clinic: Clinic, sign_in: SignIn, patient: str, drug: str
) -> None:
    paula = sign_in(PAULA)
    paula.goto(clinic.page(patient))
    assert "takes a second person" in row(paula, drug).inner_text()
    stop(row(paula, drug), "No longer needed")
    row(paula, drug).locator(".decided-as").wait_for()
    decide_the_rest(paula)
    alone = row(paula, drug)
    assert alone.get_by_role("button", name="Decide the same").count() == 0
    assert by_next_key(paula) == "", "what waits for somebody else is not hers to do"
    assert "A second person has to decide the same" in paula.locator("#sign").inner_text()
    paula.get_by_role("button", name=re.compile("^Sign as Paula")).click()
    refused = paula.get_by_role("alert").filter(has_text="second person")
    refused.wait_for()
    assert "Signed by" not in paula.locator("#sign").inner_text()
    piet = sign_in(PIET)
    piet.goto(clinic.page(patient))
    seconded = row(piet, drug)
    assert by_next_key(piet) == seconded.get_attribute("id")
    seconded.locator("[name=reason]").fill("I have seen the patient too")
    seconded.get_by_role("button", name="Decide the same").click()
    seconded.locator(".decided-as", has_text="Piet Psych").wait_for()
    assert "A second person" not in piet.locator("#sign").inner_text()
    piet.get_by_role("button", name=re.compile("^Sign as Piet")).click()
    piet.wait_for_selector("text=Signed by Piet Psych")
    piet.wait_for_function("() => !document.querySelector('#deliveries').hasAttribute('hx-get')")
    assert "Task" in piet.locator("#deliveries", has_text="written and read back").inner_text()
    asked = [
        str((task.resource or {}).get("description", ""))
        for server in clinic.servers.values()
        for task in server.storage.live("Task")
    ]
    assert any(drug in words for words in asked)


def test_a_source_that_is_down_is_said_on_the_page_the_worklist_and_beside_the_signature(
    clinic: Clinic, sign_in: SignIn
) -> None:
    paula = sign_in(PAULA)
    paula.goto(clinic.page(AGREED))
    assert paula.locator(".banner").count() == 0
    assert "You would sign without" not in paula.locator("#sign").inner_text()
    before = paula.locator("article.finding").count()
    clinic.down("pharmacy")
    try:
        paula.get_by_role("button", name="Read all again").click()
        for _ in range(100):
            paula.goto(clinic.page(AGREED))
            if paula.locator(".banner").count():
                break
            paula.wait_for_timeout(200)
        banner = paula.locator(".banner").inner_text()
        assert "pharmacy is" in banner
        assert "You would sign without pharmacy" in paula.locator("#sign").inner_text()
        report = clinic.ask("GET", f"/api/patients/{clinic.patients[AGREED]}/report", PAULA).json()
        states = {source["name"]: source["state"] for source in report["sources"]}
        assert states["pharmacy"] != "complete"
        assert [one for one in report["findings"] if one["type"] == "omission"] == []
        assert {"source-incomplete"} >= {
            one["type"] for one in report["findings"] if one["sources"] == ["pharmacy"]
        }
        assert paula.locator("article.finding").count() >= before
        paula.goto(f"{clinic.url}/patients")
        listed = paula.locator("tr").filter(has=paula.locator("a", has_text="SAMPLEFORD"))
        assert "pharmacy not complete" in listed.inner_text()
        paula.goto(f"{clinic.page(AGREED)}/prints/patient-list")
        assert "incomplete" in paula.locator("body").inner_text().lower()
    finally:
        clinic.up("pharmacy")


def test_an_open_page_leaves_by_itself_when_the_session_ends(
    clinic: Clinic, sign_in: SignIn
) -> None:
    paula = sign_in(PAULA)
    paula.goto(clinic.page(AGREED))
    name = paula.locator("h1").inner_text()
    before = clinic.ahead
    clinic.ahead += timedelta(minutes=16)
    try:
        paula.evaluate(ASK_NOW, "[hx-get='/signed-in']")
        paula.wait_for_url("**/sign-in")
        assert name not in paula.content()
        paula.goto(clinic.page(AGREED))
        assert paula.url.endswith("/sign-in")
    finally:
        clinic.ahead = before


def test_the_glass_is_broken_with_a_reason_and_the_privacy_officer_sees_it(
    clinic: Clinic, sign_in: SignIn
) -> None:
    thea, ada = sign_in(THEA), sign_in(ADA)
    thea.goto(clinic.page(LITHIUM))
    assert "SAMPLEWOOD" not in thea.content()
    thea.get_by_role("link", name="Emergency access").click()
    thea.get_by_label("Patient", exact=True).fill(clinic.patients[LITHIUM])
    thea.get_by_label("I cover for a colleague").check()
    thea.get_by_role("button", name="Open the patient").click()
    assert thea.url.endswith("/emergency"), "without words nothing opens"
    thea.get_by_label("In words").fill("On call tonight for Dr Fennimore")
    thea.get_by_role("button", name="Open the patient").click()
    thea.wait_for_selector("h1:has-text('SAMPLEWOOD')")
    assert thea.locator(".decide").count() == 0
    ada.get_by_role("link", name="Alerts").click()
    alert = ada.locator("tbody tr").first
    told = alert.inner_text()
    assert "u-thea" in told
    assert "I cover for a colleague" in told
    assert "open now" in told
    assert "Fennimore" not in told
    alert.get_by_role("button", name="I have looked at it").click()
    ada.locator("tbody tr").first.get_by_text("Ada Admin").wait_for()
