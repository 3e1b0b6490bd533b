"""Why a line stands under its medication: the best level at which another line matches it.

Levels, best first: 1 linked or same identifier, 2 same clinical drug, 3 brand and generic of one
clinical drug, 4 same ingredients, form and route, 5 same ingredients only, 7 same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain

from service.model.concept import NDC, RXNORM, DrugConcept
from service.model.medication import LineMatch, MatchConfidence, MedicationEntry
from service.reconcile.words import cleaned

LINKED, SAME_DRUG, BRAND, SAME_FORM, SAME_INGREDIENTS, SAME_TEXT = 1, 2, 3, 4, 5, 7
_ONE_PRODUCT = frozenset({RXNORM, NDC})
_CERTAIN, _CONFIRM = MatchConfidence.CERTAIN, MatchConfidence.CONFIRM


def matches(entries: Sequence[MedicationEntry]) -> list[LineMatch]:
    """The best level of each line to any other line of its group, found by shared keys."""
    if len(entries) == 1:
        return [_alone(entries[0])]
    found: list[LineMatch | None] = [None] * len(entries)
    waiting = len(entries)
    for level, keys_of, confidence, words in _LEVELS:
        keys = [keys_of(entry) for entry in entries]
        every = list(chain.from_iterable(keys))
        if len(set(every)) == len(every):
            continue
        places: dict[str, list[int]] = {}
        for index, own in enumerate(keys):
            for key in own:
                if key in places:
                    places[key].append(index)
                else:
                    places[key] = [index]
        for key, indexes in places.items():
            if len(indexes) > 1:
                for index in indexes:
                    if found[index] is None:
                        origin = entries[_partner(entries, index, indexes)].origin
                        said = f"{words} as {origin.source} {origin.reference}: {key}"
                        found[index] = LineMatch(level, confidence, (said,))
                        waiting -= 1
        if not waiting:
            break
    return [match or _alone(entry) for match, entry in zip(found, entries, strict=True)]


def _partner(entries: Sequence[MedicationEntry], index: int, indexes: list[int]) -> int:
    """The first of the others, of another source where there is one."""
    source = entries[index].origin.source
    first, last = indexes[0], indexes[-1]
    if entries[first].origin.source != source:
        return first
    if entries[last].origin.source != source:
        return last
    return first if first != index else indexes[1]


def _alone(entry: MedicationEntry) -> LineMatch:
    """A line that no other line stands beside: as sure as its own drug is known."""
    drug = entry.resolution.drug
    if drug is None:
        return LineMatch(SAME_TEXT, _CONFIRM, ("no drug was recognised",))
    level = SAME_DRUG if _is_product(drug) else SAME_FORM if drug.form else SAME_INGREDIENTS
    return LineMatch(level, _CERTAIN, ("the only such line",))


def _is_product(drug: DrugConcept) -> bool:
    return bool(drug.strengths) and not drug.at_ingredient_level


def tokens(entry: MedicationEntry) -> tuple[str, ...]:
    """What links a line to others: itself and its links inside its source, its identifiers."""
    source = entry.origin.source
    own = f"{source} {entry.origin.reference}"
    if not entry.links and not entry.identifiers:
        return (own,)
    links = [f"{source} {link}" for link in entry.links]
    identifiers = [f"identifier {identifier}" for identifier in entry.identifiers]
    return tuple(dict.fromkeys((own, *links, *identifiers)))


def codes(entry: MedicationEntry) -> tuple[str, ...]:
    """The codes that each name one product, also where the drug table does not carry them."""
    return tuple(
        [f"{c.system} {c.code}" for c in entry.codings if c.code and c.system in _ONE_PRODUCT]
    )


@lru_cache(maxsize=16384)
def _drug_key(drug: DrugConcept) -> tuple[str, ...]:
    return (f"RxNorm {drug.rxcui} {drug.name}",) if _is_product(drug) else ()


def _drug_keys(entry: MedicationEntry) -> Iterable[str]:
    drug = entry.resolution.drug
    return () if drug is None else _drug_key(drug)


def _brand_keys(entry: MedicationEntry) -> Iterable[str]:
    drug = entry.resolution.drug
    return (f"RxNorm {drug.clinical_drug}",) if drug and drug.clinical_drug else ()


def _form_keys(entry: MedicationEntry) -> Iterable[str]:
    drug = entry.resolution.drug
    if drug is None or not drug.form:
        return ()
    route = entry.route or drug.route
    return (" ".join(filter(None, (drug.release, drug.form, route))),)


def _ingredient_keys(entry: MedicationEntry) -> Iterable[str]:
    return (" / ".join(i.name for i in entry.ingredients),) if entry.ingredients else ()


def _text_keys(entry: MedicationEntry) -> Iterable[str]:
    text = cleaned(entry.text)
    return (text,) if text else ()


_LEVELS: tuple[
    tuple[int, Callable[[MedicationEntry], Iterable[str]], MatchConfidence, str], ...
] = (
    (LINKED, tokens, _CERTAIN, "linked, or the same identifier"),
    (SAME_DRUG, _drug_keys, _CERTAIN, "same clinical drug"),
    (BRAND, _brand_keys, _CERTAIN, "brand and generic of one clinical drug"),
    (SAME_FORM, _form_keys, _CERTAIN, "same ingredients, form and route"),
    (SAME_INGREDIENTS, _ingredient_keys, _CONFIRM, "same ingredients"),
    (SAME_DRUG, codes, _CONFIRM, "same code, which the drug table does not carry,"),
    (SAME_TEXT, _text_keys, _CONFIRM, "same text"),
)
