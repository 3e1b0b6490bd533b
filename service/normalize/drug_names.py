"""Which drugs a text names: ingredients, salts and brands found in its words.

The longest name wins, from left to right. Names that are ordinary words count only where nothing
else is named. A misspelled name is read when one letter is wrong (see `drug_spelling`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from service.model.concept import DrugConcept, TermType
from service.normalize.drug_spelling import SHORTEST_MISSPELLED, spelled
from service.normalize.drug_table import DrugTable
from service.normalize.drug_text import NOT_NAMES, TextReading

_SHORTEST_NAME = 3
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
