"""What a run came to, in numbers: counted part by part, added up at the end. No patient in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from service.model.source import MEDICATION_TYPES, State

_MOST_REASONS = 500
_OTHER = "other"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_VALUE = re.compile(r"\b[\w.-]*\d[\w:.+/-]*")


class PartSummary(msgspec.Struct):
    """One part. `findings` (shown ones) and `sources` count by two words each."""

    patients: int = 0
    incomplete: int = 0
    in_doubt: int = 0
    considered: int = 0
    placed: int = 0
    findings: dict[str, dict[str, int]] = {}
    buckets: dict[str, int] = {}
    sources: dict[str, dict[str, int]] = {}
    problems: dict[str, int] = {}

    def add(self, content: Mapping[str, Any]) -> None:
        """Count one report (`report.document`)."""
        self.patients += 1
        states = [source["state"] for source in content["sources"]]
        certain = content["patient"]["grade"] == "certain"
        self.in_doubt += not certain
        self.incomplete += not certain or any(s != State.COMPLETE.value for s in states)
        for source in content["sources"]:
            _count(self.sources.setdefault(source["name"], {}), source["state"])
            self.considered += sum(source["counts"].get(kind, 0) for kind in MEDICATION_TYPES)
        self.placed += sum(len(one["lines"]) for one in content["medications"])
        for finding in content["findings"]:
            _count(self.buckets, finding["bucket"])
            if finding["bucket"] == "shown":
                _count(self.findings.setdefault(finding["type"], {}), finding["severity"])
        for problem in content["problems"]:
            reason = pattern(problem["what"])
            known = reason in self.problems or len(self.problems) < _MOST_REASONS
            _count(self.problems, reason if known else _OTHER)


def _count(counts: dict[str, int], word: str, by: int = 1) -> None:
    counts[word] = counts.get(word, 0) + by


@lru_cache(maxsize=4096)
def pattern(reason: str) -> str:
    """A problem's sentence without the values in it, so that equal reasons count together."""
    return _VALUE.sub("…", _QUOTED.sub("…", reason))


def total(parts: Iterable[PartSummary]) -> PartSummary:
    """The sum of all parts, every list in the order of its words."""
    whole = PartSummary()
    findings: dict[str, Counter[str]] = {}
    sources: dict[str, Counter[str]] = {}
    buckets: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    for part in parts:
        whole.patients += part.patients
        whole.incomplete += part.incomplete
        whole.in_doubt += part.in_doubt
        whole.considered += part.considered
        whole.placed += part.placed
        buckets.update(part.buckets)
        problems.update(part.problems)
        for kind, severities in part.findings.items():
            findings.setdefault(kind, Counter()).update(severities)
        for name, states in part.sources.items():
            sources.setdefault(name, Counter()).update(states)
    whole.findings = {kind: _by_word(findings[kind]) for kind in sorted(findings)}
    whole.sources = {name: _by_word(sources[name]) for name in sorted(sources)}
    whole.buckets, whole.problems = _by_word(buckets), _by_word(problems)
    return whole


def _by_word(counts: Mapping[str, int]) -> dict[str, int]:
    return {word: counts[word] for word in sorted(counts)}
