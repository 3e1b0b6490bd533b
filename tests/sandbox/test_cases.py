"""The cases of `fixtures/servers/` load, and each of them does make a server misbehave."""

from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from service.sandbox.cases import Case, load_cases, load_manners
from service.sandbox.faults import Content, Fault
from service.sandbox.manners import Manners
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from tests.sandbox.client import get, ids, link, patient, request

SERVERS = Path(__file__).parents[2] / "fixtures" / "servers"
CASES = load_cases(SERVERS / "faults")
PAGE_CASES = [case for case in CASES if case.where == "page"]


def smaller(fault: Fault) -> Fault:
    """The same fault with a body of a size that a test can read whole."""
    if isinstance(fault.action, Content) and fault.action.size > 1_000_000:
        action = msgspec.structs.replace(fault.action, size=1_000_000)
        return msgspec.structs.replace(fault, action=action)
    return fault


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) > 40


def test_a_page_case_befalls_one_page_of_one_type_and_spares_the_others() -> None:
    app = Sandbox(Manners("any", page_size=1))
    app.load([request("a"), request("b"), request("c")])
    with running(app) as base, httpx.Client(timeout=0.1, headers={"Connection": "close"}) as client:
        urls = [f"{base}/MedicationRequest?patient=1"]
        while following := link(client.get(urls[-1]).json(), "next"):
            urls.append(following)
        for case in PAGE_CASES:
            app.faults.clear()
            app.faults.add(*(smaller(f) for f in case.faults("MedicationRequest", "middle")))
            app.log.clear()
            for url in urls:
                ask_and_leave(client, url)
            assert [bool(seen.fault) for seen in app.log] == [False, True, False], case.name


def ask_and_leave(client: httpx.Client, url: str) -> None:
    """Asks, and is content with whatever comes within a moment."""
    try:
        with client.stream("GET", url) as answer:
            for number, _ in enumerate(answer.iter_raw()):
                if number > 3:
                    break
    except httpx.TransportError:
        return


@pytest.mark.parametrize("case", [c for c in CASES if c.manners], ids=lambda c: c.name)
def test_the_manners_of_a_case_are_manners(case: Case) -> None:
    changed = case.manners_of(Manners("any"))
    assert changed != Manners("any")
    assert get(Sandbox(changed), "metadata").status_code == 200


@pytest.mark.parametrize("file", sorted((SERVERS / "vendors").glob("*.toml")), ids=lambda f: f.stem)
def test_a_vendor_s_manners_make_a_server_of_that_name(file: Path) -> None:
    manners = load_manners(file)
    assert manners.name == file.stem
    app = Sandbox(replace(manners, page_size=10))
    app.load([patient(), request("a")])
    assert get(app, "metadata").json()["software"]["name"] == manners.software
    found = get(app, "MedicationRequest?patient=1&intent=order,plan").json()
    assert ids(found) == ["a"]
