"""Every page that there is, drawn by the application itself, with chosen texts in what it shows.

What people and sources could have written stands in each field: names, drugs, findings, reasons,
patient's words, raw resources, what servers answered, what a rule says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from service.assess.rule import RuleBook, RuleStatus, Signature
from service.errors import StoreUnavailable
from service.mappings.rules import load_rules
from service.model.review import DeliveryState, User, UserRole
from service.model.source import Certificate, RawResource, Role, SourceRead, State
from service.read.connection import Step
from service.store import audit, patients, reads, reports
from service.store import deliveries as outbox
from service.web.language import LOCALES, speaking, speech_in
from service.web.print_pages import KINDS
from service.web.templating import environment
from tests.web.given import KEPT, hostile, planned
from tests.web.office import Office, in_office, report
from tests.write.synthetic import AS_OF, body

IT = User("u-it", "Ida Tee", UserRole.IT)
ADMIN = User("u-ad", "Ada Min", UserRole.ADMIN)
PHARMACIST = User("u-ph", "Paula Pharm", UserRole.PHARMACIST)
PSYCHIATRIST = User("u-ps", "Piet Psych", UserRole.PSYCHIATRIST)
SAME = {"Sec-Fetch-Site": "same-origin"}
RULE = "interaction/lithium-nsaid"
MAPPINGS = Path(__file__).parents[2] / "mappings"
TEMPLATES = Path(__file__).parents[2] / "service/web/templates"
RESOURCE = "Observation/9"

PAGES: dict[str, tuple[User, tuple[str, ...]]] = {
    "/sign-in": (PHARMACIST, ("/sign-in",)),
    "/emergency": (PHARMACIST, ("/emergency",)),
    "/patients": (
        PHARMACIST,
        ("/patients?view=everybody", "/patients?name=nobody", "/patients?drug=lithium"),
    ),
    "/patients/{patient}": (
        PHARMACIST,
        (
            "/patients/{patient}",
            "/patients/{patient}?by=class",
            "/patients/{patient}?since=2026-01-01",
            "/patients/{patient}?forms=whole",
            "/patients/{signed}",
        ),
    ),
    "/patients/{patient}/care": (PHARMACIST, ("/patients/{patient}/care",)),
    "/patients/{patient}/timeline": (PHARMACIST, ("/patients/{patient}/timeline?months=36",)),
    "/patients/{patient}/plan": (
        PHARMACIST,
        ("/patients/{patient}/plan", "/patients/{signed}/plan"),
    ),
    "/patients/{patient}/resource": (
        PHARMACIST,
        ("/patients/{patient}/resource?source=psychiatry&reference=" + RESOURCE,),
    ),
    "/patients/{patient}/prints": (PHARMACIST, ("/patients/{patient}/prints",)),
    "/patients/{patient}/prints/{kind}": (
        PHARMACIST,
        tuple(
            f"/patients/{{{whose}}}/prints/{kind}?to={{{to}}}&since=2026-01-01{more}"
            for kind in KINDS
            for whose, to, more in (
                ("patient", "source", ""),
                ("patient", "source", "&lang=es"),
                ("signed", "target", ""),
            )
        ),
    ),
    "/zone": (PHARMACIST, ("/zone",)),
    "/rules": (PHARMACIST, ("/rules", "/rules?state=off")),
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
    "/signed-in": "says nothing",
    "/sign-in/openid": "leads to the identity provider",
    "/sign-in/openid/back": "comes from the identity provider and leads on",
    "/launch": "leads to the record system",
    "/launch/{source}": "leads to the record system",
    "/launched": "comes from the record system and leads on",
    "/progress": "a stream of events",
    "/patients/{patient}/progress": "a stream of events",
    "/patients/{patient}/others": "a piece of the patient's page",
    "/patients/{patient}/deliveries": "a piece of the patient's page",
    "/patients/{patient}/list.csv": "a file",
    "/patients/{patient}/list.json": "a file",
}


def whole_templates() -> set[str]:
    """The templates that are pages, by name, and not pieces of others or what pages extend."""
    texts = {
        file.relative_to(TEMPLATES).as_posix(): file.read_text(encoding="utf-8")
        for file in TEMPLATES.rglob("*.html")
    }
    begun = {name for name, text in texts.items() if text.startswith(("<!doctype", "{% extends"))}
    return begun - {"base.html", "prints/sheet.html"}


@dataclass
class Drawn:
    """`pages` are HTML by address (errors and answers to forms by what they are), `templates` the
    templates that were used."""

    pages: dict[str, str] = field(default_factory=dict)
    templates: set[str] = field(default_factory=set)


def every_page(
    content: Mapping[str, Any] | None = None,
    *,
    text: str = "seen",
    language: str = "en",
    **services: Any,
) -> Drawn:
    """Every page of a patient with this content, and of one who was signed.

    Args:
        content: the open patient's report; without it one with something in every field.
        text: what people wrote, what servers said, what stands in a raw resource and in a rule.
        language: what the browser asks for.
    """
    drawn = Drawn()
    locales = services.get("locales", LOCALES)

    async def connection(_source: str) -> tuple[Step, ...]:
        return (Step(text, True, text), Step(text, False, text), Step(text, None, text))

    async def use(office: Office) -> None:
        office.client.headers["Accept-Language"] = language
        with _recording(drawn.templates), speaking(speech_in(language, locales)):
            await _draw(office, drawn.pages, content or planned(), text)

    in_office(
        use,
        sources={"psychiatry": "http://psychiatry.test/fhir"},
        connection=connection,
        rules=_rules(text),
        rule_text=lambda _id: text,
        **services,
    )
    return drawn


@contextmanager
def _recording(names: set[str]) -> Iterator[None]:
    """Writes down which templates are asked for."""
    known, ask = environment(), environment().get_template

    def noted(name: str, *more: Any) -> Any:
        names.add(name)
        return ask(name, *more)

    known.get_template = noted  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        del known.get_template


def _rules(text: str) -> RuleBook:
    rule = load_rules(MAPPINGS).rules[RULE]
    said = dict.fromkeys(("title", "message", "advice", "population", "limits"), text)
    signed = Signature(text, AS_OF, AS_OF.replace(year=AS_OF.year + 1))
    ours = replace(rule, **said, sources=(text,), false_alarms=(text,))
    off = replace(ours, id="interaction/off", status=RuleStatus.OFF)
    return RuleBook((replace(ours, status=RuleStatus.REVIEWED, reviewed=signed), off))


async def _draw(
    office: Office, pages: dict[str, str], content: Mapping[str, Any], text: str
) -> None:
    patient = await _open_patient(office, dict(content), text)
    signed = await _signed_patient(office, content, text)
    await _around(office, patient, text)
    ids = {
        "patient": patient,
        "signed": signed,
        "source": quote(content["sources"][0]["name"], safe=""),
        "target": "psychiatry",
    }
    for user, addresses in PAGES.values():
        for address in addresses:
            await _keep(office, pages, address.format_map(ids), user, {200})
    await _keep(office, pages, "/patients/nobody", PHARMACIST, {404})
    await _keep(office, pages, "/audit", PHARMACIST, {403}, name="/refused")
    await _keep(office, pages, f"/patients/{patient}/prints/letter?lang=zz", PHARMACIST, {422})
    await _without_a_store(office, pages, patient)
    await _answers(office, pages, patient, text)
    for template, values in {
        "moving_on.html": {"title": "Signed in", "to": "/"},
        "sign_in.html": {"openid": True},
    }.items():
        page = environment().get_template(template)
        pages[f"/drawn/{template}"] = page.render(user=None, **values)


async def _keep(
    office: Office,
    pages: dict[str, str],
    address: str,
    user: User,
    expected: set[int],
    *,
    name: str = "",
) -> None:
    answer = await office.client.get(address, headers=office.bearer(user))
    assert answer.status_code in expected, (address, answer.status_code, answer.text[:2000])
    assert "text/html" in answer.headers["content-type"], address
    pages[name or address] = answer.text


async def _open_patient(office: Office, content: dict[str, Any], text: str) -> str:
    """One whose review is open, with decisions of two people, one of them to be seconded."""
    first, second = content["medications"][:2]
    second |= {"ingredients": [{"rxcui": "6448", "name": text}], "display": f"{text} lithium"}
    undecided = {**first, "id": "m-open", "display": f"{first['display']} not decided"}
    content["medications"].append(undecided)
    shown = content["findings"][0]
    content["findings"].append({**shown, "id": "f-open", "title": f"{shown['title']} not decided"})
    asked = {"source": "psychiatry", "reference": "Patient/17"}
    raw = RawResource("Observation", "9", text, json.dumps({"note": text}).encode())
    read = SourceRead(
        "psychiatry",
        Role.PSYCHIATRY,
        (raw,),
        (Certificate("Observation", State.PARTIAL, (text,)),),
        reasons=(text,),
    )
    at = office.now[0]
    async with office.store.transaction() as tx:
        patient = (await patients.ask(tx, office.store.key, asked, at=at)).id
        kept = await reads.keep(tx, patient, read, at=at)
        await reports.keep(tx, patient, body(content), as_of=AS_OF, reads=(kept,), at=at)
    await office.keep(patient, content)
    review = await office.review(patient, PHARMACIST)
    decisions = (
        (
            first["id"],
            {"decision": "continue", "reason": text, "patient_answer": "taking"},
            PHARMACIST,
        ),
        (second["id"], {"decision": "hold", "reason": text, "assigned_to": text}, PSYCHIATRIST),
        (shown["id"], {"decision": "override", "reason": text}, PHARMACIST),
    )
    for item, wanted, user in decisions:
        answer = await office.decide(review, item, wanted, user)
        assert answer.status_code == 200, answer.text
    return patient


async def _signed_patient(office: Office, like: Mapping[str, Any], text: str) -> str:
    """One whose list is signed, with a write that a server refused."""
    content = hostile(report(), text, KEPT | {"source", "sources", "name", "reference", "version"})
    content["patient"]["name"] = like["patient"]["name"]
    patient = await office.patient(18, content)
    review = await office.review(patient, PHARMACIST)
    for item, wanted in {
        "m-ser": {"decision": "continue"},
        "m-li": {"decision": "not-sure", "reason": text, "assigned_to": text},
        "f-dose": {"decision": "accept"},
    }.items():
        answer = await office.decide(review, item, wanted, PHARMACIST)
        assert answer.status_code == 200, answer.text
    signed = await office.client.post(
        f"/api/reviews/{review}/sign", json={"scope": "all"}, headers=office.bearer(PHARMACIST)
    )
    assert signed.status_code == 202, signed.text
    async with office.store.transaction() as tx:
        rows = await outbox.of_review(tx, review)
        states = (DeliveryState.REFUSED, DeliveryState.DEAD, DeliveryState.CONFLICT)
        for row, state in zip(rows, states, strict=False):
            await outbox.move(tx, row.id, state, reason=text, at=office.now[0])
    return patient


async def _around(office: Office, patient: str, text: str) -> None:
    """The patient's words, a kept view, and an emergency access."""
    forms: list[tuple[str, dict[str, str]]] = [
        (f"/patients/{patient}/words", {"kind": "question", "text": text}),
        (f"/patients/{patient}/words", {"kind": "preference", "text": text}),
        ("/views", {"view": text[:60], "drug": "lithium"}),
        (
            "/emergency",
            {"patient": patient, "reason_code": "covering", "reason": text.ljust(10, ".")},
        ),
    ]
    for address, data in forms:
        answer = await office.client.post(
            address, data=data, headers=office.bearer(PHARMACIST) | SAME
        )
        assert answer.status_code == 303, (address, answer.text)


async def _without_a_store(office: Office, pages: dict[str, str], patient: str) -> None:
    """What people see while nothing can be written down."""

    async def broken(*_args: object, **_more: object) -> None:
        raise StoreUnavailable

    working, audit.record = audit.record, broken  # type: ignore[assignment]
    try:
        await _keep(office, pages, f"/patients/{patient}", PHARMACIST, {503}, name="/unavailable")
    finally:
        audit.record = working


async def _answers(office: Office, pages: dict[str, str], patient: str, text: str) -> None:
    """The pages with which forms are answered: a connection test, and two refusals."""
    path = "/operations/sources/psychiatry/test"
    tested = await office.client.post(path, headers=office.bearer(IT) | SAME)
    assert tested.status_code == 200, tested.text
    pages[path] = tested.text
    async with office.store.read() as look:
        seen = await reports.newest(look, patient)
    assert seen is not None
    content = json.loads(seen.body)
    item = content["medications"][0]["id"]
    form = {"report": seen.etag, "decision": "propose-stop", "reason": text}
    refused = await office.client.post(
        f"/patients/{patient}/decisions/{item}",
        params={"etag": '"0"'},
        data=form,
        headers=office.bearer(PSYCHIATRIST) | SAME,
    )
    assert refused.status_code == 409, refused.text
    pages["/somebody-was-faster"] = refused.text
    changed = json.loads(seen.body)
    changed["medications"][0]["lines"][0]["status"] = "stopped"
    changed["medications"][0]["display"] += " "
    await office.keep(patient, changed)
    stale = await office.client.post(
        f"/patients/{patient}/sign",
        data={"report": seen.etag, "scope": "all"},
        headers=office.bearer(PHARMACIST) | SAME,
    )
    assert stale.status_code == 412, stale.text
    pages["/changed-meanwhile"] = stale.text
