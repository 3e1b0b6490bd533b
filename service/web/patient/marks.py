"""Which attribute of which line is marked: the one that differs, never the whole row.

A reader's eye goes to the mark, so it has to stand on the odd one out; where no side is the odd one
(one against one) both are marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from service.web.patient.cells import Line, Mark, leading
from service.web.words import dose_words, timing_words

Value = Callable[[Line], str]

COMPARED: Final[Mapping[str, tuple[str, Value]]] = {
    "dose-mismatch": ("dose", dose_words),
    "dispensed-not-as-ordered": ("dose", dose_words),
    "prn-versus-scheduled": ("dose", lambda line: str(line["as_needed"])),
    "frequency-mismatch": ("timing", lambda line: timing_words(line["timing"])),
    "form-mismatch": ("form", lambda line: str(line["form"])),
    "route-mismatch": ("form", lambda line: str(line["route"])),
    "prescriber-mismatch": ("requester", lambda line: str(line["requester"])),
}
"""Finding types that compare one attribute over the sources, and how it is compared."""

STATES: Final = {
    "stopped-versus-active": frozenset({"stopped"}),
    "held-versus-active": frozenset({"held"}),
}
"""Finding types about a line's state, and the states that stand against the others."""


def marks(lines: Sequence[Line], findings: Iterable[Mapping[str, Any]]) -> frozenset[Mark]:
    """The marks on one drug's lines that these findings about it call for."""
    found: set[Mark] = set()
    for finding in findings:
        if finding["type"] in COMPARED:
            attribute, value = COMPARED[finding["type"]]
            found |= {_mark(line, attribute) for line in odd_ones(_speakers(lines), value)}
        elif finding["type"] in STATES:
            against = STATES[finding["type"]]
            named = {(fact["source"], fact["reference"]) for fact in finding["evidence"]}
            found |= {
                _mark(line, "status")
                for line in lines
                if line["state"] in against
                and line["kind"] in {"request", "statement"}
                and (line["source"], line["reference"]) in named
            }
    return frozenset(found)


def odd_ones(lines: Sequence[Line], value: Value) -> list[Line]:
    """The lines whose value is not the one that most lines have; all of them in a draw."""
    counts = Counter(value(line) for line in lines)
    if len(counts) < 2:
        return []
    (most, votes), (_, next_votes) = counts.most_common(2)
    return [line for line in lines if votes == next_votes or value(line) != most]


def _speakers(lines: Sequence[Line]) -> list[Line]:
    sources = dict.fromkeys(line["source"] for line in lines)
    return [
        line
        for source in sources
        for line in leading([line for line in lines if line["source"] == source])
    ]


def _mark(line: Line, attribute: str) -> Mark:
    return line["source"], line["reference"], attribute
