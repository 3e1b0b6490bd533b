"""What lines taken together say of a drug and its dose, apart from who said it and when.

Lists repeat each other, and patients repeat patients: the same drug with the same direction is read
once, remembered by its content, and then compared as one thing. Two holdings that say the same
share one `Said`, so that nothing of them needs to be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec

from service.model.concept import DrugConcept
from service.model.dosage import DailyDose, Dosage
from service.model.medication import MedicationEntry
from service.reconcile.dose import Dose, plain, regular, summed
from service.reconcile.words import distinct

_MOST_REMEMBERED = 16
_UNSPECIFIC_ROUTES = frozenset({"parenteral", "oromucosal"})
_SOLID = "solid"
_FORM_GROUPS = {"tablet": _SOLID, "capsule": _SOLID}


class Said(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One list's word on a drug: all that two lists can agree or differ in.

    `routes` and `forms` are every one named. What compares: `sites` are routes that say where it
    goes ("parenteral" of a dose form fits any injection, so that nothing is said), `releases`
    release and form group (tablet or capsule are one group, ER and immediate release two), in words
    `release_words`. `products` are RxCUIs of generic clinical drugs, `strengths` what these hold,
    or a mere "Protonix 40 mg", `salts` precise ingredients, `generic` whether some line names no
    brand. `as_needed`: nothing of it is scheduled; `also_as_needed`: some of it is, and more may be
    taken. `moments` are FHIR event codes and days of the week of what is scheduled, or else of all,
    `timing` the same in words. `instructed`: some line carries a direction.
    """

    dose: Dose
    as_needed: bool
    also_as_needed: bool
    instructed: bool
    drugs: tuple[DrugConcept, ...]
    routes: tuple[str, ...]
    forms: tuple[str, ...]
    sites: tuple[str, ...]
    releases: tuple[str, ...]
    release_words: tuple[str, ...]
    salts: tuple[str, ...]
    products: tuple[str, ...]
    strengths: tuple[str, ...]
    brands: tuple[str, ...]
    generic: bool
    moments: frozenset[str]
    timing: str


_Words = tuple[
    DrugConcept | None,
    tuple[DailyDose, ...],
    Decimal | None,
    bool,
    tuple[Dosage, ...],
    str,
    str,
    str,
]


def said(entries: Sequence[MedicationEntry]) -> Said:
    """What the lines say together; the same object for the same words, as long as remembered."""
    words = tuple(
        [
            (
                e.resolution.drug,
                e.daily_doses,
                e.interval_d,
                e.as_needed,
                e.dosages,
                e.route,
                e.form,
                e.timing,
            )
            for e in entries
        ]
    )
    return _remembered(words) if len(words) <= _MOST_REMEMBERED else _said(words)


def _said(lines: tuple[_Words, ...]) -> Said:
    routes: list[str] = []
    forms: list[str] = []
    releases: list[str] = []
    release_words: list[str] = []
    drugs: list[DrugConcept] = []
    for drug, _, _, _, _, route, form, _ in lines:
        routes.append(route or (drug.route if drug else ""))
        named = (drug.form if drug else "") or form
        forms.append(named)
        if drug is None:
            continue
        drugs.append(drug)
        release_words.append(f"{drug.release or 'immediate-release'} {named}")
        if _tells_release(drug):
            releases.append(" ".join(filter(None, (drug.release, form_group(named)))))
    stated = distinct(routes)
    as_needed = all(prn for _, _, _, prn, *_ in lines)
    return Said(
        dose=summed(tuple((doses, every, prn, how) for _, doses, every, prn, how, *_ in lines)),
        as_needed=as_needed,
        also_as_needed=not as_needed
        and any(dosage.as_needed for _, _, _, _, how, *_ in lines for dosage in how),
        instructed=any(how for _, _, _, _, how, *_ in lines),
        drugs=tuple(drugs),
        routes=stated,
        forms=distinct(forms),
        sites=() if _UNSPECIFIC_ROUTES.intersection(stated) else stated,
        releases=distinct(releases),
        release_words=distinct(release_words),
        salts=distinct(precise.name for drug in drugs for precise in drug.precise),
        products=distinct(map(product, drugs)),
        strengths=distinct(map(_strength, drugs)),
        brands=distinct(drug.brand for drug in drugs),
        generic=len(drugs) < len(lines) or not all(drug.brand for drug in drugs),
        moments=_moments([d for _, _, _, _, how, *_ in lines for d in regular(how, as_needed)]),
        timing=", ".join(distinct(timing for *_, timing in lines)),
    )


_remembered = lru_cache(maxsize=16384)(_said)


def form_group(form: str) -> str:
    """A form as it compares: tablets and capsules are one."""
    return _FORM_GROUPS.get(form, form)


def _tells_release(drug: DrugConcept) -> bool:
    """Whether it is a product or names its release ("Depakote tablet 250 mg" may be its delayed or
    its extended tablet)."""
    return bool(drug.form and (drug.release or drug.dose_form))


def _moments(dosages: Iterable[Dosage]) -> frozenset[str]:
    """FHIR event codes and days of the week of the instructions; "nightly" is at bedtime."""
    return frozenset(
        "HS" if moment == "NIGHT" else moment
        for dosage in dosages
        if dosage.frequency
        for moment in (*dosage.frequency.when, *dosage.frequency.days)
    )


def product(drug: DrugConcept) -> str:
    """RxCUI of the generic clinical drug; empty where no dose form makes it a product."""
    return (drug.clinical_drug or drug.rxcui) if drug.strengths and drug.dose_form else ""


def _strength(drug: DrugConcept) -> str:
    return " / ".join(
        f"{s.rxcui} {plain(s.value)} {s.unit} in {plain(s.per_value)} {s.per_unit or 'unit'}"
        for s in drug.strengths
    )
