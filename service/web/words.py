"""How a page says what a line says: doses, times of day, ages, states, in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from service.web.language import say

MOMENTS: Final = {
    "MORN": "in the morning",
    "MORN.early": "early in the morning",
    "MORN.late": "late in the morning",
    "NOON": "at noon",
    "AFT": "in the afternoon",
    "AFT.early": "early in the afternoon",
    "AFT.late": "late in the afternoon",
    "EVE": "in the evening",
    "EVE.early": "early in the evening",
    "EVE.late": "late in the evening",
    "NIGHT": "at night",
    "PHS": "after falling asleep",
    "HS": "at bedtime",
    "WAKE": "on waking",
    "C": "with meals",
    "CM": "with breakfast",
    "CD": "with lunch",
    "CV": "with dinner",
    "AC": "before meals",
    "ACM": "before breakfast",
    "ACD": "before lunch",
    "ACV": "before dinner",
    "PC": "after meals",
    "PCM": "after breakfast",
    "PCD": "after lunch",
    "PCV": "after dinner",
}
"""FHIR EventTiming and HL7 v3-TimingEvent, as people say them."""

UNITS: Final = {
    "{1.73_m2}": "1.73 m²",
    "{score}": "",
    "mm[Hg]": "mmHg",
    "m[IU]/L": "mIU/L",
    "[IU]": "IU",
    "10*3/uL": "10³/µL",
    "ug/": "mcg/",
}

WEEKDAYS: Final = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}

_TIMES_A_DAY: Final = {"once a day": 1, "twice a day": 2, "3 times a day": 3, "4 times a day": 4}
_CODED: Final = re.compile(r"(?P<often>.+) \((?P<codes>[A-Za-z.]+(?:, [A-Za-z.]+)*)\)")

KINDS: Final = {
    "request": "order",
    "statement": "reported",
    "dispense": "filled",
    "administration": "given",
}


def timing_words(timing: str) -> str:
    """ "once a day (MORN)" as "in the morning"; a timing without codes stays as it is."""
    found = _CODED.fullmatch(timing)
    if found is None:
        return say(timing)
    often, codes = found["often"], found["codes"].split(", ")
    if any(code not in MOMENTS and code not in WEEKDAYS for code in codes):
        return timing
    moments = [say(MOMENTS[code]) for code in codes if code in MOMENTS]
    days = [say(WEEKDAYS[code]) for code in codes if code in WEEKDAYS]
    said_by_moments = moments and _TIMES_A_DAY.get(often) == len(moments)
    words = [] if said_by_moments else [say(often)]
    if days:
        words.append(say("on {days}", days=listed(days)))
    if moments:
        words.append(listed(moments))
    return ", ".join(words)


def dose_words(line: Mapping[str, Any]) -> str:
    """ "100 mg a day", "234 mg every 28 d", "as needed, at most 4 mg a day", "dose not read".

    A depot without an interval has the dose of one injection: nothing is said of a day.
    """
    parts = []
    depot, days = line.get("class") == "depot", line["interval_d"]
    for dose in line["daily_doses"]:
        if dose["value"] is None:
            if dose["max"] is not None:
                parts.append(say("at most {dose} a day", dose=f"{dose['max']} {dose['unit']}"))
            continue
        amount = f"{dose['value']} {dose['unit']}"
        if days:
            parts.append(say("{dose} every {days} d", dose=amount, days=days))
        else:
            each = say("{dose} each", dose=amount) if depot else say("{dose} a day", dose=amount)
            parts.append(each)
    if line["as_needed"]:
        return ", ".join([say("as needed"), *parts])
    return " + ".join(parts) or say("dose not read")


def status_words(line: Mapping[str, Any]) -> str:
    """ "active order", "reported, active", "filled", "given"; other statuses as they are."""
    kind, status = KINDS[line["kind"]], line["status"] or "no status"
    if kind == "order":
        said = say("{status} order", status=say(status))
        return said if line["status"] else say("order without status")
    if kind in {"filled", "given"} and status == "completed":
        return say(kind)
    return f"{say(kind)}, {say(status)}"


def about(patient: Mapping[str, Any], as_of: str) -> str:
    """ "female, born 1984-03-02, 42 years" with what is known of it."""
    born = patient.get("birth_date")
    words = [say(patient.get("sex") or "sex not given")]
    if born:
        years = int(as_of[:4]) - int(born[:4]) - (as_of[5:] < born[5:])
        words += [say("born {day}", day=born), say("{count} years", count=years)]
    else:
        words.append(say("birth date not given or contradicted"))
    return ", ".join(words)


def unit_words(text: str) -> str:
    """UCUM as people write it: "mL/min/1.73 m²", "mmHg", "mcg"; what is not UCUM stays as it is.

    Micrograms are "mcg", not with a Greek letter (ISMP list of error-prone abbreviations, 2021).
    """
    for ucum, words in UNITS.items():
        text = text.replace(ucum, words)
    return text.strip()


def first_upper(text: str) -> str:
    """The text with its first letter as a capital and nothing else changed: eGFR stays eGFR."""
    mixed = any(letter.isupper() for letter in text.split(" ")[0])
    return text if mixed else text[:1].upper() + text[1:]


def visible(text: str) -> bool:
    """Whether a reader sees anything of this text: spaces and zero-width characters are nothing."""
    return any(sign.isprintable() and not sign.isspace() for sign in text)


def listed(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return say("{words} and {last}", words=", ".join(words[:-1]), last=words[-1])


def days_between(earlier: str, later: str) -> int:
    """Whole days from one ISO day to another."""
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days
