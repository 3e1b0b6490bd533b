"""Why a source was not read whole or a server gets nothing, in the page's language.

What reads and what writes is pure or far from any page: it says its reasons in English, with names
and numbers in them. Here they are recognized by their sentence and said as a phrase of the
catalogue; what a server itself said, and what no sentence below is, stays as it was written.
"""

from __future__ import annotations

import re
from typing import Final

from service.web.language import ENGLISH, say, spoken

OF_WRITES: Final = (
    "it is no FHIR server that can be written to",
    "writing {type} is not switched on for it",
    "it could not say what it takes ({why})",
    "it does not take {type}",
    "adding to a {type} of others is not switched on for it",
    "it does not say that it guards versions, and others' words could be lost",
    "it is not decided whether these records are this person: {records}",
    "it holds no certain record of this person",
    "the version of our earlier resource is not known there",
    "the signature covers single decisions, not the whole list",
    "not every source was complete: {why}",
    "{count} medications are undecided",
    "a {type} goes instead",
    "somebody took our reference out of this plan; it is not put back",
    "it says nothing new: the plan refers to all of it already",
    "its text cannot be read",
    "it is not sound as it stands ({problem})",
    "its text cannot be edited without doubt: {problem}",
    "a label protects it and no consent lets it go there",
    "a consent refuses it",
    "a consent may refuse it: whom or what it means could not be told",
    "a consent could not be read as a whole; it may refuse it",
    "a label keeps it from the patient until the attending provider agrees",
)
OF_READS: Final = (
    "the CapabilityStatement does not offer it",
    "{parameter} is refused by this server, and is missing",
    "more than {count} are referred to, the rest not read",
    "{count} on another server, not followed",
    "total says {total}, {count} came",
    "page {number} of {type}: {why}",
    "the self link no longer holds {names}: the server ignored it",
    "no self link, so nothing proves what was searched",
    "an entry that names no patient was left out",
    "entries of another patient, the page was refused",
    "the server offers no medication resources at all",
    "no patient id that an address can carry was given",
    "no record of this patient in {file}",
    "no answer within {count} s",
    "no connection within {count} s",
    "no connection",
    "connection refused",
    "the host name is not known",
    "the connection was lost before the answer was whole",
)
SENTENCES: Final = (*OF_WRITES, *OF_READS)
OF_STATE: Final = "{name} is {state}"
"""A source with its state, as in "not every source was complete: pharmacy is stale"."""
_STATE: Final = re.compile(
    r"(?P<name>[^;:]+) is (?P<state>complete|partial|stale|withheld|unavailable)"
)


_FIELDS: Final = {"type": r"\w+", **dict.fromkeys(("count", "number", "total"), r"\d[\d.e+]*")}


def why(reason: str) -> str:
    """A reason as the reader's language has it; English, and what is not known here, as it is."""
    if spoken() == ENGLISH:
        return reason
    return _told(reason) or "; ".join(_told(part) or part for part in reason.split("; "))


def _told(text: str) -> str:
    """The sentence, also behind what it is about ("CarePlan/7: ..."); "" where it is not known."""
    about, rest = "", text
    while not (said := _said(rest)):
        before, colon, rest = rest.partition(": ")
        if not colon:
            return ""
        about += before + colon
    return about + said


def _said(text: str) -> str:
    for sentence, form in _FORMS:
        if found := form.fullmatch(text):
            values = found.groupdict()
            if "why" in values:
                values["why"] = why(values["why"])
            return say(sentence, **values)
    if found := _STATE.fullmatch(text):
        return say(OF_STATE, name=found["name"], state=say(found["state"]))
    return ""


def _form(sentence: str) -> re.Pattern[str]:
    """What a sentence looks like with a type, a number or anything in the place of its names."""
    parts = re.split(r"\{(\w+)\}", sentence)
    texts, names = parts[::2], parts[1::2]
    form = re.escape(texts[0])
    for name, text in zip(names, texts[1:], strict=True):
        form += f"(?P<{name}>{_FIELDS.get(name, '.+?')}){re.escape(text)}"
    return re.compile(form, re.DOTALL)


_FORMS: Final = tuple((sentence, _form(sentence)) for sentence in SENTENCES)
