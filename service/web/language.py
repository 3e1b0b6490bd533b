"""The language of the page that is being made: what each phrase is in it, from gettext catalogues.

English is the key of every phrase; `locales/concord.pot` lists all of them, `locales/<language>.po`
holds one language. A catalogue that says `X-Concord-Pages: yes` of itself is offered to readers
whose browser asks for its language; one that does not serves the patient's prints alone. What a
rule or a pure stage says is content in the words of its file, and is no phrase of a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.prints.words import Words, entries, translations

ENGLISH: Final = "en"
LOCALES: Final = Path(__file__).parent / "locales"
PAGES: Final = "x-concord-pages"
NAME: Final = "x-language-name"
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
def speech_in(language: str, folder: Path = LOCALES) -> Speech:
    """The phrases of one language, from its catalogue; English needs none."""
    if language == ENGLISH:
        return Speech()
    found = entries((folder / f"{language}.po").read_text(encoding="utf-8"))
    return Speech(language, translations(found))


@cache
def words_in(language: str, folder: Path = LOCALES) -> Words:
    """The same for prints, whose language is the recipient's and not the reader's."""
    if language == ENGLISH:
        return Words()
    found = entries((folder / f"{language}.po").read_text(encoding="utf-8"))
    return Words(language, {text: said for text, said in found.items() if text})


@cache
def languages(folder: Path = LOCALES) -> dict[str, str]:
    """The languages that there are, English first, each with its own name for itself."""
    found = {file.stem: header(file).get(NAME, file.stem) for file in sorted(folder.glob("*.po"))}
    return {ENGLISH: "English", **found}


@cache
def page_languages(folder: Path = LOCALES) -> tuple[str, ...]:
    """Those in which pages are offered."""
    offered = [f.stem for f in sorted(folder.glob("*.po")) if header(f).get(PAGES) == "yes"]
    return (ENGLISH, *offered)


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
        with speaking(speech_in(language, self.folder)):
            await self.app(scope, receive, send)
