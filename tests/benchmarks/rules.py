"""How fast the rules are: ratios of things timed in one run, interleaved, medians.

    python -m tests.benchmarks.rules [--rounds N]

A patient of 20 drugs and 500 results is asked every rule; then one of twice as much of both (cost
grows with the patient's data), and the same patient with half of the rules (and hardly with the
rules that do not concern him). `exposures` is the part that only makes the chart. Times are of the
processor, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time

from service.assess.chart import Chart
from service.assess.engine import assess
from service.assess.rule import RuleBook
from service.mappings.case_patient import build
from service.mappings.case_rows import Case, MedicationRow, ResultRow
from service.mappings.rules import load_rules
from service.mappings.rxnorm import load_drug_table
from service.model.record import PatientView

MAPPINGS = Path(__file__).parents[2] / "mappings"
AS_OF = date(2026, 3, 10)
BUDGET_MS = 5.0
DRUGS = (
    "6448",
    "2626",
    "36437",
    "10737",
    "10689",
    "29046",
    "5640",
    "2598",
    "39993",
    "40254",
    "28439",
    "25480",
    "11289",
    "61381",
    "321988",
    "7646",
    "36567",
    "6809",
    "17767",
    "10582",
    "4493",
    "42347",
    "15996",
    "89013",
    "2002",
    "3288",
    "8629",
    "2599",
    "6470",
    "7243",
    "20610",
    "4603",
    "5487",
    "8787",
    "1819",
    "6813",
    "7804",
    "41493",
    "10753",
    "4815",
)


def patient(drugs: int, results: int) -> PatientView:
    """A patient of so many drugs over two sources and so many results of the rules' tests."""
    table = load_drug_table(MAPPINGS)
    known = [code for code in DRUGS if table.by_rxcui(code) is not None][:drugs]
    with (MAPPINGS / "labs" / "codes.csv").open(encoding="utf-8", newline="") as lines:
        codes = [row["code"] for row in csv.DictReader(lines)]
    chance = random.Random(7)
    case = Case(
        name="a patient of many drugs",
        as_of=AS_OF,
        medications=tuple(
            MedicationRow(
                rxcui=code,
                name=code,
                source=("psychiatry", "primary-care")[place % 2],
                start=AS_OF - timedelta(days=30 + 20 * place),
                dose=Decimal(10),
            )
            for place, code in enumerate(known)
        ),
        results=tuple(
            ResultRow(
                loinc=chance.choice(codes),
                name="a result",
                source="primary-care",
                effective=AS_OF - timedelta(days=chance.randrange(900)),
                value=Decimal(chance.randrange(1, 200)),
                unit="mg/dL",
            )
            for _ in range(results)
        ),
        expect=(),
    )
    return build(case, table).view


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rules")
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args(arguments).rounds
    book = load_rules(MAPPINGS)
    half = RuleBook(list(book)[::2], book.washout, book.raising)
    one, two = patient(20, 500), patient(40, 1000)
    timed: dict[str, Callable[[], object]] = {
        "all rules": lambda: assess(one, book, AS_OF),
        "half of the rules": lambda: assess(one, half, AS_OF),
        "twice the data": lambda: assess(two, book, AS_OF),
        "exposures": lambda: Chart(one, book.washout),
    }
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, call in timed.items():
            start = process_time()
            call()
            times[name].append((process_time() - start) * 1e3)
    base = median(times["all rules"])
    print(f"{len(book)} rules, 20 drugs, 500 results: {base:.2f} ms (budget {BUDGET_MS:g} ms)")
    print(f"  quickest of {rounds} rounds: {min(times['all rules']):.2f} ms")
    for name in ("exposures", "half of the rules", "twice the data"):
        print(f"  {name}: {median(times[name]) / base:.2f} of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
