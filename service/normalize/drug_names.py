"""Which drugs a text names: ingredients, salts and brands found in its words.

The longest name wins, from left to right. Names that are ordinary words count only where nothing
else is named. A misspelled name is read when one letter is wrong, the name has six letters or more,
and no other drug is nearly as close (see `spelled`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from service.model.concept import DrugConcept, TermType
from service.normalize.drug_table import DrugTable
from service.normalize.drug_text import NOT_NAMES, TextReading

SHORTEST_MISSPELLED = 6
_SHORTEST_NAME = 3
_NEARLY_AS_CLOSE = 2
_ORDINARY_WORDS = (
    "active advance advanced after aid air alert all balance basic before best body breathe calm "
    "care child children clean clear cold comfort complete control cool cough daily day defense "
    "ease easy energy essential essentials extra fast fever first fit flu focus free fresh gentle "
    "good head health healthy heart heat help home kids lemon life lite little live long low max "
    "men mens mild moist morning muscle natural nature new next night now once one original pain "
    "perfect plain plus power prevent pro protect pure quick ready real relax relief repair rescue "
    "restore right safe senior sensitive simple skin sleep slow smart smooth soft soothe special "
    "stop strong sun super support sure take target test therapy today total touch tri ultra vital "
    "vitality warm wash water well white wish women womens young zero rx otc home blue red green "
    "gold silver adult infant infants junior start stress mood memory immune target walgreens cvs "
    "equate kirkland leader tussin dry choice select premier major wheezing dose dental label be "
    "so on up go same no it is at if am pm met mix flex rub ice"
)
_ORDINARY = frozenset(_ORDINARY_WORDS.split())


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names: ingredient-level concepts and brands, and whether by correct spelling.

    `brands` has the alternatives for one brand name (formulas of it); empty when none is named.
    """

    ingredients: tuple[DrugConcept, ...] = ()
    brands: tuple[DrugConcept, ...] = ()
    misspelled: str = ""

    def __bool__(self) -> bool:
        return bool(self.ingredients or self.brands)


def named(reading: TextReading, table: DrugTable) -> Named:
    """The drugs named before the directions, else anywhere, else by a misspelling of one letter."""
    head = _found(reading.words[: reading.head], table)
    if not head and reading.head < len(reading.words):
        head = _found(reading.words, table)
    return head or _respelled(reading.words[: reading.head] or reading.words, table)


def _found(words: tuple[str, ...], table: DrugTable) -> Named:
    ingredients: list[DrugConcept] = []
    brands: list[tuple[DrugConcept, ...]] = []
    weak: list[tuple[DrugConcept, ...]] = []
    longest = name_lengths(table)
    place = 0
    while place < len(words):
        step = 1
        for length in range(min(longest.get(words[place], 0), len(words) - place), 0, -1):
            phrase = " ".join(words[place : place + length])
            concepts = table.by_ingredient_name(phrase)
            if not concepts or (length == 1 and phrase in NOT_NAMES):
                continue
            own = [concept for concept in concepts if concept.tty is not TermType.BN]
            if phrase in _ORDINARY or phrase.isdigit() or len(phrase) < _SHORTEST_NAME:
                weak.append(concepts)
            elif own:
                ingredients.append(own[0])
            else:
                brands.append(concepts)
            step = length
            break
        place += step
    if not ingredients and not brands and len(weak) == 1 and len(words) <= 2:
        own = [concept for concept in weak[0] if concept.tty is not TermType.BN]
        return Named(tuple(own[:1]), () if own else weak[0])
    return Named(tuple(ingredients), _one_brand(brands))


def _one_brand(brands: list[tuple[DrugConcept, ...]]) -> tuple[DrugConcept, ...]:
    """The alternatives of the brand; of several brands those that name the same ingredients."""
    if len(brands) < 2:
        return brands[0] if brands else ()
    sets = [{concept.ingredients for concept in alternatives} for alternatives in brands]
    common = set.intersection(*sets)
    if common:
        return tuple(concept for concept in brands[0] if concept.ingredients in common)
    return tuple(concept for alternatives in brands for concept in alternatives)


@lru_cache(maxsize=8)
def name_lengths(table: DrugTable) -> Mapping[str, int]:
    """Words of the longest name that starts with a word."""
    lengths: dict[str, int] = {}
    for name in table.names:
        first = name.partition(" ")[0]
        lengths[first] = max(lengths.get(first, 0), name.count(" ") + 1)
    return lengths


def _respelled(words: tuple[str, ...], table: DrugTable) -> Named:
    if not table.other_words.isdisjoint(words):  # a real drug that the table does not carry
        return Named()
    for word in words:
        if len(word) < SHORTEST_MISSPELLED or word in NOT_NAMES or not word.isalpha():
            continue
        name = spelled(word, table)
        if name:
            concepts = table.by_ingredient_name(name)
            own = tuple(concept for concept in concepts if concept.tty is not TermType.BN)[:1]
            return Named(own, () if own else concepts, f"{word} read as {name}")
    return Named()


@lru_cache(maxsize=8192)
def spelled(word: str, table: DrugTable) -> str:
    """The one drug name that `word` misspells by a single letter, "" when there is none or a doubt.

    A doubt is another ingredient or current brand within two letters of the word, or a look-alike
    of the name (lookalikes.toml), whatever its age, within two letters.
    """
    near = [name for name in _one_letter_away(word, table) if _differ(name, word) == 1]
    drugs = {name: _drugs(name, table) for name in near}
    if len(set(drugs.values())) != 1:
        return ""
    name = near[0]
    for other in _alike(word, table):
        close = distance(word, other, _NEARLY_AS_CLOSE) <= _NEARLY_AS_CLOSE
        if close and _drugs(other, table) != drugs[name] and _in_use(other, table):
            return ""
    for one, other in table.lookalikes:
        if one == name and distance(word, other, _NEARLY_AS_CLOSE) <= _NEARLY_AS_CLOSE:
            return ""
    return name


def _in_use(name: str, table: DrugTable) -> bool:
    """Whether a name is an ingredient's, or a brand's in the newest release."""
    concepts = table.by_ingredient_name(name)
    return any(c.tty is not TermType.BN or table.is_current(c.rxcui) for c in concepts)


def near_names(word: str, table: DrugTable) -> tuple[str, ...]:
    """Names within one letter of a word: what a person chooses from when nothing was certain."""
    return tuple(sorted(n for n in _one_letter_away(word, table) if _differ(n, word) <= 1))


def _differ(one: str, other: str) -> int:
    return distance(one, other, 1)


def _drugs(name: str, table: DrugTable) -> frozenset[tuple[str, ...]]:
    return frozenset(
        tuple(i.rxcui for i in concept.ingredients) for concept in table.by_ingredient_name(name)
    )


@lru_cache(maxsize=8)
def _single_words(table: DrugTable) -> tuple[str, ...]:
    return tuple(n for n in table.names if n.isalpha() and len(n) >= SHORTEST_MISSPELLED - 1)


@lru_cache(maxsize=8)
def _by_length(table: DrugTable) -> Mapping[int, tuple[tuple[int, str], ...]]:
    """Names with the set of their letters (one bit each), by length."""
    lengths: dict[int, list[tuple[int, str]]] = {}
    for name in _single_words(table):
        lengths.setdefault(len(name), []).append((_letters(name), name))
    return {length: tuple(names) for length, names in lengths.items()}


def _letters(word: str) -> int:
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) % 64)
    return bits


def _alike(word: str, table: DrugTable) -> list[str]:
    """Names that can lie within two letters of a word: by their length and the letters in them."""
    own, lengths = _letters(word), _by_length(table)
    return [
        name
        for length in range(len(word) - _NEARLY_AS_CLOSE, len(word) + _NEARLY_AS_CLOSE + 1)
        for letters, name in lengths.get(length, ())
        if (own ^ letters).bit_count() <= 2 * _NEARLY_AS_CLOSE
    ]


@lru_cache(maxsize=8)
def _by_half(table: DrugTable) -> Mapping[str, tuple[str, ...]]:
    """Names by their first three and by their last three letters: one slip leaves one of them."""
    halves: dict[str, list[str]] = {}
    for name in _single_words(table):
        halves.setdefault(name[:3] + "_", []).append(name)
        halves.setdefault("_" + name[-3:], []).append(name)
    return {half: tuple(names) for half, names in halves.items()}


def _one_letter_away(word: str, table: DrugTable) -> set[str]:
    halves = _by_half(table)
    both: Iterable[str] = (*halves.get(word[:3] + "_", ()), *halves.get("_" + word[-3:], ()))
    return {name for name in both if abs(len(name) - len(word)) <= 1}


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
