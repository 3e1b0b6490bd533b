"""The language of the page that is being made: what each phrase is in it, from gettext catalogues.

English is the key of every phrase; `locales/concord.pot` lists all of them, `locales/<language>.po`
holds one language; a site's own folder adds languages or replaces one of ours. A catalogue that
says `X-Concord-Pages: yes` of itself is offered to readers whose browser asks for its language; one
that does not serves the patient's prints alone. What a rule or a pure stage says is content in the
words of its file, and is no phrase of a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import SettingsError
from service.prints.words import PLURAL, Words, entries, translations

ENGLISH: Final = "en"
_SPEECH: Final = "concord.speech"
LOCALES: Final = Path(__file__).parent / "locales"
PAGES: Final = "x-concord-pages"
NAME: Final = "x-language-name"
_FIELD: Final = re.compile(r"%\(\w+\)s|{\w+}")
_LONGEST: Final = 1_000
"""Characters of an Accept-Language header beyond which nothing is looked for in it."""


class Speech:
    """One language: its tag, as HTML's `lang` has it, and its phrases."""

    def __init__(self, language: str = ENGLISH, phrases: NullTranslations | None = None) -> None:
        self.language = language
        self.phrases = phrases or NullTranslations()


_SPOKEN: ContextVar[Speech] = ContextVar("spoken", default=Speech())  # noqa: B039 - never changed


def spoken() -> str:
    """The tag of the language of the page that is being made: "en", "es"."""
    return _SPOKEN.get().language


def gettext(text: str) -> str:
    """The phrase in the page's language; itself where the catalogue has none."""
    return _SPOKEN.get().phrases.gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """The phrase for so many, as the plural rule of the page's language picks it."""
    return _SPOKEN.get().phrases.ngettext(one, many, count)


def say(text: str, /, **values: object) -> str:
    """The phrase in the page's language with its `{name}`s filled in; a word of no list as it is.

    The answer is text, never markup: templates escape it.
    """
    said = gettext(text)
    return said.format(**values) if values else said


def counted(one: str, many: str, count: int, /, **values: object) -> str:
    """ "1 fill", "3 fills" from "{count} fill" and "{count} fills", in the page's language."""
    return ngettext(one, many, count).format(count=count, **values)


@contextmanager
def speaking(speech: Speech) -> Iterator[None]:
    """What is made inside is made in this language."""
    before = _SPOKEN.set(speech)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


@cache
def catalogues(folder: Path = LOCALES) -> dict[str, Path]:
    """The file of each language: those that come with Concord, and over them those of `folder`."""
    return {file.stem: file for at in (LOCALES, folder) for file in sorted(at.glob("*.po"))}


def of_site(folder: str) -> Path:
    """A site's own folder of catalogues, each of them read once; ours where none is named.

    Raises: SettingsError naming the file and the phrase that cannot be used, before anybody reads
        a page in it.
    """
    if not folder:
        return LOCALES
    at = Path(folder)
    if not at.is_dir():
        raise SettingsError(f"web.locales: {folder} is no folder")
    for file in sorted(at.glob("*.po")):
        try:
            found = entries(file.read_text(encoding="utf-8"))
            translations(found)
        except ValueError as error:
            raise SettingsError(f"web.locales: {file.name}: {error}") from None
        for key, said in found.items():
            for form in said.split(PLURAL) if key else ():
                if set(_FIELD.findall(form)) - set(_FIELD.findall(key)):
                    raise SettingsError(
                        f"web.locales: {file.name}: a field of {form!r} is none of {key!r}"
                    )
    return at


@cache
def speech_in(language: str, folder: Path = LOCALES) -> Speech:
    """The phrases of one language, from its catalogue; English needs none."""
    if language == ENGLISH:
        return Speech()
    found = entries(catalogues(folder)[language].read_text(encoding="utf-8"))
    return Speech(language, translations(found))


@cache
def words_in(language: str, folder: Path = LOCALES) -> Words:
    """The same for prints, whose language is the recipient's and not the reader's."""
    if language == ENGLISH:
        return Words()
    found = entries(catalogues(folder)[language].read_text(encoding="utf-8"))
    return Words(language, {text: said for text, said in found.items() if text})


@cache
def languages(folder: Path = LOCALES) -> dict[str, str]:
    """The languages that there are, English first, each with its own name for itself."""
    found = sorted(catalogues(folder).items())
    return {ENGLISH: "English"} | {code: header(file).get(NAME, code) for code, file in found}


@cache
def page_languages(folder: Path = LOCALES) -> tuple[str, ...]:
    """Those in which pages are offered."""
    found = sorted(catalogues(folder).items())
    return (ENGLISH, *(code for code, file in found if header(file).get(PAGES) == "yes"))


def header(file: Path) -> dict[str, str]:
    """What a catalogue says of itself, keys in small letters."""
    said = entries(file.read_text(encoding="utf-8")).get("", "")
    pairs = (line.partition(":") for line in said.splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def preferred(accepted: str, offered: tuple[str, ...]) -> str:
    """The language that a reader likes best of those offered; English where none is.

    Args:
        accepted: an Accept-Language header, "de-AT, de;q=0.9, en;q=0.5" (RFC 9110, 12.5.4). A
            narrower tag is served by the wider catalogue: de-AT by de.
    """
    liked = []
    for number, part in enumerate(accepted[:_LONGEST].split(",")):
        tag, _, quality = part.strip().partition(";")
        share = _quality(quality)
        if tag and share > 0:
            liked.append((-share, number, tag.strip().lower()))
    known = {language.lower(): language for language in offered}
    for _, _, tag in sorted(liked):
        parts = tag.split("-")
        wider = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
        served = next((known[one] for one in wider if one in known), "")
        if served:
            return served
    return ENGLISH


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class InTheReadersLanguage:
    """ASGI middleware: each answer is made in the language that its reader's browser asks for."""

    def __init__(self, app: ASGIApp, folder: Path = LOCALES) -> None:
        self.app = app
        self.folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = Headers(scope=scope).get("accept-language", "")
        language = preferred(accepted, page_languages(self.folder))
        scope[_SPEECH] = speech_in(language, self.folder)
        with speaking(scope[_SPEECH]):
            await self.app(scope, receive, send)


def speech_of(scope: Scope) -> Speech:
    """The language that was found for this request, also where its answer is made outside."""
    found = scope.get(_SPEECH)
    return found if isinstance(found, Speech) else Speech()
