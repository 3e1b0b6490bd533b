"""Which drug name a misspelled word means: one wrong letter, and no other drug nearly as close.

Names are found by the pairs of neighbouring letters that they share with the word, so that a few
are compared letter by letter and not all of them. A name with six letters or more counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain

from service.model.concept import TermType
from service.normalize.drug_table import DrugTable

SHORTEST_MISSPELLED = 6
_NEARLY_AS_CLOSE = 2
_PAIRS_LOST = 3
"""Pairs of letters that one slip changes at most: two letters that change places."""


@lru_cache(maxsize=8192)
def spelled(word: str, table: DrugTable) -> str:
    """The one drug name that `word` misspells by a single letter, "" when there is none or a doubt.

    A doubt is another ingredient or current brand within two letters of the word or of which it is
    the beginning ("sertra" is no slip of Septra), or a look-alike of the name (lookalikes.toml),
    whatever its age, within two letters.
    """
    close = _close(word, table, _NEARLY_AS_CLOSE)
    near = sorted(name for name, slips in close.items() if slips == 1 and _half_kept(name, word))
    drugs = {name: _drugs(name, table) for name in near}
    if len(set(drugs.values())) != 1:
        return ""
    name = near[0]
    begun = (other for other in _single_words(table) if other.startswith(word))
    for other in chain(close, begun):
        if _drugs(other, table) != drugs[name] and _in_use(other, table):
            return ""
    for one, other in table.lookalikes:
        if one == name and distance(word, other, _NEARLY_AS_CLOSE) <= _NEARLY_AS_CLOSE:
            return ""
    return name


def near_names(word: str, table: DrugTable) -> tuple[str, ...]:
    """Names within one letter of a word: what a person chooses from when nothing was certain."""
    return tuple(sorted(name for name in _close(word, table, 1) if _half_kept(name, word)))


def _half_kept(name: str, word: str) -> bool:
    """Whether the slip left the first three letters or the last three."""
    return name[:3] == word[:3] or name[-3:] == word[-3:]


def _in_use(name: str, table: DrugTable) -> bool:
    """Whether a name is an ingredient's, or a brand's in the newest release."""
    concepts = table.by_ingredient_name(name)
    return any(c.tty is not TermType.BN or table.is_current(c.rxcui) for c in concepts)


def _drugs(name: str, table: DrugTable) -> frozenset[tuple[str, ...]]:
    return frozenset(
        tuple(i.rxcui for i in concept.ingredients) for concept in table.by_ingredient_name(name)
    )


def _close(word: str, table: DrugTable, most: int) -> dict[str, int]:
    """Names within `most` letters of a word, with how many letters that are."""
    by_pair = _by_pair(table)
    pairs = _pairs(word)
    least = len(pairs) - _PAIRS_LOST * most
    shared = Counter(
        chain.from_iterable(
            by_pair.get((pair, near), ())
            for place, pair in enumerate(pairs)
            for near in range(place - most, place + most + 1)
        )
    )
    # A short word may share no pair at all with a name that is close to it.
    words = _single_words(table)
    likely = [n for n, count in shared.items() if count >= least] if least > 0 else words
    own, length = _letters(word), len(word)
    found: dict[str, int] = {}
    for name in likely:
        unlike = (own ^ words[name]).bit_count()
        if unlike <= 2 * most and -most <= len(name) - length <= most:
            slips = distance(word, name, most)
            if slips <= most:
                found[name] = slips
    return found


def _pairs(word: str) -> list[str]:
    """Neighbouring letters in their order, with a mark where the word begins and ends."""
    marked = f"^{word}$"
    return [marked[place : place + 2] for place in range(len(marked) - 1)]


@lru_cache(maxsize=8)
def _by_pair(table: DrugTable) -> Mapping[tuple[str, int], tuple[str, ...]]:
    """Names by the pairs of letters in them and where those stand."""
    pairs: dict[tuple[str, int], list[str]] = {}
    for name in _single_words(table):
        for place, pair in enumerate(_pairs(name)):
            pairs.setdefault((pair, place), []).append(name)
    return {pair: tuple(names) for pair, names in pairs.items()}


@lru_cache(maxsize=8)
def _single_words(table: DrugTable) -> Mapping[str, int]:
    """Names of one word, with the set of their letters."""
    names = (n for n in table.names if n.isalpha() and len(n) >= SHORTEST_MISSPELLED - 1)
    return {name: _letters(name) for name in names}


def _letters(word: str) -> int:
    """The set of a word's letters, one bit each."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) % 64)
    return bits


def distance(one: str, other: str, most: int) -> int:
    """Letters to insert, delete, replace or swap with the neighbour; `most + 1` when more.

    Worked out near the diagonal only, as nothing farther away can come to `most` or less.
    Source: optimal string alignment (restricted Damerau-Levenshtein).
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    start, shorter = 0, min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    too_far = most + 1
    width = len(other)
    before: list[int] = []
    row = list(range(width + 1))
    for i, letter in enumerate(one, 1):
        before, last = row, before
        row = [too_far] * (width + 1)
        row[0] = i
        nearest = i
        for j in range(max(1, i - most), min(width, i + most) + 1):
            against = other[j - 1]
            cost = before[j - 1] + (letter != against)
            if row[j - 1] < cost:
                cost = row[j - 1] + 1
            if before[j] < cost:
                cost = before[j] + 1
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, last[j - 2] + 1)
            row[j] = cost
            if cost < nearest:
                nearest = cost
        if nearest > most:
            return too_far
    return min(row[-1], too_far)
