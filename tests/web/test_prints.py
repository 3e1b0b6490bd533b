"""Prints and exports: true, complete or saying that they are not, and harmless wherever opened."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.model.review import Disposition, User, UserRole
from service.prints.comparison import comparison
from service.prints.letter import letter
from service.prints.material import STATES, UNCERTAIN, Material, dose, stamp
from service.prints.monitoring_card import WATCHED, monitoring_card
from service.prints.patient_list import ROUTES, patient_list
from service.prints.table import safe, table
from service.prints.timing import WHEN, timing_in
from service.prints.words import Words, catalogue
from service.web import print_pages
from service.web.language import words_in
from service.write.disclosure import HOUSE_ONLY, NOTICE
from tests.web.office import Office, in_office, report
from tests.write.synthetic import AT, PHARMACIST, decision, finding, line, medication

GOLDEN = Path(__file__).parents[2] / "fixtures" / "patients"
TEMPLATES = Path(print_pages.__file__).parent / "templates" / "prints"
SHEETS = ("comparison", "letter?to=psychiatry", "patient-list", "patient-list?lang=es")
SHEETS += ("monitoring-card", "monitoring-card?lang=es")


@cache
def golden(name: str) -> str:
    from service.app import reconcile_once
    from service.report.document import document, encoded

    folders = sorted((GOLDEN / name / "sources").iterdir())
    sources = {folder.name: str(folder) for folder in folders}
    return encoded(document(reconcile_once(sources, as_of=date(2026, 11, 15)))).decode()


def material(content: dict[str, Any] | None = None, **more: Any) -> Material:
    return Material(content or report(), AT, **more)


def of(name: str, **more: Any) -> Material:
    return Material(json.loads(golden(name)), AT, **more)


def test_every_print_says_sources_times_signer_and_knowledge() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        path = f"/patients/{patient}/prints"
        for sheet in SHEETS:
            page = await office.client.get(f"{path}/{sheet}", headers=office.bearer())
            assert page.status_code == 200, sheet
            for said in ("psychiatry", "2026-03-10", "09:30 UTC", "Concord 0.1.0", "abababab"):
                assert said in page.text, (sheet, said)
            assert "2025-10" in page.text
            assert re.search("Not signed|Todavía sin firma", page.text)
        review = await office.review(patient)
        for item, wanted in {"m-ser": "continue", "m-li": "continue", "f-dose": "accept"}.items():
            await office.decide(review, item, {"decision": wanted})
        await office.client.post(
            f"/api/reviews/{review}/sign", json={"scope": "all"}, headers=office.bearer()
        )
        for sheet in SHEETS:
            page = await office.client.get(f"{path}/{sheet}", headers=office.bearer())
            assert "Paula &lt;b&gt;Pharm&lt;/b&gt;" in page.text
            assert "<b>Pharm" not in page.text
            assert not re.search("Not signed|Todavía sin firma", page.text)

    in_office(use)


@pytest.mark.parametrize("state", ["partial", "stale", "withheld", "unavailable"])
def test_a_print_of_an_incomplete_list_says_so_first(state: str) -> None:
    async def use(office: Office) -> None:
        content = report()
        content["sources"][0]["state"] = state
        patient = await office.patient(content=content)
        for sheet in SHEETS:
            page = await office.client.get(
                f"/patients/{patient}/prints/{sheet}", headers=office.bearer()
            )
            main = page.text.partition("<main>")[2]
            assert re.match(r'\s*<section class="incomplete"', main), sheet
            assert re.search("INCOMPLETE|INCOMPLETA", main)
        exported = await office.client.get(f"/patients/{patient}/list.csv", headers=office.bearer())
        assert '"INCOMPLETE","pharmacy: ' in exported.text

    in_office(use)


def test_a_doubtful_identity_makes_a_print_incomplete_and_a_complete_list_is_not_called_so() -> (
    None
):
    assert stamp(material()).incomplete == ()
    content = report()
    content["patient"]["grade"] = "probable"
    ((grade, reason),) = stamp(material(content)).incomplete
    assert grade == "probable"
    assert "not certain" in reason


def test_the_pharmacists_sheet_has_every_drug_every_source_and_every_finding() -> None:
    made = of("lithium-new-ace-inhibitor")
    sheet = comparison(made)
    assert sheet.columns == ("pharmacy", "primary-care", "psychiatry")
    assert [row.drug for row in sheet.rows] == [m["display"] for m in made.medications]
    lisinopril = next(row for row in sheet.rows if "lisinopril" in row.drug)
    assert lisinopril.cells[2] == ("not listed",)
    assert "10 mg a day" in lisinopril.cells[1][0]
    assert "2026-11-05" in lisinopril.cells[1][0]
    assert {said.title for said in sheet.findings} == {
        f["title"]
        for f in made.report["findings"]
        if f["bucket"] == "shown" and f["severity"] != "none"
    }


def test_a_source_that_was_not_read_is_not_called_empty() -> None:
    content = report()
    content["sources"][1]["state"] = "unavailable"
    sheet = comparison(material(content))
    assert sheet.rows[0].cells[1] == ("source is unavailable",)


def test_the_letter_asks_a_prescriber_only_what_that_person_must_decide() -> None:
    content = report(
        medications=[
            medication("m-li", "6448", "lithium", [line("psychiatry", 3)]),
            medication("m-li2", "29046", "lisinopril", [line("primary-care", 4)]),
            medication("m-x", "1", "other", [line("pharmacy", 5)]),
        ],
        findings=[
            finding("f-both", ["m-li", "m-li2"], title="lithium with lisinopril"),
            finding("f-gp", ["m-li2"], "moderate", title="only for the practice"),
            finding("f-low", ["m-li"], "low", title="a trifle"),
            finding("f-none", ["m-li"], "none", title="agreement"),
            finding("f-hidden", ["m-li"], bucket="suppressed", title="suppressed"),
            finding("f-over", ["m-li"], title="settled already"),
        ],
    )
    settled = decision("f-over", Disposition.OVERRIDE, reason_code="monitored")
    hold = decision("m-li", Disposition.HOLD, reason="level pending")
    made = material(content, decisions={"f-over": settled, "m-li": hold})
    psychiatry, practice = letter(made, "psychiatry"), letter(made, "primary-care")
    assert [q.title for q in psychiatry.questions] == ["lithium with lisinopril"]
    assert [q.title for q in practice.questions] == [
        "lithium with lisinopril",
        "only for the practice",
    ]
    assert [p.title for p in psychiatry.proposals] == ["lithium 100 mg oral tablet"]
    assert "hold; level pending" in psychiatry.proposals[0].text
    assert practice.proposals == ()
    assert letter(made, "pharmacy").questions == ()


def test_a_letter_tells_nothing_of_what_is_withheld_and_says_that_something_is() -> None:
    async def use(office: Office) -> None:
        content = report(
            medications=[
                medication("m-li", "6448", "lithium", [line("psychiatry", 3, labels=["PSY"])]),
                medication("m-li2", "29046", "lisinopril", [line("primary-care", 4)]),
            ],
            findings=[
                finding("f-both", ["m-li", "m-li2"], title="lithium with lisinopril"),
                finding("f-gp", ["m-li2"], "moderate", title="only for the practice", evidence=[]),
            ],
        )
        patient = await office.patient(content=content)
        pages = {
            to: (
                await office.client.get(
                    f"/patients/{patient}/prints/letter?to={to}", headers=office.bearer()
                )
            ).text
            for to in ("primary-care", "psychiatry")
        }
        assert "only for the practice" in pages["primary-care"]
        assert "1 item is withheld from this recipient" in pages["primary-care"]
        assert "lithium" not in pages["primary-care"]
        assert "lithium with lisinopril" in pages["psychiatry"]
        assert "withheld" not in pages["psychiatry"]

    in_office(use)


def protected(*labels: str) -> dict[str, Any]:
    """Lithium that psychiatry labels, lisinopril that nobody does, and a finding about both."""
    return report(
        medications=[
            medication("m-li", "6448", "lithium", [line("psychiatry", 3, labels=list(labels))]),
            medication("m-li2", "29046", "lisinopril", [line("primary-care", 4)]),
        ],
        findings=[finding("f-both", ["m-li", "m-li2"], title="lithium with lisinopril")],
    )


FILES = ("list.csv", "list.json")
FOR_OTHERS = [(f"{file}{to}", False) for file in FILES for to in ("", "?to=primary-care")]
FOR_OTHERS += [(f"{file}?to={to}", True) for file in FILES for to in ("psychiatry", "this-house")]
FOR_OTHERS += [
    ("prints/letter?to=primary-care", False),
    ("prints/changes?to=Dr%20Piet%20Psych&since=2026-01-01", False),
    ("prints/comparison", True),
    ("prints/patient-list", True),
    ("prints/monitoring-card", True),
]


@pytest.mark.parametrize(("path", "told"), FOR_OTHERS)
def test_every_print_and_every_file_tells_its_recipient_what_may_be_told_and_says_what_is_not(
    path: str, *, told: bool
) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=protected("PSY"))
        answer = await office.client.get(f"/patients/{patient}/{path}", headers=office.bearer())
        assert answer.status_code == 200
        assert ("lithium" in answer.text.casefold()) is told
        said = "1 item is withheld from this recipient by consent or label (1 by label)."
        assert (said in answer.text) is not told

    in_office(use)


@pytest.mark.parametrize(
    "path", ["prints/comparison", "list.csv?to=this-house", "list.json?to=this-house"]
)
def test_what_stays_in_this_house_says_that_it_does(path: str) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=protected("42CFRPart2"))
        free = await office.patient(18, content=protected())
        for who, said in ((patient, True), (free, False)):
            got = await office.client.get(f"/patients/{who}/{path}", headers=office.bearer())
            assert (HOUSE_ONLY in got.text) is said
            assert (NOTICE in got.text) is said

    in_office(use)


def test_what_a_label_keeps_from_the_patient_is_on_none_of_the_patients_prints() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=protected("NOPAT"))
        for sheet in ("patient-list", "monitoring-card"):
            path = f"/patients/{patient}/prints/{sheet}"
            answer = await office.client.get(path, headers=office.bearer())
            assert "lithium" not in answer.text.casefold()
            assert "1 item is withheld" in answer.text

    in_office(use)


def test_a_bundle_for_somebody_is_tagged_where_something_is_withheld() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=protected("PSY"))
        path = f"/patients/{patient}/list.json"
        bundle = (await office.client.get(path, headers=office.bearer())).json()
        (listed,) = [
            entry["resource"]
            for entry in bundle["entry"]
            if entry["resource"]["resourceType"] == "List"
        ]
        assert "withheld" in {tag["code"] for tag in listed["meta"]["tag"]}
        assert len(listed["entry"]) == 1

    in_office(use)


def test_the_patients_list_names_every_medicine_plainly_and_stops_nothing() -> None:
    made = of("lithium-new-ace-inhibitor")
    listed = patient_list(made, Words())
    assert [m.name for m in listed.medicines] == [m["display"] for m in made.medications]
    lisinopril = next(m for m in listed.medicines if "lisinopril" in m.name)
    assert lisinopril.how == "10 mg a day in all, once a day, in the morning, by mouth"
    assert lisinopril.as_written == ""
    assert lisinopril.why == "Essential (primary) hypertension"
    assert len(listed.to_do) == 2
    assert all("Do not stop it by yourself" in one for one in listed.to_do)
    assert listed.checked is False


def test_the_patients_list_does_not_choose_between_doses_that_differ() -> None:
    different = [line("psychiatry", 1), line("primary-care", 2)]
    for one, value in zip(different, (50, 100), strict=True):
        one["daily_doses"] = [
            {"rxcui": "36437", "value": value, "unit": "mg", "max": None, "working": ""}
        ]
    content = report(medications=[medication("m", "36437", "sertraline", different)], findings=[])
    (entry,) = patient_list(material(content), Words()).medicines
    assert "do not agree" in entry.how
    assert "50" not in entry.how


def test_what_cannot_be_said_plainly_is_shown_as_it_was_written() -> None:
    odd = line("psychiatry", 1, timing="80 mg by mouth, observed", sig="take as directed", route="")
    content = report(medications=[medication("m", "1", "x", [odd])], findings=[])
    for language in ("en", "es"):
        (entry,) = patient_list(material(content), words_in(language)).medicines
        assert entry.as_written == "take as directed"


def test_the_patients_list_asks_what_is_missing_in_both_languages() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient(content=json.loads(golden("lithium-new-ace-inhibitor")))
        english, spanish = [
            await office.client.get(
                f"/patients/{patient}/prints/patient-list?lang={lang}", headers=office.bearer()
            )
            for lang in ("en", "es")
        ]
        assert "What do you take that is not here?" in english.text
        assert "¿Qué toma usted que no está aquí?" in spanish.text
        assert '<html lang="es">' in spanish.text
        assert "una vez al día, por la mañana, por la boca" in spanish.text
        for leftover in ("How I use it", "Ask your doctor", "a day in all", "by mouth"):
            assert leftover in english.text
            assert leftover not in spanish.text

    in_office(use)


def test_every_text_of_the_patients_prints_stands_in_the_spanish_catalogue() -> None:
    said = set(WHEN.values()) | set(ROUTES.values()) | set(STATES.values()) | {UNCERTAIN}
    said |= {test for _, tests in WATCHED.values() for test in tests}
    for name in ("sheet", "patient-list", "monitoring-card"):
        template = (TEMPLATES / f"{name}.html").read_text(encoding="utf-8")
        said |= set(re.findall(r't\("([^"]+)"', template))
    source = Path(patient_list.__code__.co_filename).read_text(encoding="utf-8")
    said |= set(re.findall(r'words\.say\(\s*"([^"]+)"', source))
    spanish = words_in("es").catalogue
    assert {text for text in said if not spanish.get(text)} == set()
    for text, translated in spanish.items():
        assert re.findall(r"{\w+}", text) == re.findall(r"{\w+}", translated), text


@pytest.mark.parametrize(
    ("timing", "plain"),
    [
        ("once a day (MORN)", "once a day, in the morning"),
        ("twice a day (MORN, HS)", "twice a day, in the morning, at bedtime"),
        ("3 times a day", "3 times a day"),
        ("once every 28 days", "every 28 days"),
    ],
)
def test_timing_is_put_plainly(timing: str, plain: str) -> None:
    assert timing_in(timing, Words()) == (plain, True)
    _, known = timing_in(timing, words_in("es"))
    assert known


def test_timing_that_is_not_known_is_never_called_plain() -> None:
    for odd in ("156 mg intramuscularly, left deltoid", "once a day (XYZ)", "q.d. prn"):
        assert timing_in(odd, Words())[1] is False


def test_the_card_names_what_is_watched_and_when_the_next_injection_falls_due() -> None:
    (lithium,) = monitoring_card(of("lithium-new-ace-inhibitor")).drugs
    assert "lithium level" in lithium.tests
    assert lithium.source.startswith("NICE CG185")
    made = of("missed-long-acting-injection")
    (injection,) = monitoring_card(made).drugs
    assert injection.tests == ()
    assert injection.last == "2026-09-15"
    assert injection.next == "2026-10-13"
    assert any("overdue" in title for title, _ in injection.said)
    assert injection.dose == "156 mg every 28 days"
    assert monitoring_card(of("clean-patient")).drugs == ()


def test_no_print_takes_one_injection_for_a_daily_dose() -> None:
    made = of("missed-long-acting-injection")
    drug = next(m for m in made.medications if m["class"] == "depot")
    given = [one for one in drug["lines"] if one["kind"] == "administration"]
    assert given
    assert {dose(one, depot=True) for one in given} == {"156 mg"}
    row = next(r for r in comparison(made).rows if r.drug == drug["display"])
    asked = letter(made, "psychiatry").questions
    entry = next(m for m in patient_list(made, Words()).medicines if m.name == drug["display"])
    said = [*(text for cell in row.cells for text in cell), *(d for q in asked for d in q.drugs)]
    said += [line for line in table(made).splitlines() if "paliperidone" in line]
    assert entry.how == "156 mg every 28 days, injection into the muscle"
    assert not [text for text in said if re.search("paliperidone.*a day|156 mg a day", text)]


def test_fills_of_one_dose_stand_in_one_line_with_the_newest_day() -> None:
    row = next(r for r in comparison(of("lithium-new-ace-inhibitor")).rows if "lithium" in r.drug)
    assert row.cells[0] == ("900 mg a day; dispense completed, 2026-10-31 (the newest of 3)",)


def test_a_po_file_gives_its_texts_and_leaves_out_what_is_not_translated() -> None:
    po = (
        'msgid ""\nmsgstr "Language: es\\n"\n\nmsgid "a"\nmsgstr "á"\n\n'
        'msgid "long "\n"text"\nmsgstr ""\n"texto "\n"largo"\n\n'
        '#, fuzzy\nmsgid "b"\nmsgstr "no"\n\nmsgid "c"\nmsgstr ""\n'
    )
    assert catalogue(po) == {"a": "á", "long text": "texto largo"}
    for broken in ("nonsense", 'msgid "x', "msgid 4"):
        with pytest.raises(ValueError):
            catalogue(broken)


HOSTILE = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>"


@pytest.mark.parametrize("sheet", SHEETS)
def test_what_a_source_wrote_is_text_on_every_sheet(sheet: str) -> None:
    async def use(office: Office) -> None:
        content = report()
        content["patient"]["name"] = HOSTILE
        content["context"]["allergies"] = [HOSTILE]
        hostile = line(
            "psychiatry", 9, text=HOSTILE, timing=HOSTILE, sig=HOSTILE, requester=HOSTILE
        )
        content["medications"].append(
            medication("m-h", "6448", HOSTILE, [hostile], indication=[HOSTILE], display=HOSTILE)
        )
        content["findings"].append(finding("f-h", ["m-h"], title=HOSTILE, message=HOSTILE))
        patient = await office.patient(content=content)
        page = await office.client.get(
            f"/patients/{patient}/prints/{sheet}", headers=office.bearer()
        )
        assert page.status_code == 200
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "unsafe" not in page.headers["content-security-policy"]

    in_office(use)


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\n+1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_the_csv_is_a_formula(formula: str) -> None:
    content = report()
    content["medications"][0]["display"] = formula
    content["medications"][0]["lines"][0] |= {"text": formula, "requester": formula}
    rows = list(csv.reader(io.StringIO(table(material(content)), newline="")))
    cells = [cell for row in rows for cell in row]
    assert f"'{formula}" in cells
    assert formula not in cells


@settings(max_examples=200)
@given(st.text(max_size=30))
def test_a_cell_never_starts_as_a_formula_and_never_loses_text(text: str) -> None:
    cell = safe(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert cell.removeprefix("'") == text.replace("\x00", "").removeprefix("'")


def test_the_csv_holds_every_line_of_every_source() -> None:
    made = of("split-regimen")
    rows = list(csv.DictReader(io.StringIO(table(made), newline="")))
    listed = {(row["source"], row["reference"]) for row in rows if row["kind"]}
    assert listed == {
        (one["source"], one["reference"])
        for medication in made.medications
        for one in medication["lines"]
    }


def test_the_exports_are_downloads_that_name_nobody() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        for path, kind in {"list.csv": "text/csv", "list.json": "application/fhir+json"}.items():
            answer = await office.client.get(f"/patients/{patient}/{path}", headers=office.bearer())
            assert answer.headers["content-type"].startswith(kind)
            told = answer.headers["content-disposition"]
            assert re.fullmatch(r'attachment; filename="medications\.(csv|json)"', told)
            assert answer.headers["cache-control"] == "no-store"
        bundle = answer.json()
        assert bundle["resourceType"] == "Bundle"
        assert bundle["type"] == "collection"

    in_office(use)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("prints/letter", 404),
        ("prints/letter?to=nobody", 404),
        ("prints/everything", 422),
        ("prints/patient-list?lang=tlh", 422),
        ("prints/comparison?format=exe", 422),
    ],
)
def test_a_print_that_there_is_not_is_refused(path: str, status: int) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        answer = await office.client.get(f"/patients/{patient}/{path}", headers=office.bearer())
        assert answer.status_code == status

    in_office(use)


def test_a_pdf_without_its_library_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)

    async def use(office: Office) -> None:
        patient = await office.patient()
        answer = await office.client.get(
            f"/patients/{patient}/prints/comparison?format=pdf", headers=office.bearer()
        )
        assert answer.status_code == 501
        assert "print the page from the browser" in answer.text

    in_office(use)


def weasyprint_is_there() -> bool:
    try:
        import weasyprint
    except (ImportError, OSError):
        return False
    return bool(weasyprint.__version__)


@pytest.mark.pdf
@pytest.mark.skipif(not weasyprint_is_there(), reason="PDF needs the pdf extra and Pango")
@pytest.mark.parametrize("sheet", SHEETS)
def test_every_sheet_is_a_pdf_too(sheet: str) -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        join = "&" if "?" in sheet else "?"
        answer = await office.client.get(
            f"/patients/{patient}/prints/{sheet}{join}format=pdf", headers=office.bearer()
        )
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")

    in_office(use)


@pytest.mark.pdf
@pytest.mark.skipif(not weasyprint_is_there(), reason="PDF needs the pdf extra and Pango")
def test_drawing_a_pdf_fetches_nothing() -> None:
    from service.web.pdf import pdf

    asked: list[str] = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Listening) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        there = f"http://127.0.0.1:{server.server_port}"
        html = f'<link rel="stylesheet" href="{there}/a.css"><p>x<img src="{there}/a.png"></p>'
        drawn = pdf(html, f"p {{ background: url({there}/b.png) }} @import url({there}/c.css);")
        server.shutdown()
    assert drawn.startswith(b"%PDF-")
    assert asked == []


def test_a_signed_print_names_the_person_who_signed() -> None:
    signer = User("u", "Ana Signer", UserRole.PHARMACIST)
    made = material(signed_by=signer.name, signed_at=AT)
    assert stamp(made).signed == "Ana Signer, 2026-03-10 09:30 UTC"
    assert PHARMACIST.name not in stamp(made).signed
