"""Lines of all sources gathered into medications, the same whatever their order.

A medication is one set of active moieties in one administration class. Lines that say their drug
find their medication by that key alone; lines that do not are led there by a link of their own
source or a shared business identifier (level 1) or by the same cleaned text (level 7), and stay
apart wherever that leads to more than one place. Parents and metabolites, and drugs of one class,
are different sets of moieties and never meet here.

Levels, best first: 1 linked or same identifier, 2 same clinical drug, 3 brand and generic of one
clinical drug, 4 same ingredients, form and route, 5 same ingredients only, 7 same text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from service.model.concept import AdministrationClass, Ingredient, TermType
from service.model.identity import content_id
from service.model.medication import LineMatch, MatchConfidence, MedicationEntry

LINKED, SAME_DRUG, BRAND, SAME_FORM, SAME_INGREDIENTS, SAME_TEXT = 1, 2, 3, 4, 5, 7
_CONFIRM = frozenset({SAME_INGREDIENTS, SAME_TEXT})
_WITHOUT_FORM = frozenset({TermType.IN, TermType.PIN, TermType.MIN, TermType.BN})
_DEPOT_ROUTES = frozenset({"intramuscular", "subcutaneous"})
_DEPOT_INTERVAL_D = 7


class Group(msgspec.Struct, frozen=True, gc=False):
    """The lines of one medication, sorted by source and reference, each with its match."""

    id: str
    ingredients: tuple[Ingredient, ...]
    administration: AdministrationClass
    lines: tuple[tuple[MedicationEntry, LineMatch], ...]


def group(entries: Sequence[MedicationEntry]) -> tuple[Group, ...]:
    """Every line in exactly one group; groups by id."""
    ordered = sorted(entries, key=_order)
    keys = _keys(ordered)
    clusters: dict[str, list[MedicationEntry]] = defaultdict(list)
    for entry, key in zip(ordered, keys, strict=True):
        clusters[key].append(entry)
    return tuple(_group(id_, lines) for id_, lines in sorted(clusters.items()))


@lru_cache(maxsize=16384)
def cleaned(text: str) -> str:
    """Text as it is compared: lower case, words and numbers only, one space between."""
    kept = "".join(c if c.isalnum() or c in ".%" else " " for c in text.casefold())
    return " ".join(kept.split())


def _order(entry: MedicationEntry) -> tuple[str, str, str, str]:
    origin = entry.origin
    return origin.source, origin.reference, origin.version or "", entry.text


def _keys(entries: Sequence[MedicationEntry]) -> list[str]:
    """The id of the medication of each entry."""
    classes = _classes(entries)
    ids: list[str] = []
    open_lines: list[int] = []
    for index, entry in enumerate(entries):
        if entry.ingredients:
            ids.append(_drug_id(entry.ingredients, classes[index]))
        else:
            ids.append("")
            open_lines.append(index)
    if open_lines:
        _place_open(entries, ids, open_lines)
    return ids


@lru_cache(maxsize=16384)
def _drug_id(ingredients: tuple[Ingredient, ...], class_: AdministrationClass) -> str:
    return content_id("m", str(class_), *sorted(i.rxcui for i in ingredients))


def _classes(entries: Sequence[MedicationEntry]) -> list[AdministrationClass]:
    """The administration class of each line; a bare ingredient goes where its drug is known to go.

    "Aripiprazole" without form and route says nothing of a class: it joins the only class that the
    other lines of this drug have, and is systemic where they have several or none.
    """
    classes = [_class(entry) for entry in entries]
    bare = [index for index, entry in enumerate(entries) if _without_class(entry)]
    if not bare:
        return classes
    known: dict[frozenset[str], set[AdministrationClass]] = defaultdict(set)
    unsure = set(bare)
    for index, entry in enumerate(entries):
        if entry.ingredients and index not in unsure:
            known[_moieties(entry)].add(classes[index])
    for index in bare:
        places = known.get(_moieties(entries[index]), set())
        if len(places) == 1:
            classes[index] = next(iter(places))
    return classes


def _moieties(entry: MedicationEntry) -> frozenset[str]:
    return frozenset(i.rxcui for i in entry.ingredients)


def _class(entry: MedicationEntry) -> AdministrationClass:
    drug = entry.resolution.drug
    if drug is not None and drug.tty in _WITHOUT_FORM and not drug.form:
        every = entry.interval_d
        if entry.route in _DEPOT_ROUTES and every is not None and every >= _DEPOT_INTERVAL_D:
            return AdministrationClass.DEPOT
    return entry.administration


def _without_class(entry: MedicationEntry) -> bool:
    drug = entry.resolution.drug
    return (
        drug is not None
        and drug.tty in _WITHOUT_FORM
        and drug.administration is AdministrationClass.SYSTEMIC
        and not (drug.form or drug.dose_form or drug.route or entry.route or entry.form)
    )


def _place_open(entries: Sequence[MedicationEntry], ids: list[str], open_lines: list[int]) -> None:
    """Give lines without a drug their place: linked lines first, then lines of the same text.

    Open lines that are linked or read the same form one cluster; the cluster joins the medication
    to which most of its links lead (maximum weight), and stays apart where two are equal.
    """
    parent = {index: index for index in open_lines}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    tokens: dict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        for token in _tokens(entry):
            tokens[token].append(index)
    texts: dict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        if text := cleaned(entry.text):
            texts[text].append(index)
    unresolved = set(open_lines)
    links: dict[int, Counter[str]] = defaultdict(Counter)
    for weight, shared in ((10_000, tokens.values()), (1, texts.values())):
        for indexes in shared:
            apart = [index for index in indexes if index in unresolved]
            for other in apart[1:]:
                parent[root(other)] = root(apart[0])
            for index in apart[:1]:
                for target in {ids[i] for i in indexes if ids[i]}:
                    links[index][target] += weight
    clusters: dict[int, list[int]] = defaultdict(list)
    for index in open_lines:
        clusters[root(index)].append(index)
    for members in clusters.values():
        votes: Counter[str] = Counter()
        for index in members:
            votes.update(links.get(index, Counter()))
        best = votes.most_common(2)
        if best and (len(best) == 1 or best[0][1] > best[1][1]):
            place = best[0][0]
        else:
            place = _text_id([entries[index] for index in members])
        for index in members:
            ids[index] = place


def _text_id(entries: Iterable[MedicationEntry]) -> str:
    texts = sorted({cleaned(entry.text) for entry in entries} - {""})
    if texts:
        return content_id("m", "text", texts[0])
    source, reference = min((entry.origin.source, entry.origin.reference) for entry in entries)
    return content_id("m", "line", source, reference)


def _tokens(entry: MedicationEntry) -> tuple[str, ...]:
    """What links a line to others: itself and its links inside its source, its identifiers."""
    source = entry.origin.source
    own = f"{source} {entry.origin.reference}"
    if not entry.links and not entry.identifiers:
        return (own,)
    links = (f"{source} {link}" for link in entry.links)
    identifiers = (f"identifier {identifier}" for identifier in entry.identifiers)
    return tuple(dict.fromkeys((own, *links, *identifiers)))


def _group(id_: str, entries: list[MedicationEntry]) -> Group:
    resolved = [entry for entry in entries if entry.ingredients]
    first = resolved[0] if resolved else None
    return Group(
        id=id_,
        ingredients=tuple(sorted(first.ingredients, key=_by_name)) if first else (),
        administration=(
            AdministrationClass.SYSTEMIC if first is None else _majority_class(resolved)
        ),
        lines=tuple(zip(entries, _matches(entries), strict=True)),
    )


def _by_name(ingredient: Ingredient) -> tuple[str, str]:
    return ingredient.name, ingredient.rxcui


def _majority_class(entries: Sequence[MedicationEntry]) -> AdministrationClass:
    """The class of the lines that know theirs (all the same by the key of the group)."""
    for entry in entries:
        if not _without_class(entry):
            return _class(entry)
    return _class(entries[0])


def _matches(entries: Sequence[MedicationEntry]) -> list[LineMatch]:
    """The best level of each line to any other line of its group, found by shared keys."""
    if len(entries) == 1:
        return [_alone(entries[0])]
    found: list[LineMatch | None] = [None] * len(entries)
    open_lines = len(entries)
    for level, keys_of in _LEVELS:
        places: dict[str, list[int]] = {}
        for index, entry in enumerate(entries):
            for key in keys_of(entry):
                places.setdefault(key, []).append(index)
        for key, indexes in places.items():
            if len(indexes) < 2:
                continue
            for index in indexes:
                if found[index] is None:
                    partner = entries[_partner(entries, index, indexes)]
                    found[index] = _match(level, key, partner)
                    open_lines -= 1
        if not open_lines:
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


def _match(level: int, key: str, partner: MedicationEntry) -> LineMatch:
    confidence = MatchConfidence.CONFIRM if level in _CONFIRM else MatchConfidence.CERTAIN
    other = f"{partner.origin.source} {partner.origin.reference}"
    return LineMatch(level, confidence, (f"{_WORDS[level]} as {other}: {key}",))


def _alone(entry: MedicationEntry) -> LineMatch:
    """A line that no other line stands beside: as sure as its own drug is known."""
    drug = entry.resolution.drug
    if drug is None:
        return LineMatch(SAME_TEXT, MatchConfidence.CONFIRM, ("no drug was recognised",))
    product = drug.strengths and not drug.at_ingredient_level
    level = SAME_DRUG if product else SAME_FORM if drug.form else SAME_INGREDIENTS
    return LineMatch(level, MatchConfidence.CERTAIN, ("the only such line",))


def _drug_keys(entry: MedicationEntry) -> Iterable[str]:
    drug = entry.resolution.drug
    product = drug and drug.strengths and not drug.at_ingredient_level
    return (f"RxNorm {drug.rxcui} {drug.name}",) if drug and product else ()


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


_LEVELS = (
    (LINKED, _tokens),
    (SAME_DRUG, _drug_keys),
    (BRAND, _brand_keys),
    (SAME_FORM, _form_keys),
    (SAME_INGREDIENTS, _ingredient_keys),
    (SAME_TEXT, _text_keys),
)
_WORDS = {
    LINKED: "linked, or the same identifier",
    SAME_DRUG: "same clinical drug",
    BRAND: "brand and generic of one clinical drug",
    SAME_FORM: "same ingredients, form and route",
    SAME_INGREDIENTS: "same ingredients",
    SAME_TEXT: "same text",
}
