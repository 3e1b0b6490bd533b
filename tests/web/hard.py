"""Patients whose pages are hard to draw: very long, very empty, unread, or with hostile words."""

from __future__ import annotations

from typing import Any

from tests.web.given import document, finding, line, medication, source

SOURCES = ("psychiatry", "primary-care", "pharmacy")
SIG = "Take one tablet every morning with a full glass of water; swallow it whole. " * 66
"""Directions of 5,000 characters."""
LONGEST = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
HOSTILE = (
    LONGEST,
    "\u202etelbat gm 05 eniltrartres\u202c",
    "s\u0336e\u0336r\u0336t\u0336r\u0336a\u0336l\u0336i\u0336n\u0336e\u0336" * 4,
    "<script>alert(1)</script> & \"quoted\" 'name'",
    "سيرترالين ٥٠ ملغ قرص فموي",
    "セルトラリン塩酸塩錠50mg「何とか」口腔内崩壊錠",
    " \u200b\u200b ",
    "-- none --",
)
"""Drug names: one that cannot be broken, turned round, struck through, markup, other scripts, of
nothing that can be seen, and one that looks like an answer of ours."""


def twelve() -> dict[str, Any]:
    """Twelve drugs of three sources: alike, different, in one source only, ended; four findings."""
    drugs = [
        _everywhere(n, agreement="identical" if n < 6 else "equivalent", authored="2026-08-27")
        for n in range(8)
    ]
    differing = [line("psychiatry", number=20), line("primary-care", number=21, dose=100)]
    ended = [
        line("psychiatry", number=22, state="stopped", status="stopped", end="2026-10-12"),
        line("pharmacy", "dispense", number=23, last_supplied="2026-11-02", days_supply=90),
    ]
    drugs += [
        medication(*differing, id="m-20", display="atorvastatin 40 mg oral tablet"),
        medication(*ended, id="m-22", display="citalopram 20 mg oral tablet", state="conflict"),
        medication(line("pharmacy", "dispense", number=24, dose=None), id="m-24",
                   display="ibuprofen 400 mg oral tablet", agreement="single-source"),
        medication(line("psychiatry", number=25, state="stopped", status="stopped"), id="m-25",
                   display="mirtazapine 15 mg oral tablet", state="stopped", agreement="identical"),
    ]  # fmt: skip
    told = (
        finding("dose-mismatch", *differing, id="f-20", medications=["m-20"]),
        finding("stopped-versus-active", *ended, id="f-22", medications=["m-22"]),
        finding("drug-interaction", *differing, id="f-24", medications=["m-24", "m-0"],
                severity="moderate", advice="Consider a level within a week."),
        finding("omission-self-medication", *ended, id="f-25", medications=["m-24"],
                severity="low"),
        finding("above-maximum", bucket="not-evaluable", id="f-26", reason="The age is missing."),
    )  # fmt: skip
    return document(*drugs, findings=told, sources=_read())


def three_hundred() -> dict[str, Any]:
    """300 drugs, each in three sources, a finding for every third."""
    drugs = [
        _everywhere(n, agreement="different", authored=f"2026-{n % 10 + 1:02}-01")
        for n in range(300)
    ]
    told = tuple(
        finding("dose-mismatch", *drugs[n]["lines"], id=f"f-{n}", medications=[f"m-{n}"],
                title=f"Drug number {n}: the doses differ")
        for n in range(0, 300, 3)
    )  # fmt: skip
    return document(*drugs, findings=told, sources=_read())


def hostile_words() -> dict[str, Any]:
    """Names that break layouts and directions of 5,000 characters, in every field of a source."""
    drugs = [
        medication(
            line("psychiatry", number=n, text=name, sig=SIG, timing=SIG, requester=name),
            line("pharmacy", "dispense", number=n, text=name, sig=SIG, dose=100),
            id=f"m-{n}", display=name, indication=[name],
        )
        for n, name in enumerate(HOSTILE)
    ]  # fmt: skip
    told = tuple(
        finding("dose-mismatch", *drugs[n]["lines"], id=f"f-{n}", medications=[f"m-{n}"],
                title=name, message=SIG)
        for n, name in enumerate(HOSTILE)
    )  # fmt: skip
    content = document(*drugs, findings=told, sources=_read())
    content["patient"]["name"] = LONGEST
    content["context"]["allergies"] = [LONGEST, HOSTILE[4]]
    return content


def nothing() -> dict[str, Any]:
    """No drug, though every source was read to its end."""
    return document(sources=_read())


def everything_missing() -> dict[str, Any]:
    """A person of whom only the record's number is known, with a line that says nothing."""
    bare = line("psychiatry", dose=None, text="", status="", route="", form="", timing="",
                authored=None, coding=[])  # fmt: skip
    drug = medication(bare, display="", route="", form="", ingredients=[], state="unknown",
                      agreement="single-source")  # fmt: skip
    content = document(drug, sources=(source("psychiatry"),))
    content["patient"] |= {"name": "", "birth_date": None, "sex": ""}
    return content


def unread(state: str, *drugs: dict[str, Any]) -> dict[str, Any]:
    """One source was read, the pharmacy not: unavailable, withheld, partial or stale."""
    read = (source("psychiatry"), source("primary-care"), source("pharmacy", state))
    return document(*drugs, sources=read)


def _everywhere(number: int, agreement: str, authored: str) -> dict[str, Any]:
    lines = (
        line("psychiatry", number=number, authored=authored, requester="Dr. Tobias Marrowby"),
        line("primary-care", number=number, authored=authored, requester="Dr. Otto Fennimore"),
        line("pharmacy", "dispense", number=number, authored=authored,
             last_supplied="2026-11-01", days_supply=30),
    )  # fmt: skip
    return medication(
        *lines, id=f"m-{number}", display=f"sertraline {number} mg oral tablet", agreement=agreement
    )


def _read() -> tuple[dict[str, Any], ...]:
    return tuple(source(name) for name in SOURCES)
