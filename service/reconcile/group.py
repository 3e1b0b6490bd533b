"""Lines of all sources gathered into medications, the same whatever their order.

A medication is one set of active moieties in one administration class. Lines that say their drug
find their medication by that key alone; lines that do not are led there by a link of their own
source or a shared business identifier (level 1) or by the same cleaned text (level 7), and stay
apart wherever that leads to more than one place. Parents and metabolites, and drugs of one class,
are different sets of moieties and never meet here. Why each line stands where it stands is told by
`level`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from service.model.concept import AdministrationClass, DrugConcept, Ingredient, TermType
from service.model.identity import content_id
from service.model.medication import LineMatch, MedicationEntry
from service.reconcile.level import codes, matches, tokens
from service.reconcile.words import cleaned

_SYSTEMIC, _DEPOT = AdministrationClass.SYSTEMIC, AdministrationClass.DEPOT
_WITHOUT_FORM = frozenset({TermType.IN, TermType.PIN, TermType.MIN, TermType.BN})
_DEPOT_ROUTES = frozenset({"intramuscular", "subcutaneous"})
_DEPOT_INTERVAL_D = 7
_LINK, _CODE, _TEXT = 1_000_000_000, 10_000, 1


class Group(msgspec.Struct, frozen=True, gc=False):
    """The lines of one medication, sorted by source and reference, each with its match."""

    id: str
    ingredients: tuple[Ingredient, ...]
    administration: AdministrationClass
    lines: tuple[tuple[MedicationEntry, LineMatch], ...]


def group(entries: Sequence[MedicationEntry]) -> tuple[Group, ...]:
    """Every line in exactly one group; groups by id."""
    by_place = {_place(entry): entry for entry in entries}
    if len(by_place) == len(entries):
        ordered = [by_place[place] for place in sorted(by_place)]
    else:
        ordered = sorted(entries, key=_order)
    ids, classes = _places(ordered)
    clusters: dict[str, list[MedicationEntry]] = {}
    for entry, id_ in zip(ordered, ids, strict=True):
        if id_ in clusters:
            clusters[id_].append(entry)
        else:
            clusters[id_] = [entry]
    return tuple(
        [
            Group(
                id_,
                _ingredients(clusters[id_]),
                classes.get(id_, _SYSTEMIC),
                tuple(zip(clusters[id_], matches(clusters[id_]), strict=True)),
            )
            for id_ in sorted(clusters)
        ]
    )


def _place(entry: MedicationEntry) -> str:
    """Source and reference, as one text that sorts as the two do."""
    origin = entry.origin
    return f"{origin.source}\0{origin.reference}"


def _order(entry: MedicationEntry) -> tuple[str, str, str, str]:
    origin = entry.origin
    return origin.source, origin.reference, origin.version or "", entry.text


def _ingredients(entries: Iterable[MedicationEntry]) -> tuple[Ingredient, ...]:
    """Those of the first line that says its drug; all others say the same, or nothing."""
    for entry in entries:
        drug = entry.resolution.drug
        if drug is not None and drug.ingredients:
            return _by_name(drug.ingredients)
    return ()


@lru_cache(maxsize=16384)
def _by_name(ingredients: tuple[Ingredient, ...]) -> tuple[Ingredient, ...]:
    return tuple(sorted(ingredients, key=lambda i: (i.name, i.rxcui)))


def _places(
    entries: Sequence[MedicationEntry],
) -> tuple[list[str], dict[str, AdministrationClass]]:
    """The id of the medication of each entry, and the administration class of each such id.

    "Aripiprazole" without form and route says nothing of a class: it joins the only class that the
    other lines of this drug have, and is systemic where they have several or none.
    """
    ids: list[str] = []
    classes: dict[str, AdministrationClass] = {}
    known: dict[frozenset[str], set[AdministrationClass]] = defaultdict(set)
    unsure: list[tuple[int, DrugConcept]] = []
    unread: list[int] = []
    for index, entry in enumerate(entries):
        drug = entry.resolution.drug
        if drug is None or not drug.ingredients:
            unread.append(index)
            ids.append("")
            continue
        class_ = drug.administration
        if drug.tty in _WITHOUT_FORM and not drug.form:
            if _without_class(entry, drug):
                unsure.append((index, drug))
                ids.append("")
                continue
            class_ = _given(entry, drug)
        id_ = _drug_id(drug.ingredients, class_)
        ids.append(id_)
        if id_ not in classes:
            classes[id_] = class_
            known[_moieties(drug.ingredients)].add(class_)
    for index, drug in unsure:
        places = known.get(_moieties(drug.ingredients), ())
        class_ = next(iter(places)) if len(places) == 1 else _given(entries[index], drug)
        ids[index] = id_ = _drug_id(drug.ingredients, class_)
        classes[id_] = class_
    if unread:
        _place_unread(entries, ids, unread)
    return ids, classes


@lru_cache(maxsize=16384)
def _drug_id(ingredients: tuple[Ingredient, ...], class_: AdministrationClass) -> str:
    return content_id("m", class_, *sorted(i.rxcui for i in ingredients))


@lru_cache(maxsize=16384)
def _moieties(ingredients: tuple[Ingredient, ...]) -> frozenset[str]:
    return frozenset(i.rxcui for i in ingredients)


def _given(entry: MedicationEntry, drug: DrugConcept) -> AdministrationClass:
    """The class of a drug named without form: a depot where it is injected at long intervals."""
    every = entry.interval_d
    if entry.route in _DEPOT_ROUTES and every is not None and every >= _DEPOT_INTERVAL_D:
        return _DEPOT
    return drug.administration


def _without_class(entry: MedicationEntry, drug: DrugConcept) -> bool:
    return drug.administration is _SYSTEMIC and not (
        drug.dose_form or drug.route or entry.route or entry.form
    )


def _place_unread(entries: Sequence[MedicationEntry], ids: list[str], unread: list[int]) -> None:
    """Give lines without a drug their place: linked or coded lines first, then those of one text.

    Lines that are linked, or carry the same code, form one bundle, which joins the medication to
    which the greatest weight of its links leads, then of its codes, then of its texts. Bundles
    without link and code to a known drug go by their text: those of one text together, to the only
    medication, or the most, that reads the same. What has two best places stays apart.
    """
    linked: dict[str, list[int]] = defaultdict(list)
    alike: dict[str, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        for token in (*tokens(entry), *codes(entry)):
            linked[token].append(index)
        if text := cleaned(entry.text):
            alike[text].append(index)
    by_link, by_text = _leading(linked, ids), _leading(alike, ids)
    waiting: list[int] = []
    for bundle in _joined(unread, linked.values()):
        votes = Counter[str]()
        for index in bundle:
            for weight, named in ((_LINK, tokens), (_CODE, codes)):
                for place in [place for key in named(entries[index]) for place in by_link[key]]:
                    votes[place] += weight
        if votes:
            _vote_by_text(entries, bundle, by_text, votes)
            _settle(entries, ids, bundle, votes)
        else:
            waiting += bundle
    by_text = _leading(alike, ids)
    for bundle in _joined(waiting, [*linked.values(), *alike.values()]):
        votes = Counter[str]()
        _vote_by_text(entries, bundle, by_text, votes)
        _settle(entries, ids, bundle, votes)


def _leading(shared: Mapping[str, Sequence[int]], ids: Sequence[str]) -> dict[str, set[str]]:
    """The medications to which each thing that lines share leads."""
    return {key: {ids[index] for index in some} - {""} for key, some in shared.items()}


def _vote_by_text(
    entries: Sequence[MedicationEntry],
    bundle: Iterable[int],
    leading: Mapping[str, Iterable[str]],
    votes: Counter[str],
) -> None:
    for index in bundle:
        for place in leading.get(cleaned(entries[index].text), ()):
            votes[place] += _TEXT


def _joined(indexes: Iterable[int], shared: Iterable[Sequence[int]]) -> list[list[int]]:
    """The indexes in bundles: two stand in one where a chain of what they share leads."""
    parent = {index: index for index in indexes}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for some in shared:
        here = [index for index in some if index in parent]
        for other in here[1:]:
            parent[root(other)] = root(here[0])
    bundles: dict[int, list[int]] = defaultdict(list)
    for index in parent:
        bundles[root(index)].append(index)
    return list(bundles.values())


def _settle(
    entries: Sequence[MedicationEntry], ids: list[str], bundle: Sequence[int], votes: Counter[str]
) -> None:
    """Place a bundle where its votes lead; where two places are best it stays apart."""
    best = votes.most_common(2)
    single = best and (len(best) == 1 or best[0][1] > best[1][1])
    place = best[0][0] if single else _text_id([entries[index] for index in bundle])
    for index in bundle:
        ids[index] = place


def _text_id(entries: Iterable[MedicationEntry]) -> str:
    texts = sorted({cleaned(entry.text) for entry in entries} - {""})
    if texts:
        return content_id("m", "text", texts[0])
    source, reference = min((entry.origin.source, entry.origin.reference) for entry in entries)
    return content_id("m", "line", source, reference)
