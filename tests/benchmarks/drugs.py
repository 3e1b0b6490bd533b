"""How fast drugs and directions are read: CPU time, so that a busy machine changes little.

    python -m tests.benchmarks.drugs

Spellings of the reconciliation benchmark's patients, each line with its own object. `warm`:
spellings seen before, as most are; `cold`: each spelling for the first time. The aim is 50,000
lines a second and core warm, and a table that loads in 150 ms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from statistics import median
from time import process_time

import msgspec

from service.mappings.folder import mappings_folder
from service.mappings.frequency import load_frequencies
from service.mappings.routes import load_routes
from service.mappings.rxnorm import load_drug_table
from service.mappings.units import load_units
from service.model.concept import Coding
from service.normalize.drug import resolve
from service.normalize.sig import Grammar
from tests.benchmarks.reconciliation.generate import DEVELOPMENT_SEEDS, cases

ROUNDS = 5
WARM = 20


def lines(patients: int) -> list[tuple[tuple[Coding, ...], str, str]]:
    """Codings, text and directions of every medication line, as a server sends them."""
    found = []
    for case in cases(patients, DEVELOPMENT_SEEDS[0]):
        for source in case.sources:
            for resource in source.resources:
                concept = resource.get("medicationCodeableConcept")
                if concept is None:
                    continue
                codings = tuple(
                    Coding(one.get("system", ""), one["code"], one.get("display", ""))
                    for one in concept.get("coding", ())
                )
                told = resource.get("dosageInstruction") or resource.get("dosage") or [{}]
                dosage = told[0] if isinstance(told, list) else told
                found.append((codings, concept.get("text", ""), dosage.get("text", "")))
    return found


def seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start


def main() -> int:
    mappings = mappings_folder()
    loads = [seconds(lambda: load_drug_table(mappings)) for _ in range(ROUNDS)]
    made = lines(120)
    spelled = len({(codings, text) for codings, text, _ in made})
    table = load_drug_table(mappings)

    def every(rows: Iterable[tuple[tuple[Coding, ...], str, str]]) -> None:
        for codings, text, _ in rows:
            resolve(codings, text, table)

    cold = seconds(lambda: every(made))
    copies = [[fresh(line) for line in made] for _ in range(WARM)]
    warm = median(seconds(lambda rows=copy: every(rows)) for copy in copies)  # type: ignore[misc]
    grammar = Grammar(load_units(mappings), load_frequencies(mappings), load_routes(mappings))
    texts = [sig for _, _, sig in made if sig]
    first = seconds(lambda: [grammar.read(text) for text in set(texts)])
    again = seconds(lambda: [grammar.read(text) for text in texts for _ in range(WARM)])
    print(f"table load: {median(loads) * 1000:.0f} ms CPU (aim 150)")
    print(f"resolve, warm: {len(made) / warm:,.0f} lines/s a core (aim 50,000)")
    print(f"resolve, cold: {spelled / cold:,.0f} spellings/s ({spelled} of {len(made)} lines)")
    print(f"directions, cold: {len(set(texts)) / first:,.0f} texts/s")
    print(f"directions, warm: {WARM * len(texts) / again:,.0f} texts/s")
    return 0


def fresh(line: tuple[tuple[Coding, ...], str, str]) -> tuple[tuple[Coding, ...], str, str]:
    """The same line as new objects, as decoding makes them."""
    codings, text, sig = line
    again = tuple(Coding(one.system, one.code, one.display) for one in codings)
    return again, msgspec.json.decode(msgspec.json.encode(text)), sig


if __name__ == "__main__":
    sys.exit(main())
