"""A direction's text made ready for the grammar: lower case, digits for number words, no glue.

A fixed number of passes over at most LONGEST characters, so that its time is bounded.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 400
NUMBER = r"\d{1,9}(?:\.\d{1,6})?"
_NUMBER_WORDS = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "half": "0.5",
    "once": "1 times",
    "twice": "2 times",
    "thrice": "3 times",
}
_ROMAN = {"i": "1", "ii": "2", "iii": "3"}
_ROMAN_COUNT = re.compile(r"\b(i{1,3})(?= (?:tab|cap)(?:let|sule)?s?\b)")
_BARE_POINT = re.compile(r"(?:(?<=[\s(-])|\A)\.(?=\d)")
"""`.5 mg` is half a milligram; read as a full stop it would be five (ISMP, error-prone doses)."""

_COUNTED = r"(?:times?|tab|cap|pill|puff|drop|spray|hour|hr|day|week|patch|ml\b)"
_VULGAR = re.compile(r"(?<=\d)(?=[½¼¾⅓⅔⅛])")
_THOUSANDS = re.compile(r"(?<=\d)(?<!\b0),(?=\d{3}(?!\d))")
"""Of 1,000; the comma of 0,125 stands for a decimal point, and such numbers are not read."""

_AND_A_HALF = re.compile(r"\b(one|two|three|four|[1-9]) (?:and|&) (?:a |one[- ])?(?:half|1/2)\b")
_HALF = re.compile(r"\b(?:one|a)[- ]half\b(?: (?:of )?an?\b)?|\bhalf an?\b")
_NUMBER_WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(_NUMBER_WORDS)})(?![a-z])")
_FRACTION = re.compile(r"(?:\b(\d{1,3})[ -])?\b(\d{1,2}) ?/ ?(\d{1,2})\b(?![/.\d])")
_TO = re.compile(rf"({NUMBER}) ?(?:-|–|—|or) ?(?={NUMBER})")
_REPEATED = re.compile(
    rf"\b({NUMBER}(?: to {NUMBER})?) (?:\(\1\)|\1(?= {_COUNTED}))"  # 1 (1) time, 4 4 hours
)
_UNGLUED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    # Exports that drop markup glue words together: bidx5days, bidprnfor, dailyinstrdo not crush.
    # The last of each is what a line holds wherever the pattern can match.
    (
        re.compile(r"\b(bid|tid|qid|qhs|qd|daily|day|hrs?|po)(?=x ?\d|prn|instr|int ?prn)"),
        r"\1 ",
        "",
    ),
    (re.compile(r"(?<=\d)(?=[a-zµμ])"), " ", ""),
    (re.compile(r"\b(days|hr|weeks)(?=prn|instr)"), r"\1 ", ""),
    (re.compile(r"\binstr(?=[a-z])(?!uct)"), "instr ", "instr"),
    (re.compile(r"\bcovered(?=inform)"), "covered ", "covered"),
    (re.compile(r"\b(?:int ?)?prn(?=[a-z])"), "prn ", "prn"),
    (re.compile(r"\bint ?prn\b"), "prn", "prn"),
    (re.compile(r"(?<=[a-z])prn\b"), " prn", "prn"),
    (re.compile(r"\b([xq])(?=\d)"), r"\1 ", ""),
    (re.compile(r"\b(\d+) x ?(?=/|a day|per|daily|week|day\b|each|every|wk)"), r"\1 times ", "x"),
)


def prepared(text: str) -> str:
    """The text, of at most LONGEST characters, as the grammar reads it."""
    apart = _VULGAR.sub(" ", text)
    line = " ".join(unicodedata.normalize("NFKC", apart).lower().replace("⁄", "/").split())
    line = _BARE_POINT.sub("0.", _THOUSANDS.sub("", line))
    line = _ROMAN_COUNT.sub(lambda found: _ROMAN[found[1]], line)
    line = _AND_A_HALF.sub(lambda found: _NUMBER_WORDS.get(found[1], found[1]) + ".5", line)
    line = _HALF.sub("half", line)
    line = _NUMBER_WORD.sub(lambda found: _NUMBER_WORDS[found[0]], line)
    for pattern, by, held in _UNGLUED:
        if held in line:
            line = pattern.sub(by, line)
    if "/" in line:
        line = _FRACTION.sub(_fraction, line)
    line = _TO.sub(r"\1 to ", line)
    return _REPEATED.sub(r"\1", line)


def _fraction(found: re.Match[str]) -> str:
    whole, top, bottom = int(found[1] or 0), int(found[2]), int(found[3])
    if bottom not in (2, 3, 4, 8) or top >= bottom:
        return found[0]
    return f"{whole + top / bottom:g}"
