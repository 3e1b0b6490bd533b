"""The catalogue: it holds every phrase of every page, and one file in it is another language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given as drawn_from
from hypothesis import strategies as st
from jinja2 import Environment

from service.errors import SettingsError
from service.prints.words import PLURAL, entries, translations
from service.settings import load
from service.web.language import (
    LOCALES,
    Speech,
    counted,
    languages,
    of_site,
    preferred,
    say,
    speaking,
)
from service.web.templating import FOLDER, environment
from tests.web.every_page import every_page
from tests.web.given import hostile, planned
from tests.web.office import WRITABLE, Office, in_office

pytest.importorskip("babel", reason="Babel is not installed")

TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
SPOKEN_ALOUD = ("aria-label", "title", "placeholder", "alt", "data-source", "data-show")
NAMES = {"Concord", "CSV", "PDF", "FHIR", "Subscription", "rest-hook", "large"}
"""Names of products, formats, codes and classes of style: the same in every language."""
ADDRESS = re.compile(r"\S*[/:]\S*")
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+|alert")
"""Codes of the audit trail."""
TECHNICAL = frozenset({"code", "kbd", "pre", "script", "style"})
WORD = re.compile(r"[^\W\d_]{2,}")
HEADER = (
    'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    '"X-Language-Name: {name}\\n"\n"X-Concord-Pages: {pages}\\n"\n\n'
)


class Told(HTMLParser):
    """What a reader sees or hears of a page: texts and spoken attributes, code left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.said += [value or "" for name, value in attributes if name in SPOKEN_ALOUD]
        if tag in TECHNICAL:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.said.append(data)


def phrase(key: str, said: str) -> str:
    """One entry of a PO file; parts of a key that counts are told apart."""
    one, _, many = key.partition(PLURAL)
    if not many:
        return f"msgid {json.dumps(one)}\nmsgstr {json.dumps(said)}\n\n"
    forms = "".join(f"msgstr[{n}] {json.dumps(f)}\n" for n, f in enumerate(said.split(PLURAL)))
    return f"msgid {json.dumps(one)}\nmsgid_plural {json.dumps(many)}\n{forms}\n"


def every_phrase() -> list[str]:
    """The keys of the template of the catalogue."""
    from babel.messages.pofile import read_po

    with (LOCALES / "concord.pot").open("rb") as file:
        found = [message.id for message in read_po(file) if message.id]
    return [key if isinstance(key, str) else PLURAL.join(key) for key in found]


def bracketed(folder: Path) -> Path:
    """A folder with one language, "xx", that puts every phrase into ⟦brackets⟧."""
    said = (
        phrase(key, PLURAL.join(f"⟦{form}⟧" for form in key.split(PLURAL)))
        for key in every_phrase()
    )
    catalogue = HEADER.format(name="Brackets", pages="yes") + "".join(said)
    (folder / "xx.po").write_text(catalogue, encoding="utf-8")
    return folder


def outside_brackets(text: str) -> str:
    depth, kept = 0, []
    for letter in text:
        depth += letter == "⟦"
        if not depth:
            kept.append(letter)
        depth -= letter == "⟧"
    return "".join(kept)


def test_the_template_of_the_catalogue_holds_what_templates_and_modules_say_now() -> None:
    from tests.tools import catalogue

    kept = catalogue.TEMPLATE.read_text(encoding="utf-8")
    assert kept == catalogue.template(), "run: python -m tests.tools.catalogue"


def visible(jinja: Environment, source: str) -> str:
    """A template as the page would have it with every expression left out but its bare texts."""
    out: list[str] = []
    translated, tokens, begun = False, [], ""
    for _, kind, value in jinja.lex(source):
        if kind in {"block_begin", "variable_begin"}:
            tokens, begun = [], kind
        elif kind in {"block_end", "variable_end"}:
            if begun == "variable_begin":
                out += bare_texts(tokens)
            elif tokens[0][1] in {"trans", "endtrans"}:
                translated = tokens[0][1] == "trans"
            begun = ""
        elif begun:
            if kind != "whitespace":
                tokens.append((kind, value))
        elif kind == "data" and not translated:
            out.append(value)
    return "".join(out)


def bare_texts(tokens: list[tuple[str, str]]) -> Iterator[str]:
    """Texts that an expression gives to the page by itself: no argument, key or comparison."""
    around = [("", ""), *tokens, ("", "")]
    for before, (kind, value), after in zip(around, around[1:], around[2:], strict=False):
        used = before[1] in {"(", ",", "[", "==", "!=", "in"} or after[1] in {":", "in", "]"}
        if kind == "string" and not used:
            yield value[1:-1]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_template_says_anything_that_no_catalogue_could_translate(file: Path) -> None:
    page = visible(environment(), file.read_text(encoding="utf-8"))
    said = {text.strip() for text in Told(page).said if WORD.search(text)}
    bare = {text for text in said if set(re.findall(r"[\w-]{2,}", text)) - NAMES}
    assert {text for text in bare if not ADDRESS.fullmatch(text)} == set()


def test_a_bare_phrase_in_a_template_is_found_wherever_it_stands() -> None:
    found = [
        '<p>Bare</p><p>{{ _("fine") }}</p>',
        '{% trans %}fine{% endtrans %}<b aria-label="Bare"></b>',
        '<i class="{{ "x" if y }}">{{ "Bare" if one == "two" else _("fine") }}</i>',
        '<p>{{ day or "Bare" }}</p>',
    ]
    for source in found:
        said = " ".join(Told(visible(environment(), source)).said)
        assert WORD.findall(said) == ["Bare"], source


def test_with_a_catalogue_of_brackets_every_page_says_its_own_words_in_brackets(
    tmp_path: Path,
) -> None:
    drawn = every_page(
        hostile(planned(), "zqx"), text="zqx", language="xx", locales=bracketed(tmp_path)
    )
    known = {"zqx", "Zqx", "Patient"} | NAMES
    known |= set(WORD.findall("Paula Pharm Piet Psych Ida Tee Ada Min u-ph u-it u-ad UTC RxNorm"))
    known |= set(WORD.findall("English Brackets Español psychiatry primary-care pharmacy lithium"))
    known |= set(WORD.findall("not decided reconcile dose-mismatch Observation NICE CG updated zq"))
    known |= {"ours", "Provenance", "MedicationStatement", "Flag", *WRITABLE}
    found: dict[str, str] = {}
    for address, html in drawn.pages.items():
        if "lang=es" in address:
            continue
        assert '<html lang="xx">' in html, address
        for text in outside_brackets("\n".join(Told(html).said)).splitlines():
            words = set(WORD.findall(text)) - known
            if words and not ADDRESS.fullmatch(text.strip()) and not CODE.fullmatch(text.strip()):
                found.setdefault(text.strip(), address)
    assert found == {}


def test_one_file_is_enough_for_another_language_and_readers_get_what_they_ask_for(
    tmp_path: Path,
) -> None:
    said = HEADER.format(name="Esperanto", pages="yes") + phrase("Worklist", "Laborlisto")
    (tmp_path / "eo.po").write_text(said, encoding="utf-8")
    patients = HEADER.format(name="Español", pages="no") + phrase("Worklist", "Lista")
    (tmp_path / "es.po").write_text(patients, encoding="utf-8")

    async def use(office: Office) -> None:
        patient = await office.patient()
        asked = {
            "eo": ("eo", "Laborlisto"),
            "fr, eo-XX;q=0.8, en;q=0.5": ("eo", "Laborlisto"),
            "en, eo;q=0.5": ("en", "Worklist"),
            "es": ("en", "Worklist"),
            "": ("en", "Worklist"),
        }
        for accepted, (language, words) in asked.items():
            headers = office.bearer() | {"Accept-Language": accepted}
            page = (await office.client.get("/patients", headers=headers)).text
            assert f'<html lang="{language}">' in page, accepted
            assert f"<h1>{words}</h1>" in page, accepted
        prints = f"/patients/{patient}/prints"
        index = (await office.client.get(prints, headers=office.bearer())).text
        for name in ("English", "Esperanto", "Español"):
            assert name in index
        sheet = await office.client.get(f"{prints}/patient-list?lang=es", headers=office.bearer())
        assert '<html lang="es">' in sheet.text

    in_office(use, locales=tmp_path)


def test_a_sites_own_folder_adds_languages_to_those_that_come_with_concord(tmp_path: Path) -> None:
    said = HEADER.format(name="Esperanto", pages="yes") + phrase("Worklist", "Laborlisto")
    (tmp_path / "eo.po").write_text(said, encoding="utf-8")
    folder = of_site(str(tmp_path))
    assert list(languages(folder)) == ["en", "eo", "es"]
    assert of_site("") == LOCALES
    settings = written(tmp_path, f'[web]\nlocales = "{tmp_path}"')
    assert load(settings, {}).web.locales == str(tmp_path)
    assert load(None, {"CONCORD_WEB__LOCALES": "here"}).web.locales == "here"


@pytest.mark.parametrize(
    ("catalogue", "complaint"),
    [
        ('msgid "{count} patient"\nmsgstr "{number} paciento"\n', "a field of"),
        ('msgid "Worklist"\nmsgstr Laborlisto\n', "line 2 is no PO"),
        ("Worklist = Laborlisto\n", "line 1 is no PO"),
    ],
)
def test_a_catalogue_that_would_break_a_page_stops_the_service_at_its_start(
    tmp_path: Path, catalogue: str, complaint: str
) -> None:
    (tmp_path / "eo.po").write_text(catalogue, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"eo.po: .*{complaint}"):
        of_site(str(tmp_path))
    with pytest.raises(SettingsError, match="is no folder"):
        of_site(str(tmp_path / "nowhere"))


def written(folder: Path, text: str) -> Path:
    file = folder / "concord.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_said_in_a_phrase_is_text_and_never_markup() -> None:
    page = environment().from_string(
        '{{ _("%(x)s shown", x=x) }}{% trans x=x %}<b>{{ x }}</b>{% endtrans %}'
    )
    assert page.render(x="<i>") == "&lt;i&gt; shown<b>&lt;i&gt;</b>"
    with speaking(Speech("xx", translations({"by": "<i>"}))):
        assert environment().from_string("{{ say('by') }}").render() == "&lt;i&gt;"


def test_a_phrase_that_counts_follows_the_plural_rule_of_its_language() -> None:
    polish = (
        'msgid ""\nmsgstr "Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && '
        '(n%100<10 || n%100>=20) ? 1 : 2);\\n"\n\n'
        'msgid "{count} patient"\nmsgid_plural "{count} patients"\n'
        'msgstr[0] "{count} pacjent"\nmsgstr[1] "{count} pacjenci"\nmsgstr[2] "{count} pacjentów"\n'
    )
    with speaking(Speech("pl", translations(entries(polish)))):
        said = [counted("{count} patient", "{count} patients", n) for n in (1, 2, 5, 22)]
        assert said == ["1 pacjent", "2 pacjenci", "5 pacjentów", "22 pacjenci"]
        assert say("today") == "today"
        assert say("") == ""
    assert counted("{count} patient", "{count} patients", 1) == "1 patient"


@pytest.mark.parametrize("file", sorted(LOCALES.glob("*.po")), ids=lambda file: file.stem)
def test_a_shipped_language_translates_phrases_that_there_are_with_the_same_fields(
    file: Path,
) -> None:
    known = set(every_phrase())
    for key, said in entries(file.read_text(encoding="utf-8")).items():
        if not key:
            continue
        assert key in known
        for form in said.split(PLURAL):
            fields = re.compile(r"%\(\w+\)s|{\w+}")
            assert set(fields.findall(form)) == set(fields.findall(key)), key
            assert ("<" in form, '"' in form) == ("<" in key, '"' in key), key


@drawn_from(st.text(alphabet="enxd-, ;q=0.5*é", max_size=40))
def test_whatever_a_browser_asks_for_the_answer_is_in_a_language_that_there_is(asked: str) -> None:
    assert preferred(asked, ("en", "de")) in {"en", "de"}
