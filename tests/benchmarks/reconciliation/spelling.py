"""How servers write a drug: shapes seen in records of several vendors, aggregators and pharmacies.

Shapes: "PRINIVIL (LISINOPRIL) 10 MG Tablet"; "sertraline 50 MG tablet" (Epic); "Clonazepam Tablet
0.5mg"; "atorvastatin 20 MG Oral Tablet" with its SCD; SBD with and without text; brand text alone;
NDC alone; NDC with label text; RxNorm at several levels beside an NDC (aggregators); a display
without any code; contained and referenced Medications.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.benchmarks.reconciliation.drugs import Drug, Product

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
_SUFFIX = {"ER": " ER", "DR": " DR", "ODT": " ODT", "IR": ""}


@dataclass(frozen=True)
class Spelled:
    """The medication[x] of a resource, and a Medication to stand beside it on the server."""

    element: dict[str, Any]
    beside: dict[str, Any] | None = None


def strength(product: Product) -> str:
    """ "50 mg", "50 mcg", "12.5-10 mg"."""
    if "levothyroxine" in product.name:
        return f"{plain(product.strengths[0] * 1000)} mcg"
    return "-".join(plain(value) for value in product.strengths) + " mg"


def plain(value: Decimal) -> str:
    """A number without trailing zeros or exponent."""
    return f"{value.normalize():f}"


def kind(product: Product) -> str:
    """ "tablet", "capsule"; "injection" for what is injected."""
    return product.unit if product.unit != "mL" else "injection"


def short(drug: Drug, product: Product) -> str:
    """The chart's word for the drug in this release: "buPROPion HCl XL", "LORazepam"."""
    if product.unit == "mL":
        return drug.short
    if product.release == drug.products[0].release and product in drug.usual:
        return drug.short
    bare = product.name.removeprefix("24 HR ").removeprefix("12 HR ").split(" MG")[0]
    return bare.rsplit(" ", 1)[0] + _SUFFIX[product.release]


def texts(drug: Drug, product: Product, brand: bool) -> list[str]:
    """Spellings of the product in words, the brand among them only where `brand`."""
    amount, unit, name = strength(product), kind(product), short(drug, product)
    if brand:
        return [
            f"{drug.brand.upper()} ({name.upper()}) {amount.upper()} {unit.capitalize()}",
            f"{drug.brand} {amount}",
            f"{drug.brand} {amount} {unit}",
            f"{drug.brand} {unit.capitalize()} {amount.replace(' ', '')}",
        ]
    abbreviated = {"tablet": "tab", "capsule": "cap"}.get(unit, "inj")
    return [
        f"{name} {amount.upper()} {unit}",
        f"{name} {unit.capitalize()} {amount.replace(' ', '')}",
        f"{name} {amount} {abbreviated}",
        f"{name.lower()} {amount} {unit}",
    ]


def label(drug: Drug, product: Product, brand: bool) -> str:
    """A pharmacy's label text: "SERTRALINE HCL 50MG TABLET"."""
    name = drug.brand if brand else short(drug, product)
    return f"{name} {strength(product).replace(' ', '')} {kind(product)}".upper()


def spell(
    drug: Drug, product: Product, brand: bool, server: str, number: str, rng: random.Random
) -> Spelled:
    """The product as this kind of server writes it; `number` makes ids of Medications unique."""
    brand = brand and drug.branded(product)
    code, display = (product.sbd, product.sbd_name) if brand else (product.rxcui, product.name)
    coded = {"system": RXNORM, "code": code, "display": display}
    ndc = product.sbd_ndc if brand else product.ndc
    text = rng.choice(texts(drug, product, brand))
    if server == "pharmacy":
        return Spelled(_dispensed(drug, product, brand, ndc, coded, rng))
    if server == "patient":
        return Spelled({"medicationCodeableConcept": {"text": text}})
    shape = rng.choices(
        ("coded", "coded-text", "text", "display", "contained", "referenced", "aggregated"),
        (20, 24, 20, 8, 10, 8, 10),
    )[0]
    if shape == "coded":
        return Spelled({"medicationCodeableConcept": {"coding": [coded], "text": display}})
    if shape == "coded-text":
        return Spelled({"medicationCodeableConcept": {"coding": [coded], "text": text}})
    if shape == "text":
        return Spelled({"medicationCodeableConcept": {"text": text}})
    if shape == "display":
        return Spelled({"medicationReference": {"display": text}})
    if shape == "aggregated":
        coding: list[dict[str, Any]] = [{"system": RXNORM, "code": code}]
        coding += [{"system": NDC, "code": ndc}] if ndc else []
        coding += [{**coded, "userSelected": False}]
        return Spelled({"medicationCodeableConcept": {"coding": coding, "text": display}})
    medication = {
        "resourceType": "Medication",
        "id": f"med-{number}",
        "code": {"coding": [coded], "text": text},
    }
    if shape == "contained":
        reference = {"reference": f"#med-{number}", "display": text}
        return Spelled({"contained": [medication], "medicationReference": reference})
    return Spelled({"medicationReference": {"reference": f"Medication/med-{number}"}}, medication)


def _dispensed(
    drug: Drug,
    product: Product,
    brand: bool,
    ndc: str,
    coded: dict[str, Any],
    rng: random.Random,
) -> dict[str, Any]:
    """What a pharmacy writes: NDC with or without words, else RxNorm or words."""
    words = label(drug, product, brand)
    if not ndc:
        coding: list[dict[str, Any]] = [coded] if rng.random() < 0.5 else []
    elif rng.random() < 0.25:
        return {"medicationCodeableConcept": {"coding": [{"system": NDC, "code": ndc}]}}
    else:
        hyphens = f"{ndc[:5]}-{ndc[5:9]}-{ndc[9:]}"
        coding = [{"system": NDC, "code": rng.choice((ndc, hyphens)), "display": words}]
    concept = {"coding": coding, "text": words} if coding else {"text": words}
    return {"medicationCodeableConcept": concept}
