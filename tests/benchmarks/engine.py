"""How fast the engine is, and where its time goes: ratios of things timed in one run, interleaved.

    python -m tests.benchmarks.engine [--patients N] [--rounds N] [--json] [--page PAGE]

The engine is normalize (which decodes) and reconcile, without the clinical rules, on bytes that are
already here; tables are loaded before. Baselines, on the same bytes in the same run: decoding and
nothing else (msgspec, the standard library, orjson where it is installed), models of fhir.resources
R4B and nothing else, and two pipelines with such a model of every resource before the same engine:
one goes on with the bytes that it has checked, the other with what the models write.

The engine remembers what lines say of drugs and directions. `seen` has read these same patients
before, `unseen` has read some others and these never, `first pass` knows nobody. The generated
patients spell each drug in many ways, so that `unseen` costs more here than where orders come from
one system. Times are of this process alone (CPU time); what else runs on the machine still changes
them, and ratios of one run are what they are worth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from statistics import median
from time import process_time
from typing import Any

import msgspec

from service.app import knowledge, settle
from service.assess.engine import examined, findings
from service.assess.plan_items import plan_items
from service.link.match import links
from service.model.concept import Resolution, ResolvedBy
from service.model.evidence import Fact, Origin
from service.model.medication import (
    Kind,
    LineMatch,
    MatchConfidence,
    MedicationEntry,
    PlacedLine,
    TherapyState,
)
from service.model.source import MEDICATION_TYPES, Certificate, RawResource, Role, SourceRead, State
from service.normalize import normalize, patients
from service.normalize.decode import decoded as typed
from service.normalize.wire import clinical
from service.normalize.wire import medication as wire
from service.pipeline.gather import Gathered
from service.pipeline.reconcile import report_of, view_of
from service.reconcile import reconcile
from service.report.document import document
from service.settings import Settings
from tests.benchmarks.reconciliation.__main__ import put
from tests.benchmarks.reconciliation.concord import tables
from tests.benchmarks.reconciliation.directions import Take
from tests.benchmarks.reconciliation.drugs import drugs
from tests.benchmarks.reconciliation.generate import DEVELOPMENT_SEEDS, cases
from tests.benchmarks.reconciliation.spelling import RXNORM

AS_OF = date(2026, 3, 10)
BEGIN, END = "<!-- engine: begin -->", "<!-- engine: end -->"
OTHERS = 400
"""Patients that the process has read before those that it has not seen."""
Patient = tuple[SourceRead, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine")
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page", type=Path, help="a Markdown page to put the tables into")
    chosen = parser.parse_args(arguments)
    figures = measured(chosen.patients, chosen.rounds)
    if chosen.page:
        put(chosen.page, markdown(figures), BEGIN, END)
    if chosen.json:
        json.dump(figures, sys.stdout, indent=1)
    else:
        for name, value in figures.items():
            print(f"{name:56}{value:>12,.3f}")
    return 0


def measured(patients: int, rounds: int) -> dict[str, float]:
    """Every figure by its name; times in milliseconds."""
    tables()
    settle()
    others, made = (
        population(OTHERS, DEVELOPMENT_SEEDS[0]),
        population(patients, DEVELOPMENT_SEEDS[1]),
    )
    first = spent(lambda: engine(others[:patients])) / patients
    engine(others[patients:])
    unseen = spent(lambda: engine(made)) / patients
    few, many, wide = of_drugs(8), of_drugs(80), of_lines(200)
    decoders = {"msgspec": msgspec.json.decode, "stdlib json": json.loads}
    if find_spec("orjson"):
        decoders["orjson"] = import_module("orjson").loads
    times = interleaved(
        {
            "engine": lambda: engine(made),
            **{name: lambda d=d: decoded(made, d) for name, d in decoders.items()},
            "floor": lambda: floor(made),
            "8 drugs": lambda: engine([few]),
            "80 drugs": lambda: engine([many]),
            "wide": lambda: engine([wide]),
        },
        rounds,
    )
    share = made[: max(1, patients // 4)]
    slow = interleaved(
        {
            "models": lambda: models(share),
            "checked": lambda: checked(share),
            "written": lambda: written(share),
            "engine": lambda: engine(share),
        },
        max(2, rounds // 2),
    )
    size = sum(len(raw.body) for one in made for read in one for raw in read.resources)
    return {
        "patients": patients,
        "resources a patient": sum(len(r.resources) for one in made for r in one) / patients,
        "megabytes": size / 1e6,
        "engine, seen, ms a patient": times["engine"] * 1e3 / patients,
        "engine, unseen, ms a patient": unseen * 1e3,
        "engine, first pass, ms a patient": first * 1e3,
        **{f"engine / {name} decode": times["engine"] / times[name] for name in decoders},
        **{f"{name} decode, ms a patient": times[name] * 1e3 / patients for name in decoders},
        "nothing decided (decode, line, facts) / engine": times["floor"] / times["engine"],
        "nothing decided / msgspec decode": times["floor"] / times["msgspec"],
        "models of fhir.resources, ms a patient": slow["models"] * 1e3 / len(share),
        "models of fhir.resources / engine": slow["models"] / slow["engine"],
        "models, then the bytes reconciled / engine": slow["checked"] / slow["engine"],
        "models, then what they write reconciled / engine": slow["written"] / slow["engine"],
        "models, then the bytes reconciled / engine, both unseen": (
            (slow["models"] / len(share) + unseen) / unseen
        ),
        "80 drugs / 8 drugs (5 sources)": times["80 drugs"] / times["8 drugs"],
        "200 lines x 5 sources, ms": times["wide"] * 1e3,
        **stages(made, rounds),
    }


ASKED = {
    "models, then what they write reconciled / engine": (
        "models of fhir.resources R4B of every resource, and the engine goes on with what they "
        "write / engine",
        "20 x or more",
    ),
    "models, then the bytes reconciled / engine": (
        "the same, and the engine goes on with the bytes it had / engine",
        "20 x or more",
    ),
    "models, then the bytes reconciled / engine, both unseen": (
        "the same, of patients not seen before",
        "",
    ),
    "engine / orjson decode": ("engine / decoding alone: orjson", "towards 3 x"),
    "engine / msgspec decode": ("engine / decoding alone: msgspec", ""),
    "engine / stdlib json decode": ("engine / decoding alone: json of the standard library", ""),
    "nothing decided (decode, line, facts) / engine": (
        "nothing decided (every resource decoded to its struct; a line and two facts of "
        "constants) / engine",
        "",
    ),
    "80 drugs / 8 drugs (5 sources)": ("ten times the medicines (80 against 8)", "11 x or less"),
    "200 lines x 5 sources, ms": ("200 lines x 5 sources, ms", "20 or less"),
    "engine, seen, ms a patient": ("engine, ms a patient seen before", ""),
    "engine, unseen, ms a patient": (
        f"engine, ms a patient not seen before, in a process that has read {OTHERS} others",
        "",
    ),
    "engine, first pass, ms a patient": (
        "engine, ms a patient, the first that a process reads",
        "",
    ),
}
"""The figures of the page by their names here: in words, and what is aimed at."""


def markdown(figures: Mapping[str, float]) -> str:
    """Both tables of the page: figures beside their aims, and the time of each step."""
    rows = [
        f"{datetime.now(UTC).date()}, {figures['patients']:.0f} patients with "
        f"{figures['resources a patient']:.0f} resources each; Python {python_version()}.",
        "",
        "| figure | reached | aim |",
        "|---|--:|--:|",
    ]
    for name, (words, aim) in ASKED.items():
        value = figures.get(name)
        if value is None:
            reached = "orjson is not installed"
        else:
            unit = "" if ", ms" in name or name.startswith("nothing") else " x"
            reached = f"{value:.3g}{unit}"
        rows.append(f"| {words} | {reached} | {aim} |")
    stages = {name: value for name, value in figures.items() if name.startswith("stage ")}
    steps = {name.split(",")[0].removeprefix("stage "): value for name, value in stages.items()}
    decode = steps.pop("typed decode")
    steps = {"decode alone (its part of normalize)": decode, **steps}
    whole = sum(steps.values()) - decode
    rows += ["", "| step | ms a patient | share |", "|---|--:|--:|"]
    rows += [f"| {step} | {ms:.2f} | {ms / whole:.0%} |" for step, ms in steps.items()]
    return "\n".join(rows)


def spent(call: Callable[[], object]) -> float:
    start = process_time()
    call()
    return process_time() - start


def population(count: int, seed: int) -> list[Patient]:
    return [patient(case.sources) for case in cases(count, seed)]


KINDS: dict[str, type[Any]] = {
    "MedicationRequest": wire.MedicationRequest,
    "MedicationStatement": wire.MedicationStatement,
    "MedicationDispense": wire.MedicationDispense,
    "MedicationAdministration": wire.MedicationAdministration,
    "Medication": wire.Medication,
    "Patient": clinical.Patient,
    "Observation": clinical.Observation,
    "Condition": clinical.Condition,
    "Practitioner": clinical.Practitioner,
}


def stages(made: Sequence[Patient], rounds: int) -> dict[str, float]:
    """Milliseconds a patient of each step from bytes to the report's bytes, all rules included."""
    known = knowledge(Settings())
    seen: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        total: dict[str, float] = {}

        def step(name: str, call: Callable[[], Any], total: dict[str, float] = total) -> Any:
            start = process_time()
            result = call()
            total[name] = total.get(name, 0.0) + process_time() - start
            return result

        for one in made:
            raws = [raw for read in one for raw in read.resources if raw.type in KINDS]
            step(
                "typed decode", lambda raws=raws: [typed(raw.body, KINDS[raw.type]) for raw in raws]
            )
            records = step(
                "normalize, with decode",
                lambda one=one: [normalize(read, known.tables, AS_OF) for read in one],
            )
            people = [p for read in one for p in patients(read.resources, read.name)[0]]
            joined = step(
                "link",
                lambda people=people: links(people[0], people, known.weights) if people else (),
            )
            made_one = step("reconcile", lambda r=records: reconcile(r, known.policy, AS_OF))
            view = view_of(joined, records, made_one.medications, AS_OF)
            answers = step("assess", lambda v=view: examined(v, known.rules, AS_OF))
            told = step("assess", lambda a=answers: findings(a))
            step("plan", lambda a=answers, t=told: plan_items(a, t, known.planning))
            gathered = Gathered(None, joined, one, tuple(people), ())
            report = report_of(gathered, known, AS_OF, today=AS_OF)
            content = step("report", lambda report=report: document(report))
            step("encode", lambda c=content: msgspec.json.encode(c))
        if number:
            for name, value in total.items():
                seen.setdefault(name, []).append(value * 1e3 / len(made))
    return {f"stage {name}, ms a patient": median(values) for name, values in seen.items()}


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


def floor(made: Sequence[Patient]) -> None:
    """What no engine of these values in CPython goes below: every resource decoded to its struct,
    and for each a line, its place and two facts made of constants, with nothing decided."""
    origin, empty = Origin("a", "b"), Resolution(None, ResolvedBy.NOTHING)
    for one in made:
        for read in one:
            for raw in read.resources:
                typed(raw.body, KINDS[raw.type])
                entry = MedicationEntry(
                    origin=origin, role=read.role, kind=Kind.REQUEST, text="", codings=(),
                    resolution=empty, status="active", intent="order", category=(), dosages=(),
                    daily_doses=(), as_needed=False, interval_d=None, route="", form="", timing="",
                    start=AS_OF, end=None, reasons=(), reason_codings=(), identifiers=(), taken="",
                    labels=(), problems=(), authored=AS_OF, requester="", links=(),
                )  # fmt: skip
                match = LineMatch(2, MatchConfidence.CERTAIN, ("",))
                PlacedLine(entry, TherapyState.CURRENT, match, AS_OF)
                Fact("a", "b", "1", "medication", "", AS_OF)
                Fact("a", "b", "1", "dosageInstruction[0]", "", AS_OF)


def models(made: Sequence[Patient]) -> list[Any]:
    """A validated model of fhir.resources R4B of every resource."""
    return [
        getattr(
            import_module(f"fhir.resources.R4B.{raw.type.lower()}"), raw.type
        ).model_validate_json(raw.body)
        for one in made
        for read in one
        for raw in read.resources
    ]


def checked(made: Sequence[Patient]) -> None:
    """Every resource validated, then the same engine on the same bytes."""
    models(made)
    engine(made)


def written(made: Sequence[Patient]) -> None:
    """Every resource validated, then the same engine on what the models write: models handed on."""
    for one in made:
        reads = []
        for read in one:
            raws = [
                RawResource(raw.type, raw.id, raw.version, model.model_dump_json().encode())
                for raw, model in zip(read.resources, models([(read,)]), strict=True)
            ]
            reads.append(read_of(read.name, raws, read.role))
        engine([tuple(reads)])


if __name__ == "__main__":
    sys.exit(main())
