"""Prints and exports of one patient's newest list: sheets as HTML or PDF, CSV, and FHIR.

All of them go through one filter for the one whom they are for: somebody else, the patient, or
whoever is signed in here. A file says that something is withheld, and how much, never what.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from service.errors import NotKept
from service.model.review import Review, ReviewState
from service.pipeline.beside import held_back
from service.prints.changes import ChangesLetter, changes_letter, clinicians
from service.prints.comparison import comparison
from service.prints.letter import letter
from service.prints.material import Material
from service.prints.monitoring_card import monitoring_card
from service.prints.patient_list import patient_list
from service.prints.table import table
from service.prints.words import Words
from service.store import patient_words, reports, reviews
from service.web.clock import zone_of
from service.web.errors import BadRequest
from service.web.language import languages, say, spoken, words_in
from service.web.patient.screen import page_of
from service.web.patient.since import is_day, report_of
from service.web.pdf import pdf
from service.web.people.access import Reviewer, services_of
from service.web.services import Services
from service.web.templating import STATIC, environment, render
from service.write.disclosure import NOTICE, Audience
from service.write.draft import draft_bundle
from service.write.withhold import Withholding, without

router = APIRouter(include_in_schema=False)

Kind = Literal["comparison", "letter", "changes", "patient-list", "monitoring-card"]
KINDS: Final[Mapping[Kind, str]] = {
    "comparison": "Comparison sheet for the pharmacist",
    "letter": "Letter to a prescriber: only what that person must decide",
    "changes": "What is new since a clinician's last visit",
    "patient-list": "The patient's own list, in plain words",
    "monitoring-card": "Monitoring card: lithium, clozapine, injections",
}
PDF: Final = "application/pdf"
AUDIENCES: Final[Mapping[Kind, Audience]] = {
    "comparison": Audience.HOUSE,
    "letter": Audience.OTHER,
    "changes": Audience.OTHER,
    "patient-list": Audience.PATIENT,
    "monitoring-card": Audience.PATIENT,
}
THIS_HOUSE: Final = "this-house"
"""In `to` of an export: it is for whoever is signed in, and stays here."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a template of `templates/prints/` is given."""

    document: object
    words: Words


@router.get("/patients/{patient}/prints")
async def prints_page(request: Request, user: Reviewer, patient: str) -> Response:
    """Which prints there are."""
    page = await page_of(services_of(request), user, patient, compared_with="")
    sources = [source["name"] for source in page.content["sources"]]
    return render(
        request,
        "prints/index.html",
        page=page,
        kinds=KINDS,
        languages=languages(services_of(request).locales),
        sources=sources,
        recipients=[
            (THIS_HOUSE, say("For this house alone")),
            *((name, say("For {source}", source=name)) for name in sources),
            ("", say("For anybody else")),
        ],
        clinicians=clinicians(page.content),
    )


@router.get("/patients/{patient}/prints/{kind}")
async def print_sheet(
    request: Request,
    _user: Reviewer,
    patient: str,
    kind: Kind,
    to: str = "",
    since: str = "",
    lang: str = "",
    form: Annotated[Literal["html", "pdf"], Query(alias="format")] = "html",
) -> Response:
    """One print, in the reader's language where none is asked for.

    Raises: NotKept for a letter to nobody; BadRequest for a language not there; PdfNotInstalled.
    """
    services = services_of(request)
    words = _words(lang or spoken(), services.locales)
    material = await material_of(services, patient, zone_of(request))
    material, _ = await _for_recipient(services, patient, material, to, AUDIENCES[kind])
    if kind == "changes":
        document: object = await _news(services, patient, material, to, since, words)
    else:
        document = _document(kind, material, to, words)
    sheet = Sheet(document, words)
    html = (
        environment()
        .get_template(f"prints/{kind}.html")
        .render(document=sheet.document, t=sheet.words.say, language=sheet.words.language)
    )
    if form == "html":
        return HTMLResponse(html)
    drawn = await asyncio.to_thread(pdf, html, style())
    headers = {"Content-Disposition": f'inline; filename="{kind}.pdf"'}
    return Response(drawn, media_type=PDF, headers=headers)


@router.get("/patients/{patient}/list.csv")
async def list_as_csv(request: Request, _user: Reviewer, patient: str, to: str = "") -> Response:
    """Every line of every source that may be told to whom the file is for, for a spreadsheet.

    `to` is a source, "this-house", or nobody who is known: then nothing that a label protects.
    """
    services = services_of(request)
    material = await material_of(services, patient)
    material, _ = await _for_recipient(services, patient, material, to, _audience(to))
    headers = {"Content-Disposition": 'attachment; filename="medications.csv"'}
    return Response("\ufeff" + table(material), media_type="text/csv", headers=headers)


@router.get("/patients/{patient}/list.json")
async def list_as_fhir(request: Request, _user: Reviewer, patient: str, to: str = "") -> Response:
    """The list as a FHIR Bundle of type collection, tagged as a draft; `to` as for the table."""
    services = services_of(request)
    material = await material_of(services, patient)
    _, held = await _for_recipient(services, patient, material, to, _audience(to))
    headers = {"Content-Disposition": 'attachment; filename="medications.json"'}
    bundle = draft_bundle(material.report, held)
    return JSONResponse(bundle, media_type="application/fhir+json", headers=headers)


async def material_of(services: Services, patient: str, zone: tzinfo = UTC) -> Material:
    """The newest report with the decisions of its newest review; moments in the reader's zone.

    Raises: NotKept.
    """
    async with services.store.read() as look:
        kept = await reports.newest(look, patient)
        if kept is None:
            raise NotKept("There is no report yet; the sources are being read. Look again soon.")
        known = await reviews.of_report(look, kept.id)
        review = await reviews.get(look, known[-1]) if known else None
        words = await patient_words.of_patient(look, patient)
    signed = _signed(review)
    return Material(
        report=json.loads(kept.body),
        printed_at=services.now().astimezone(zone),
        decisions=review.standing if review else {},
        signed_by=signed.signed_by.name if signed and signed.signed_by else "",
        signed_at=signed.signed_at.astimezone(zone) if signed and signed.signed_at else None,
        questions=tuple(word.text for word in words if word.kind == "question"),
        preferences=tuple(word.text for word in words if word.kind == "preference"),
    )


async def _for_recipient(
    services: Services, patient: str, material: Material, to: str, audience: Audience
) -> tuple[Material, Withholding]:
    """The material without what consents and labels hold back from this recipient, and what that
    is."""
    targets = await services.targets()
    key, report = services.store.key, material.report
    async with services.store.read() as look:
        held = await held_back(look, key, patient, report, targets, to, audience)
    notices = (
        NOTICE if held.noticed and audience is not Audience.PATIENT else "",
        held.stays,
    )
    told = replace(
        material,
        report=without(report, held),
        withheld=held.said,
        notices=tuple(one for one in notices if one),
    )
    return told, held


def _audience(to: str) -> Audience:
    return Audience.HOUSE if to == THIS_HOUSE else Audience.OTHER


async def _news(
    services: Services, patient: str, material: Material, to: str, since: str, words: Words
) -> ChangesLetter:
    """The letter of what is new since a day. Raises: NotKept without a day."""
    if not is_day(since):
        raise NotKept("Say since when: a day such as 2026-03-10.")
    targets = await services.targets()
    async with services.store.read() as look:
        before = await report_of(look, patient, since)
        if before is not None:
            held = await held_back(look, services.store.key, patient, before, targets, to)
            before = without(before, held)
    return changes_letter(material, to, since, before, words)


def _signed(review: Review | None) -> Review | None:
    return review if review is not None and review.state is ReviewState.SIGNED else None


def _document(kind: Kind, material: Material, to: str, words: Words) -> object:
    if kind == "letter":
        if to not in {source["name"] for source in material.sources}:
            raise NotKept("Say to whom: one of the sources of this list.")
        return letter(material, to, words)
    if kind == "patient-list":
        return patient_list(material, words)
    plain: Mapping[str, Callable[[Material, Words], Any]] = {
        "comparison": comparison,
        "monitoring-card": monitoring_card,
    }
    return plain[kind](material, words)


def _words(language: str, folder: Path) -> Words:
    if language not in languages(folder):
        raise BadRequest("There are no texts in this language; choose one of the page of prints.")
    return words_in(language, folder)


@cache
def style() -> str:
    """What every sheet looks like."""
    return (STATIC / "print.css").read_text(encoding="utf-8")
