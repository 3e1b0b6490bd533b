"""Jinja2 with autoescaping always on: what a source wrote is text, never markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from service.web.clock import day, moment, zone_of
from service.web.language import counted, gettext, ngettext, say, spoken
from service.web.people.rights import Right, may
from service.web.reasons import why

FOLDER = Path(__file__).parent
STATIC: Final = FOLDER / "static"
DAY: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
INDENTATION: Final = re.compile(r"^[ \t]+", re.MULTILINE)


class Templates(FileSystemLoader):
    """Templates of this folder without their indentation, which no reader of a page sees."""

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source, file, fresh = super().get_source(environment, template)
        return INDENTATION.sub("", source), file, fresh


@cache
def assets() -> Mapping[str, str]:
    """Each static file's address by its name, with its content's digest: another content is another
    address, so that a browser keeps it for good and never shows a new page in an old style.
    """
    digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in STATIC.iterdir()}
    return {name: f"/static/{name}?v={digest[:12]}" for name, digest in digests.items()}


def phrase(text: str, /, **values: object) -> Markup:
    """A phrase of a template in the page's language; values for its `%(name)s` are escaped.

    What newstyle gettext of Jinja gives, in a fifth of its time: pages say thousands of phrases.
    """
    return _filled(gettext(text), values)


def counted_phrase(one: str, many: str, num: int, /, **values: object) -> Markup:
    """The same for one or for many; `%(num)s` is how many."""
    return _filled(ngettext(one, many, num), {"num": num, **values})


def _filled(said: str, values: Mapping[str, object]) -> Markup:
    if "%" not in said:
        return Markup(said)  # noqa: S704 - a phrase of a template or a catalogue
    safe = {name: escape(value) for name, value in values.items()}
    return Markup(said % safe)  # noqa: S704 - every value is escaped


def whole_days(text: str) -> Markup:
    """Words with dates in them, none of which a narrow column breaks in two."""
    escaped = DAY.sub(r'<span class="day">\g<0></span>', str(escape(text)))
    return Markup(escaped)  # noqa: S704 - escaped, and a date is digits


@cache
def environment() -> Environment:
    """The templates of this folder; a name that a page does not know is an error, not a blank."""
    made = Environment(
        loader=Templates(FOLDER / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.newstyle_gettext = True  # type: ignore[attr-defined]
    made.globals |= {"_": phrase, "gettext": phrase, "ngettext": counted_phrase}
    made.globals |= {"moment": moment, "day_of": day, "may": may, "Right": Right}
    made.globals |= {"assets": assets()}
    made.globals |= {"zone_name": "UTC", "say": say, "counted": counted, "spoken": spoken}
    made.globals |= {"why": why}
    made.filters["whole_days"] = whole_days
    return made


def render(
    request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **values: object
) -> HTMLResponse:
    """One page; `user` is who is signed in, None on pages before that.

    Moments are told in the reader's own zone.
    """
    zone = zone_of(request)
    html = (
        environment()
        .get_template(template)
        .render(
            user=getattr(request.state, "user", None),
            moment=partial(moment, zone=zone),
            zone_name=str(zone),
            day_of=partial(day, zone=zone),
            **values,
        )
    )
    return HTMLResponse(html, status.value)
