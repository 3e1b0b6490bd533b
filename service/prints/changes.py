"""What is new about a patient since a day: for the page of a clinician, and as a letter to one.

Two ways lead there. What sources date after the day is told from the newest report alone. What no
source dates (a dose that reads otherwise, a finding that appeared or went) is told by comparing
with the report of that time, where one was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.prints.material import Material, Stamp, dose, is_depot, stamp
from service.prints.words import ENGLISH, Words
from service.review.items import is_shown

Report = Mapping[str, Any]
Medication = Mapping[str, Any]

KEPT: Final = frozenset({"fulfilled", "finished", "arrived", "checked-in", "in-progress"})
SEEN: Final = "seen"
MISSED: Final = {"noshow": "missed", "cancelled": "cancelled"}
"""Contacts that did not take place, with the word for it."""
COUNTED: Final = (
    ("{count} change of a drug", "{count} changes of drugs"),
    ("{count} new finding", "{count} new findings"),
    ("{count} finding gone", "{count} findings gone"),
    ("{count} new result", "{count} new results"),
    ("{count} contact", "{count} contacts"),
)
"""How many of each kind of news, in the order of `Changes`: for one and for many."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that is new: what it is about, what happened, on which day ("" undated), where."""

    about: str
    words: str
    day: str
    source: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything since `since`. `compared` is the day of the report compared with, "" for none."""

    since: str
    compared: str
    drugs: tuple[News, ...]
    findings: tuple[News, ...]
    gone: tuple[News, ...]
    results: tuple[News, ...]
    contacts: tuple[News, ...]

    @property
    def empty(self) -> bool:
        return not (self.drugs or self.findings or self.gone or self.results or self.contacts)

    @property
    def counts(self) -> list[tuple[int, str, str]]:
        """How many of each kind, with the phrases for one and for many; none of nothing."""
        found = (len(kind) for kind in (self.drugs, self.findings, self.gone, self.results))
        every = zip((*found, len(self.contacts)), COUNTED, strict=True)
        return [(count, one, many) for count, (one, many) in every if count]


@dataclass(frozen=True, slots=True)
class ChangesLetter:
    """The letter: to whom, and what is new."""

    stamp: Stamp
    addressee: str
    changes: Changes


def changes_letter(
    material: Material, addressee: str, since: str, before: Report | None, words: Words
) -> ChangesLetter:
    """What is new since a day, for one clinician."""
    return ChangesLetter(
        stamp(material, words), addressee, changes(material.report, since, before, words)
    )


def changes(
    now: Report, since: str, before: Report | None = None, words: Words = ENGLISH
) -> Changes:
    """What is new in `now` since the day `since` (ISO).

    Args:
        before: the report that stood then, where one was kept.
        words: the language in which it is told.
    """
    dated = [news for medication in now["medications"] for news in _dated(medication, since, words)]
    told = {(news.about, news.source) for news in dated}
    undated = [] if before is None else list(_compared(before, now, told, words))
    appeared, gone = _findings(before, now) if before is not None else ((), ())
    context = now.get("context", {})
    return Changes(
        since=since,
        compared=str(before["as_of"]) if before is not None else "",
        drugs=tuple(sorted((*dated, *undated), key=_newest_first)),
        findings=appeared,
        gone=gone,
        results=tuple(
            sorted(
                (_result(r) for r in context.get("results", ()) if r["date"] > since),
                key=_newest_first,
            )
        ),
        contacts=tuple(_contacts(context.get("visits", ()), since, str(now["as_of"]), words)),
    )


def last_visit(now: Report, clinician: str) -> str:
    """The day of the last kept contact with this clinician, "" where none is recorded."""
    kept = [
        visit["date"]
        for visit in now.get("context", {}).get("visits", ())
        if visit["status"] in KEPT
        and visit["date"] <= str(now["as_of"])
        and any(same_person(clinician, name) for name in visit["with"])
    ]
    return max(kept, default="")


def clinicians(now: Report) -> list[tuple[str, str]]:
    """Whom kept contacts name first, each with the day of the last one; who saw last comes first.

    What stands behind the first name of a contact (a specialty, a site) is no person.
    """
    seen: dict[str, str] = {}
    for visit in now.get("context", {}).get("visits", ()):
        if visit["status"] in KEPT and visit["with"] and visit["date"] <= str(now["as_of"]):
            name = str(visit["with"][0]).partition(",")[0].strip()
            seen[name] = max(seen.get(name, ""), visit["date"])
    return sorted(seen.items(), key=lambda one: (-int(one[1].replace("-", "")), one[0]))


_TITLES: Final = frozenset(
    {"dr", "prof", "md", "do", "pharmd", "phd", "np", "pa", "rph", "mr", "ms"}
)


def same_person(one: str, other: str) -> bool:
    """Whether two ways to write a name are one clinician's: at least two names in common, or all.

    Titles are left out: "Dr. Tobias Marrowby" is "Tobias Marrowby, MD".
    """
    first, second = _names(one), _names(other)
    shared = first & second
    return bool(shared) and (len(shared) > 1 or first == second)


def _names(written: str) -> frozenset[str]:
    words = "".join(c if c.isalnum() else " " for c in written.casefold()).split()
    return frozenset(word for word in words if word not in _TITLES and len(word) > 1)


def _newest_first(news: News) -> tuple[int, str, str]:
    day = int(news.day.replace("-", "")) if news.day else 0
    return -day, news.about, news.source


def _dated(medication: Medication, since: str, words: Words) -> Iterable[News]:
    """Orders that began or ended, and first fills, as their sources date them."""
    supplied: dict[str, list[str]] = {}
    for line in medication["lines"]:
        begun = line["start"] or line["authored"] or ""
        if line["kind"] in {"dispense", "administration"}:
            supplied.setdefault(line["source"], []).append(line["last_supplied"] or begun)
            continue
        taken = dose(line, words, depot=is_depot(medication)) or words.say("dose not read")
        if begun > since:
            told = words.say("began: {dose}", dose=taken)
            yield News(medication["display"], told, begun, line["source"])
        if line["state"] == "stopped" and (line["end"] or "") > since:
            told = words.say("ended: {dose}", dose=taken)
            yield News(medication["display"], told, line["end"], line["source"])
    for source, days in supplied.items():
        if min(days) > since:
            told = words.say("supplied for the first time")
            yield News(medication["display"], told, min(days), source)


def _compared(
    before: Report, now: Report, told: set[tuple[str, str]], words: Words
) -> Iterable[News]:
    """What reads otherwise than then, of what no source has dated since."""
    then = {m["id"]: m for m in before["medications"]}
    current = {m["id"]: m for m in now["medications"]}
    for id_, medication in current.items():
        was = then.get(id_)
        for source, taken in _said(medication, words).items():
            earlier = _said(was, words).get(source) if was is not None else None
            if (medication["display"], source) in told or taken == earlier:
                continue
            listed = words.say("now listed: {dose}", dose=taken)
            news = f"{earlier} → {taken}" if earlier else listed
            yield News(medication["display"], news, "", source)
    for id_, was in then.items():
        here = _said(current[id_], words) if id_ in current else {}
        for source, taken in _said(was, words).items():
            if source not in here and (was["display"], source) not in told:
                news = words.say("no longer listed: {dose}", dose=taken)
                yield News(was["display"], news, "", source)


def _said(medication: Medication, words: Words) -> dict[str, str]:
    """What each source's orders and reports say: doses, and that they ended."""
    found: dict[str, list[str]] = {}
    for line in medication["lines"]:
        if line["kind"] in {"dispense", "administration"}:
            continue
        taken = dose(line, words, depot=is_depot(medication)) or words.say("dose not read")
        if line["state"] == "stopped":
            taken = words.say("{dose} (ended)", dose=taken)
        found.setdefault(line["source"], []).append(taken)
    return {source: " and ".join(sorted(set(taken))) for source, taken in found.items()}


def _findings(before: Report, now: Report) -> tuple[tuple[News, ...], tuple[News, ...]]:
    then, current = _shown(before), _shown(now)
    return (
        tuple(_finding(current[key]) for key in current if key not in then),
        tuple(_finding(then[key]) for key in then if key not in current),
    )


def _shown(report: Report) -> dict[tuple[str, tuple[str, ...]], Mapping[str, Any]]:
    """Shown findings by what they are about: their rule and their medications."""
    return {
        (finding["rule"]["id"], tuple(sorted(finding["medications"]))): finding
        for finding in report["findings"]
        if is_shown(finding) and finding["severity"] != "none"
    }


def _finding(finding: Mapping[str, Any]) -> News:
    return News(finding["title"], finding["message"], "", ", ".join(finding["sources"]))


def _result(result: Mapping[str, Any]) -> News:
    value = result["text"] if result["value"] is None else f"{result['value']} {result['unit']}"
    words = f"{result['comparator']}{value}".strip()
    return News(result["titles"][0], words, result["date"], result["source"])


def _contacts(
    visits: Sequence[Mapping[str, Any]], since: str, today: str, words: Words
) -> Iterable[News]:
    """Contacts since then, newest first: kept and missed ones; an encounter says its visit."""
    found = set()
    for visit in visits:
        if not since < visit["date"] <= today:
            continue
        took_place = visit["status"] in KEPT
        if took_place or visit["status"] in MISSED:
            kept = SEEN if took_place else MISSED[visit["status"]]
            whom = visit["with"][0] if visit["with"] else visit["kind"]
            found.add(News(whom, words.say(kept), visit["date"], visit["source"]))
    return sorted(found, key=_newest_first)
