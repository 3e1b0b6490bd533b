"""Resources, drugs and tables for the tests of normalize: synthetic, in FHIR JSON."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from service.mappings.frequency import load_frequencies
from service.mappings.routes import load_routes
from service.mappings.rxnorm import load_drug_table
from service.mappings.units import load_units
from service.model.concept import (
    AdministrationClass,
    DrugConcept,
    Ingredient,
    Strength,
    TermType,
)
from service.model.medication import MedicationEntry
from service.model.record import SourceRecord
from service.model.source import RawResource, Role, SourceRead
from service.normalize import Tables, normalize

MAPPINGS = Path(__file__).parents[2] / "mappings"
TODAY = date(2026, 3, 10)
SERTRALINE_50 = {
    "coding": [
        {
            "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
            "code": "312941",
            "display": "sertraline 50 MG Oral Tablet",
        }
    ],
    "text": "sertraline 50 mg oral tablet",
}
Json = dict[str, Any]


@cache
def tables() -> Tables:
    return Tables(
        drugs=load_drug_table(MAPPINGS),
        units=load_units(MAPPINGS),
        frequencies=load_frequencies(MAPPINGS),
        routes=load_routes(MAPPINGS),
    )


def raw(resource: Json, fhir: str = "R4") -> RawResource:
    version = resource.get("meta", {}).get("versionId")
    body = json.dumps(resource).encode()
    return RawResource(resource["resourceType"], resource["id"], version, body, fhir)


def record(*resources: Json | RawResource, as_of: date = TODAY) -> SourceRecord:
    raws = tuple(one if isinstance(one, RawResource) else raw(one) for one in resources)
    read = SourceRead("psychiatry", Role.PSYCHIATRY, raws)
    return normalize(read, tables(), as_of)


def request(**elements: Any) -> Json:
    """An active order of sertraline 50 mg, changed by `elements`; None takes an element away."""
    resource = {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-01-10",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": SERTRALINE_50,
        **elements,
    }
    return {name: value for name, value in resource.items() if value is not None}


def entry(resource: Json, *others: Json, as_of: date = TODAY) -> MedicationEntry:
    """The one line of a resource."""
    (found,) = record(resource, *others, as_of=as_of).entries
    return found


def dosed(*instructions: Json, as_of: date = TODAY, **elements: Any) -> MedicationEntry:
    return entry(request(dosageInstruction=list(instructions), **elements), as_of=as_of)


def instruction(
    value: float | str | None = None,
    unit: str = "{tablet}",
    frequency: int | None = None,
    period: float | None = 1,
    period_unit: str = "d",
    **elements: Any,
) -> Json:
    """A structured R4 dosage instruction."""
    found: Json = dict(elements)
    if value is not None:
        quantity = {"value": value, "unit": unit, "code": unit}
        found["doseAndRate"] = [{"doseQuantity": quantity}]
    if frequency is not None:
        repeat = {"frequency": frequency, "period": period, "periodUnit": period_unit}
        timing = found.setdefault("timing", {})
        timing["repeat"] = {**repeat, **timing.get("repeat", {})}
    return found


def drug(
    *strengths: tuple[str, str, str, str | None],
    name: str = "",
    dose_form: str = "Oral Tablet",
    administration: AdministrationClass = AdministrationClass.SYSTEMIC,
    container_ml: str = "",
) -> DrugConcept:
    """A product of ingredients, each (name, value, unit, per unit); codes are the names."""
    return DrugConcept(
        rxcui="product",
        tty=TermType.SCD,
        name=name or " / ".join(one[0] for one in strengths),
        ingredients=tuple(Ingredient(one[0], one[0]) for one in strengths),
        strengths=tuple(
            Strength(rxcui, Decimal(value), unit, per_unit=per)
            for rxcui, value, unit, per in strengths
        ),
        dose_form=dose_form,
        administration=administration,
        container=Decimal(container_ml) if container_ml else None,
        container_unit="mL" if container_ml else "",
    )


def observation(**elements: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "14334-7"}], "text": "Lithium"},
        "effectiveDateTime": "2026-02-01T08:00:00-05:00",
        **elements,
    }
