"""Why a list says that a drug is taken: its reasons in words, and as they are compared."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from service.model.concept import Coding
from service.model.medication import MedicationEntry
from service.reconcile.words import cleaned, distinct

_SHORTEST_WORD = 4
_EMPTY_WORDS = frozenset(
    {"disorder", "disease", "syndrome", "unspecified", "with", "without", "finding", "episode"}
)
_CATEGORY = 3


class Reasons(msgspec.Struct, frozen=True, gc=False):
    """The reasons of lines taken together.

    `shown` are words for a person, `words` the telling ones of them, `codes` by system (of ICD-10
    the category alone: F33.1 and F33.2 are one reason).
    """

    shown: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    codes: frozenset[tuple[str, str]] = frozenset()

    @property
    def stated(self) -> bool:
        return bool(self.words or self.codes)

    def agree(self, other: Reasons) -> bool:
        """Whether they share a code or a telling word, or cannot be compared."""
        if self.codes and other.codes and self.codes & other.codes:
            return True
        if self.words and other.words:
            return bool(self.words & other.words)
        return not {system for system, _ in self.codes} & {system for system, _ in other.codes}


NONE = Reasons()


def reasons(entries: Iterable[MedicationEntry]) -> Reasons:
    """What the lines give as their reason, remembered by its words and codes."""
    given = tuple([(e.reasons, e.reason_codings) for e in entries if e.reasons or e.reason_codings])
    return _reasons(given) if given else NONE


@lru_cache(maxsize=4096)
def _reasons(given: tuple[tuple[tuple[str, ...], tuple[Coding, ...]], ...]) -> Reasons:
    codings = [coding for _, some in given for coding in some]
    shown = distinct(reason for texts, _ in given for reason in texts) or distinct(
        coding.display or coding.code for coding in codings
    )
    return Reasons(
        shown=shown,
        words=frozenset(
            word
            for reason in shown
            for word in cleaned(reason).split()
            if len(word) >= _SHORTEST_WORD and word not in _EMPTY_WORDS
        ),
        codes=frozenset(
            (c.system, c.code[:_CATEGORY] if "icd-10" in c.system else c.code)
            for c in codings
            if c.code
        ),
    )
