"""The runner: patients, three contestants, a table.

    python -m tests.benchmarks.reconciliation [--patients N] [--seed N | --held-out] [--misses]
    python -m tests.benchmarks.reconciliation --held-out --page docs/benchmarks.md
    python -m tests.benchmarks.reconciliation --families E-H [--held-out]
    python -m tests.benchmarks.reconciliation --families forms [--held-out] [--page ...]

`--page` rewrites the part of that page between its two marks, with the date and the command.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from tests.benchmarks.reconciliation import (
    baselines,
    clinical_generate,
    clinical_run,
    concord,
    forms_generate,
    forms_run,
)
from tests.benchmarks.reconciliation.generate import DEVELOPMENT_SEEDS, HELD_OUT_SEEDS, cases
from tests.benchmarks.reconciliation.gold import TYPES, Case, Said
from tests.benchmarks.reconciliation.score import Score

CONTESTANTS = ("concord", "exact code", "five steps")
BEGIN, END = "<!-- reconciliation: begin -->", "<!-- reconciliation: end -->"


def measure(made: Sequence[Case]) -> dict[str, Score]:
    """Every contestant on the same patients; Concord's tables are loaded before its clock runs."""
    concord.tables()
    scores = {"concord": Score()}
    start = perf_counter()
    for case in made:
        report = concord.report(case)
        scores["concord"].add(case, concord.said(report), *concord.lines(case, report))
    scores["concord"].seconds = perf_counter() - start
    simple: dict[str, Callable[[Case], list[Said]]] = {
        "exact code": baselines.exact_code,
        "five steps": baselines.five_steps,
    }
    for name, contestant in simple.items():
        scores[name] = Score()
        start = perf_counter()
        for case in made:
            scores[name].add(case, contestant(case))
        scores[name].seconds = perf_counter() - start
    return scores


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reconciliation")
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--seed", type=int, default=DEVELOPMENT_SEEDS[0])
    parser.add_argument("--held-out", action="store_true", help="all held-out seeds instead")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page", type=Path, help="a Markdown page to put the table into")
    parser.add_argument("--misses", action="store_true", help="list what Concord got wrong")
    parser.add_argument("--families", choices=("A-D", "E-H", "forms"), default="A-D")
    chosen = parser.parse_args(arguments)
    if chosen.families == "E-H":
        return clinical(chosen)
    if chosen.families == "forms":
        return special_forms(chosen)
    seeds = HELD_OUT_SEEDS if chosen.held_out else (chosen.seed,)
    made = [case for seed in seeds for case in cases(chosen.patients, seed)]
    scores = measure(made)
    if chosen.json:
        json.dump({name: as_json(score) for name, score in scores.items()}, sys.stdout, indent=1)
        return 0
    print(f"{len(made)} patients, seeds {', '.join(map(str, seeds))}")
    print(table(scores))
    if chosen.page:
        put(chosen.page, markdown(scores, len(made), seeds))
    if chosen.misses and not chosen.held_out:
        print("\n".join(scores["concord"].errors))
    return 0


def clinical(chosen: argparse.Namespace) -> int:
    """Families E to H: the service alone, with the noise figure."""
    own = clinical_generate.DEVELOPMENT_SEEDS
    one = own[0] if chosen.seed == DEVELOPMENT_SEEDS[0] else chosen.seed
    seeds = clinical_generate.HELD_OUT_SEEDS if chosen.held_out else (one,)
    made = [
        case for seed in seeds for case in clinical_generate.clinical_cases(chosen.patients, seed)
    ]
    found = clinical_run.measure(made)
    print(f"{len(made)} patients, seeds {', '.join(map(str, seeds))}")
    print(clinical_run.table(found))
    bare = clinical_run.measure(cases(min(chosen.patients, 100), DEVELOPMENT_SEEDS[0]))
    print(f"the same median on patients of families A to D, who have no results: {bare.median:g}")
    if chosen.misses and not chosen.held_out:
        print("\n".join(found.score.errors))
    return 0


def special_forms(chosen: argparse.Namespace) -> int:
    """Liquids, patches, inhalers and tapers: the service alone."""
    own = forms_generate.DEVELOPMENT_SEEDS
    one = own[0] if chosen.seed == DEVELOPMENT_SEEDS[0] else chosen.seed
    seeds = forms_generate.HELD_OUT_SEEDS if chosen.held_out else (one,)
    made = [case for seed in seeds for case in forms_generate.form_cases(chosen.patients, seed)]
    score = forms_run.measure(made)
    text = forms_run.table(score, len(made), seeds)
    print(text)
    if chosen.page:
        put(chosen.page, text, forms_run.BEGIN, forms_run.END)
    if chosen.misses and not chosen.held_out:
        print("\n".join(score.errors))
    return 0


def as_json(score: Score) -> dict[str, object]:
    return {
        "types": score.rows(),
        "false_findings_per_clean_patient": score.false_per_clean,
        "lines": score.lines,
        "lines_lost": score.lost,
        "seconds": round(score.seconds, 2),
    }


def table(scores: dict[str, Score]) -> str:
    """Precision and recall of each type, side by side."""
    head = "".join(f"{name:>18}" for name in scores)
    rows = [f"{'':30}{'due':>6}{head}"]
    for type_ in TYPES:
        first = next(iter(scores.values()))
        due = first.true[type_] + first.missed[type_]
        cells = "".join(
            f"{share(score.precision(type_)):>10}{share(score.recall(type_)):>8}"
            for score in scores.values()
        )
        rows.append(f"{type_:30}{due:>6}{cells}")
    rows += [
        f"{'false per clean patient':36}"
        + "".join(f"{score.false_per_clean:>18.2f}" for score in scores.values()),
        f"{'seconds':36}" + "".join(f"{score.seconds:>18.1f}" for score in scores.values()),
    ]
    one = scores["concord"]
    rows.append(f"Concord: {one.lines} lines in, {one.lost} lost")
    return "\n".join(rows)


def markdown(scores: dict[str, Score], patients: int, seeds: Sequence[int]) -> str:
    """The same table for a page, with what it was made from."""
    rows = [
        f"{patients} patients, seeds {', '.join(map(str, seeds))}, "
        f"{datetime.now(UTC).date().isoformat()}.",
        "",
        "| type | due | " + " | ".join(f"{name}: precision | recall" for name in scores) + " |",
        "|---|--:|" + "--:|--:|" * len(scores),
    ]
    first = next(iter(scores.values()))
    for type_ in TYPES:
        cells = " | ".join(
            f"{share(score.precision(type_))} | {share(score.recall(type_))}"
            for score in scores.values()
        )
        rows.append(f"| {type_} | {first.true[type_] + first.missed[type_]} | {cells} |")
    quiet = " | ".join(f"{score.false_per_clean:.2f} | " for score in scores.values())
    one = scores["concord"]
    rows += [
        f"| false findings per clean patient ({one.clean_patients}) | | {quiet} |",
        "",
        f"Lines in: {one.lines}; lost or placed twice: {one.lost}.",
    ]
    return "\n".join(rows)


def put(page: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """The page with `text` between its marks.

    Raises: ValueError when the page lacks them.
    """
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no {begin} ... {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
