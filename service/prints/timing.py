"""How often and when something is taken, in plain words of the language of a print."""

from __future__ import annotations

import re
from typing import Final

from service.prints.words import Words

WHEN: Final = {
    "MORN": "in the morning",
    "NOON": "at noon",
    "AFT": "in the afternoon",
    "EVE": "in the evening",
    "NIGHT": "at night",
    "HS": "at bedtime",
    "WAKE": "after waking up",
    "C": "with meals",
    "CM": "with breakfast",
    "CD": "with lunch",
    "CV": "with the evening meal",
    "AC": "before meals",
    "PC": "after meals",
}
"""FHIR event-timing codes in plain words (http://hl7.org/fhir/event-timing)."""

_TIMING: Final = re.compile(r"(?P<often>[^()]+?)(?: \((?P<when>[A-Z, ]+)\))?")
_EVERY: Final = re.compile(r"once every (?P<n>\d+(?:\.\d+)?) (?P<unit>days|hours|weeks)")
_TIMES: Final = re.compile(r"(?P<n>\d+(?:\.\d+)?) times a day")
OFTEN: Final = frozenset({"once a day", "twice a day"})


def timing_in(timing: str, words: Words) -> tuple[str, bool]:
    """ "once a day (HS)" in plain words, and whether that could be said in this language."""
    read = _TIMING.fullmatch(timing)
    if not timing or read is None:
        return timing, not timing
    often, when = read["often"], read["when"]
    every, times = _EVERY.fullmatch(often), _TIMES.fullmatch(often)
    if every:
        said, known = words.say(f"every {{n}} {every['unit']}", n=every["n"]), True
    elif times:
        said, known = words.say("{n} times a day", n=times["n"]), True
    else:
        said, known = words.say(often), often in OFTEN
    codes = [code.strip() for code in when.split(",")] if when else []
    known = known and all(code in WHEN for code in codes)
    moments = [words.say(WHEN.get(code, code)) for code in codes]
    return ", ".join([said, *moments]), known
