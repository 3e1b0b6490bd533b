"""How fast the engine is: ratios of things timed in one run, interleaved, medians.

    python -m tests.benchmarks.engine [--patients N] [--rounds N] [--json]

The engine is normalize (which decodes) and reconcile on bytes that are already here; tables are
loaded before. It is compared with decoding the same bytes and nothing else (msgspec, stdlib json),
and with a pipeline that validates each resource with fhir.resources R4B before the same engine.
Readings of drug texts and of directions are remembered by the engine: figures are of a warm process
that has seen the spellings, `first pass` is of one that has not. Times are of this process alone
(CPU time), so that what else runs on the machine changes little.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from importlib import import_module
from statistics import median
from time import process_time
from typing import Any

import msgspec

from service.model.source import MEDICATION_TYPES, Certificate, RawResource, Role, SourceRead, State
from service.normalize import normalize
from service.reconcile import reconcile
from tests.benchmarks.reconciliation.concord import tables
from tests.benchmarks.reconciliation.directions import Take
from tests.benchmarks.reconciliation.drugs import drugs
from tests.benchmarks.reconciliation.generate import DEVELOPMENT_SEEDS, cases
from tests.benchmarks.reconciliation.spelling import RXNORM

AS_OF = date(2026, 3, 10)
Patient = tuple[SourceRead, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine")
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    figures = measured(chosen.patients, chosen.rounds)
    if chosen.json:
        json.dump(figures, sys.stdout, indent=1)
    else:
        for name, value in figures.items():
            print(f"{name:48}{value:>12,.3f}")
    return 0


def measured(patients: int, rounds: int) -> dict[str, float]:
    """Every figure by its name; times in milliseconds."""
    tables()
    made = [patient(case.sources) for case in cases(patients, DEVELOPMENT_SEEDS[0])]
    start = process_time()
    engine(made)
    first = process_time() - start
    few, many, wide = of_drugs(8), of_drugs(80), of_lines(200)
    times = interleaved(
        {
            "engine": lambda: engine(made),
            "normalize": lambda: [normalized(one) for one in made],
            "msgspec": lambda: decoded(made, msgspec.json.decode),
            "stdlib": lambda: decoded(made, json.loads),
            "8 drugs": lambda: engine([few]),
            "80 drugs": lambda: engine([many]),
            "wide": lambda: engine([wide]),
        },
        rounds,
    )
    share = made[: max(1, patients // 10)]
    slow = interleaved(
        {"validated": lambda: validated(share), "engine": lambda: engine(share)},
        max(2, rounds // 3),
    )
    size = sum(len(raw.body) for one in made for read in one for raw in read.resources)
    return {
        "patients": patients,
        "megabytes": size / 1e6,
        "engine, ms a patient": times["engine"] * 1e3 / patients,
        "engine, first pass, ms a patient": first * 1e3 / patients,
        "of it normalize (with decoding), share": times["normalize"] / times["engine"],
        "engine / msgspec decode": times["engine"] / times["msgspec"],
        "engine / stdlib json decode": times["engine"] / times["stdlib"],
        "fhir.resources pipeline / engine": slow["validated"] / slow["engine"],
        "80 drugs / 8 drugs (5 sources)": times["80 drugs"] / times["8 drugs"],
        "200 lines x 5 sources, ms": times["wide"] * 1e3,
    }


def interleaved(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each, timed in turn, there and back (ABBA), after one round unseen."""
    seen: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name in (*runs, *reversed(runs)):
            start = process_time()
            runs[name]()
            if number:
                seen[name].append(process_time() - start)
    return {name: median(values) for name, values in seen.items()}


def patient(sources: Sequence[Any]) -> Patient:
    """What the sources gave, as bytes; each read whole."""
    return tuple(
        read_of(
            one.name,
            [
                RawResource(r["resourceType"], r["id"], "1", msgspec.json.encode(r))
                for r in one.resources
            ],
            Role(one.role),
        )
        for one in sources
    )


def read_of(name: str, raws: Sequence[RawResource], role: Role) -> SourceRead:
    certificates = tuple(Certificate(type_, State.COMPLETE) for type_ in MEDICATION_TYPES)
    return SourceRead(name, role, tuple(raws), certificates)


def of_drugs(count: int) -> Patient:
    """Five lists that each hold the same `count` drugs, one order a drug."""
    products = [drug.products[0] for drug in list(drugs().values())[:count]]
    return five([orders(products) for _ in range(5)])


def of_lines(count: int) -> Patient:
    """Five lists of `count` orders each: many strengths and forms of some eighty drugs."""
    products = [product for drug in drugs().values() for product in drug.products][:count]
    return five([orders(products) for _ in range(5)])


def five(lists: Sequence[list[RawResource]]) -> Patient:
    roles = (Role.PSYCHIATRY, Role.PRIMARY_CARE, Role.OTHER, Role.OTHER, Role.PATIENT)
    return tuple(
        read_of(f"source-{number}", raws, role)
        for number, (raws, role) in enumerate(zip(lists, roles, strict=True))
    )


def orders(products: Sequence[Any]) -> list[RawResource]:
    found = []
    for number, product in enumerate(products):
        take = Take(product, Decimal(1), 1)
        coding = {"system": RXNORM, "code": product.rxcui, "display": product.name}
        body = {
            "resourceType": "MedicationRequest",
            "id": f"rx{number}",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"coding": [coding], "text": product.name},
            "subject": {"reference": "Patient/1"},
            "authoredOn": "2026-01-10",
            "dosageInstruction": [
                {
                    "text": f"Take 1 {product.unit} once daily",
                    "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                    "doseAndRate": [
                        {"doseQuantity": {"value": int(take.count), "unit": product.unit}}
                    ],
                }
            ],
        }
        raw = RawResource("MedicationRequest", f"rx{number}", "1", msgspec.json.encode(body))
        found.append(raw)
    return found


def normalized(one: Patient) -> list[Any]:
    return [normalize(read, tables().tables, AS_OF) for read in one]


def engine(made: Sequence[Patient]) -> None:
    """Decode, normalize and reconcile every patient."""
    for one in made:
        reconcile(normalized(one), tables().policy, AS_OF)


def decoded(made: Sequence[Patient], decode: Callable[[bytes], object]) -> None:
    for one in made:
        for read in one:
            for raw in read.resources:
                decode(raw.body)


def validated(made: Sequence[Patient]) -> None:
    """The same engine behind a model of every resource, as most FHIR code in Python is written."""
    for one in made:
        for read in one:
            for raw in read.resources:
                model = getattr(import_module(f"fhir.resources.R4B.{raw.type.lower()}"), raw.type)
                model.model_validate_json(raw.body)
    engine(made)


if __name__ == "__main__":
    sys.exit(main())
