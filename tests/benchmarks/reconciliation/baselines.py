"""Two published ways to reconcile, to compare with. Both know the benchmark's own drug tables.

Neither reads directions in words, or knows what a source is expected to hold; both are given a
perfect terminology for the drugs that occur here, which is more than they would have in a clinic.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from tests.benchmarks.reconciliation.drugs import Drug, drugs
from tests.benchmarks.reconciliation.gold import Case, Said
from tests.benchmarks.reconciliation.spelling import NDC, RXNORM

ACTIVE = frozenset({"active", "completed-dispense"})
GONE = frozenset({"stopped", "not-taken", "completed"})


@dataclass(frozen=True)
class Line:
    """One line as a baseline sees it."""

    source: str
    text: str
    rxcui: str
    status: str
    dose: Hashable
    """(amount, unit, times a day) of a structured dosage; None where it is in words."""


def lines(case: Case) -> list[Line]:
    """Every medication resource with its first RxCUI; dispenses once for each product."""
    found: dict[Line, None] = {}
    for source in case.sources:
        beside = {
            f"Medication/{r['id']}": r for r in source.resources
            if r["resourceType"] == "Medication"
        }  # fmt: skip
        for resource in source.resources:
            if not resource["resourceType"].startswith("Medication") or (
                resource["resourceType"] == "Medication"
            ):
                continue
            concept = _concept(resource, beside)
            coding = concept.get("coding", [])
            codes = [c["code"] for c in coding if c.get("system") == RXNORM]
            codes += [by_ndc()[n] for c in coding if c.get("system") == NDC
                      if (n := c["code"].replace("-", "")) in by_ndc()]  # fmt: skip
            text = concept.get("text") or next((c.get("display", "") for c in coding), "")
            status = resource["status"]
            if resource["resourceType"] in ("MedicationDispense", "MedicationAdministration"):
                status = "completed-dispense"
            line = Line(source.name, text, codes[0] if codes else "", status, _dose(resource))
            found[line] = None
    return list(found)


def _concept(resource: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    if "medicationCodeableConcept" in resource:
        return dict(resource["medicationCodeableConcept"])
    reference = resource["medicationReference"]
    for contained in resource.get("contained", ()):
        return dict(contained["code"])
    if reference.get("reference") in beside:
        return dict(beside[reference["reference"]]["code"])
    return {"text": reference.get("display", "")}


def _dose(resource: dict[str, Any]) -> Hashable:
    for one in resource.get("dosageInstruction", resource.get("dosage", ())) or ():
        if not isinstance(one, dict) or "doseAndRate" not in one:
            return None
        dose = one["doseAndRate"][0]["doseQuantity"]
        repeat = one.get("timing", {}).get("repeat", {})
        return dose["value"], dose["unit"], repeat.get("frequency", 1)
    return None


@cache
def by_ndc() -> dict[str, str]:
    """NDC -> RxCUI of the product."""
    found = {}
    for drug in drugs().values():
        for product in drug.products:
            if product.ndc:
                found[product.ndc] = product.rxcui
            if product.sbd_ndc:
                found[product.sbd_ndc] = product.sbd
    return found


@cache
def by_rxcui() -> dict[str, tuple[Drug, str]]:
    """RxCUI -> its drug and the generic product's code (tradename_of)."""
    return {
        code: (drug, product.rxcui)
        for drug in drugs().values()
        for product in drug.products
        for code in (product.rxcui, product.sbd)
        if code
    }


def cleaned(text: str) -> str:
    """Lower case, one space between words and numbers."""
    return " ".join(re.findall(r"[a-z]+|[0-9.]+", text.casefold()))


@cache
def drug_of(text: str) -> Drug | None:
    """The drug whose brand or first word stands in a text (what a lexicon look-up would give)."""
    words = cleaned(text).split()
    for drug in sorted(drugs().values(), key=lambda d: -len(d.key)):
        names = {drug.brand.casefold().split()[0]} if drug.brand else set()
        names |= {drug.short.casefold().split()[0].split("-")[0], drug.key.split("-")[0]}
        if names & set(words) and ("-" not in drug.key or len(drug.ingredients & set(words)) > 1):
            return drug
    return None


def ingredients(line: Line) -> frozenset[str]:
    """For the labels only: which drug the line is about."""
    if line.rxcui in by_rxcui():
        return by_rxcui()[line.rxcui][0].ingredients
    drug = drug_of(line.text)
    return drug.ingredients if drug else frozenset()


# --- baseline 1


def exact_code(case: Case) -> list[Said]:
    """Exact RxCUI match: one therapy is one code; a line without a code stays unresolved."""
    all_lines = lines(case)
    said = [
        Said("unresolvable-drug", frozenset(), frozenset({one.source}))
        for one in all_lines
        if not one.rxcui
    ]
    coded = [one for one in all_lines if one.rxcui]
    return said + _compared(coded, lambda one: one.rxcui, _names(case))


# --- baseline 2

INTENT = ("antipsychotic", "ssri-snri", "benzodiazepine-z", "stimulant", "anticholinergic")


def five_steps(case: Case) -> list[Said]:
    """String, RxCUI, brand against generic, ingredient overlap, treatment intent.

    Source: Silva, Bernstam, Markowitz, Johnson, Zhang and Herskovic, "Automated medication
    reconciliation and complexity of care transitions", AMIA Annual Symposium 2011, pages 1252-1260:
    each step takes what the earlier ones left; here written anew from the paper, over N lists.
    """
    all_lines = lines(case)
    sets = _clusters(all_lines)
    said = [
        Said("unresolvable-drug", frozenset(), frozenset({one.source}))
        for one in all_lines
        if not ingredients(one)
    ]
    known = [one for one in all_lines if ingredients(one)]
    said += _compared(known, lambda one: sets[one], _names(case), equivalent=True)
    current = {ingredients(one): _drug(one) for one in known if one.status in ACTIVE}
    for (a, first), (b, second) in combinations(sorted(current.items(), key=str), 2):
        if first and second and first.group == second.group and first.group in INTENT:
            said.append(Said("therapeutic-duplication", a | b, frozenset()))
    return said


def _drug(line: Line) -> Drug | None:
    return by_rxcui()[line.rxcui][0] if line.rxcui in by_rxcui() else drug_of(line.text)


def _clusters(all_lines: Iterable[Line]) -> dict[Line, Hashable]:
    """Each line's cluster: the first of the steps that joins it to an earlier line."""
    found: dict[Line, Hashable] = {}
    seen: dict[Hashable, Hashable] = {}
    for line in all_lines:
        generic = by_rxcui()[line.rxcui][1] if line.rxcui in by_rxcui() else ""
        keys: list[Hashable] = [("text", cleaned(line.text))]
        keys += [("code", line.rxcui)] if line.rxcui else []
        keys += [("generic", generic)] if generic else []
        keys += [("ingredient", ingredients(line))] if ingredients(line) else []
        cluster = next((seen[key] for key in keys if key in seen), len(seen))
        for key in keys:
            seen.setdefault(key, cluster)
        found[line] = cluster
    return found


# --- what both say of their clusters


def _names(case: Case) -> frozenset[str]:
    return frozenset(source.name for source in case.sources)


def _compared(
    all_lines: Iterable[Line],
    key: Callable[[Line], Hashable],
    sources: frozenset[str],
    *,
    equivalent: bool = False,
) -> list[Said]:
    clusters: dict[Hashable, list[Line]] = defaultdict(list)
    for line in all_lines:
        clusters[key(line)].append(line)
    said: list[Said] = []
    for cluster in clusters.values():
        drug = ingredients(cluster[0])
        current = [one for one in cluster if one.status in ACTIVE]
        gone = [one for one in cluster if one.status in GONE]
        held = [one for one in cluster if one.status == "on-hold"]
        holders = frozenset(one.source for one in current)
        if not holders:
            continue
        if {one.source for one in gone} - holders:
            both = holders | {one.source for one in gone}
            said.append(Said("stopped-versus-active", drug, both))
        if held:
            both = holders | {one.source for one in held}
            said.append(Said("held-versus-active", drug, both))
        everybody = frozenset(one.source for one in cluster)
        said += [
            Said("omission-prescribed", drug, frozenset({lacking}))
            for lacking in sources - everybody
        ]
        if len(holders) == 1:
            said.append(Said("addition", drug, holders))
        if len(holders) < 2:
            continue
        doses = {one.dose for one in current if one.dose is not None}
        amounts = {(dose[0], dose[1]) for dose in doses if isinstance(dose, tuple)}
        products = {one.rxcui for one in current if one.rxcui}
        if len(amounts) > 1 and len({unit for _, unit in amounts}) == 1:
            said.append(Said("dose-mismatch", drug, holders))
        elif len(doses) > len(amounts) > 0:
            said.append(Said("frequency-mismatch", drug, holders))
        elif equivalent and len(products) > 1:
            said.append(Said("equivalent-product", drug, holders))
        else:
            said.append(Said("confirmed-match", drug, holders))
    return said
