"""The case of the task timing: twelve drugs of one invented patient, told by three sources.

The lithium patient of the fixtures with her laboratory results and visits (lithium and a new ACE
inhibitor), and ten drugs more: six that all sources have alike, one at two strengths, one that
psychiatry does not list, one that only primary care lists, and one (ibuprofen) of which only the
pharmacy knows. Names and codes are RxNorm's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENT = "ingrid-samplewood"
BASE = Path(__file__).parents[2] / "fixtures" / "patients" / "lithium-new-ace-inhibitor" / "sources"
SOURCES = ("psychiatry", "primary-care", "pharmacy")
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ROUTES = "http://snomed.info/sct"
DRUGS = 12
ORDERED, FILLED = "2026-08-27", "2026-10-28"


@dataclass(frozen=True, slots=True)
class Product:
    """A clinical drug with the tablets taken a day and its sources."""

    rxcui: str
    name: str
    daily: int = 1
    sources: tuple[str, ...] = SOURCES


ADDED = (
    Product("312938", "sertraline 100 MG Oral Tablet"),
    Product("312743", "quetiapine 100 MG Oral Tablet"),
    Product("856377", "trazodone hydrochloride 50 MG Oral Tablet"),
    Product("861007", "metformin hydrochloride 500 MG Oral Tablet", daily=2),
    Product("966221", "levothyroxine sodium 0.05 MG Oral Tablet"),
    Product("198051", "omeprazole 20 MG Delayed Release Oral Capsule"),
    Product("617310", "atorvastatin 20 MG Oral Tablet", sources=("psychiatry",)),
    Product("617311", "atorvastatin 40 MG Oral Tablet", sources=("primary-care", "pharmacy")),
    Product("197361", "amlodipine 5 MG Oral Tablet", sources=("primary-care", "pharmacy")),
    Product("310410", "folic acid 1 MG Oral Tablet", sources=("primary-care",)),
    Product("197805", "ibuprofen 400 MG Oral Tablet", daily=2, sources=("pharmacy",)),
)


def written(folder: Path) -> Mapping[str, tuple[Path, Path]]:
    """The folders of each source: the fixture's own, and one in `folder` with the added drugs."""
    found = {}
    for source in SOURCES:
        added = folder / source
        added.mkdir()
        resources = [_resource(one, source) for one in ADDED if source in one.sources]
        lines = "".join(json.dumps(one) + "\n" for one in resources)
        (added / "added.ndjson").write_text(lines, encoding="utf-8")
        found[source] = (BASE / source, added)
    return found


def _resource(product: Product, source: str) -> dict[str, Any]:
    """An order of a practice, or the pharmacy's newest fill."""
    frequency = {1: "every day", 2: "twice a day"}[product.daily]
    unit = "capsule" if "Capsule" in product.name else "tablet"
    common = {
        "meta": {"versionId": "1", "lastUpdated": f"{FILLED}T18:05:00-05:00"},
        "medicationCodeableConcept": {
            "coding": [{"system": RXNORM, "code": product.rxcui, "display": product.name}],
            "text": product.name,
        },
        "subject": {"reference": f"Patient/{PATIENT}"},
        "dosageInstruction": [
            {
                "text": f"Take 1 {unit} by mouth {frequency}",
                "timing": {"repeat": {"frequency": product.daily, "period": 1, "periodUnit": "d"}},
                "route": {
                    "coding": [{"system": ROUTES, "code": "26643006", "display": "Oral route"}]
                },
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": unit}}],
            }
        ],
    }
    if source == "pharmacy":
        return {
            "resourceType": "MedicationDispense",
            "id": f"{PATIENT}-fill-{product.rxcui}",
            "status": "completed",
            "quantity": {"value": 30 * product.daily, "unit": unit},
            "daysSupply": {"value": 30, "unit": "days"},
            "whenHandedOver": f"{FILLED}T16:45:00-05:00",
            **common,
        }
    return {
        "resourceType": "MedicationRequest",
        "id": f"{PATIENT}-order-{product.rxcui}",
        "status": "active",
        "intent": "order",
        "authoredOn": f"{ORDERED}T09:30:00-05:00",
        **common,
    }
