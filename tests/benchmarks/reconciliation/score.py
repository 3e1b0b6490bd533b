"""Labels against findings: true, false and missed, for each type."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.reconciliation.gold import AGREEING, BY_SOURCE, TYPES, Case, Gold, Said


@dataclass
class Score:
    """One contestant over all patients."""

    true: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    clean_patients: int = 0
    false_on_clean: int = 0
    lines: int = 0
    lost: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    types: Sequence[str] = TYPES
    """The types that are judged; what is said of others counts neither way."""

    def precision(self, type_: str) -> float | None:
        said = self.true[type_] + self.false[type_]
        return self.true[type_] / said if said else None

    def recall(self, type_: str) -> float | None:
        due = self.true[type_] + self.missed[type_]
        return self.true[type_] / due if due else None

    @property
    def false_per_clean(self) -> float:
        return self.false_on_clean / self.clean_patients if self.clean_patients else 0.0

    def add(self, case: Case, said: Iterable[Said], lines: int = 0, lost: int = 0) -> None:
        """Count one patient."""
        true, false, missed = judge(case.gold, [one for one in said if one.type in self.types])
        self.true.update(label.types[0] if t not in label.types else t for label, t in true)
        self.false.update(one.type for one in false)
        self.missed.update(label.types[0] for label in missed)
        self.lines, self.lost = self.lines + lines, self.lost + lost
        if case.clean:
            self.clean_patients += 1
            self.false_on_clean += sum(one.type not in AGREEING for one in false)
        self.errors += [
            f"{case.name} false  {one.type} {sorted(one.ingredients)} {sorted(one.sources)}"
            f"  [{'; '.join(case.story)}]"
            for one in false
        ]
        self.errors += [
            f"{case.name} missed {label.types[0]} {sorted(label.ingredients)}"
            f" {sorted(label.sources)}  [{'; '.join(case.story)}]"
            for label in missed
        ]

    def rows(self) -> list[dict[str, object]]:
        """For every type that was due or said."""
        return [
            {
                "type": type_,
                "due": self.true[type_] + self.missed[type_],
                "precision": self.precision(type_),
                "recall": self.recall(type_),
            }
            for type_ in self.types
            if self.true[type_] + self.missed[type_] + self.false[type_]
        ]


def judge(
    gold: Sequence[Gold], said: Iterable[Said]
) -> tuple[list[tuple[Gold, str]], list[Said], list[Gold]]:
    """(labels found, with the type said; findings that are false; labels missed)."""
    left = merged(said)
    true: list[tuple[Gold, str]] = []
    missed: list[Gold] = []
    for label in (label for label in gold if label.required):
        found = next((one for one in left if answers(one, label)), None)
        if found is None:
            missed.append(label)
        else:
            true.append((label, found.type))
            left.remove(found)
    labels = [*(label for label in gold if not label.required or label.loose)]
    false = [one for one in left if not any(answers(one, label) for label in labels)]
    return true, false, missed


def merged(said: Iterable[Said]) -> list[Said]:
    """One finding for each drug and type (and source, where the type is a source's own)."""
    sources: dict[tuple[str, frozenset[str], str], set[str]] = defaultdict(set)
    for one in said:
        for source in sorted(one.sources) or [""]:
            own = source if one.type in BY_SOURCE else ""
            sources[one.type, one.ingredients, own].add(source)
    return [Said(type_, drugs, frozenset(names)) for (type_, drugs, _), names in sources.items()]


def answers(said: Said, label: Gold) -> bool:
    """Whether the finding is the labelled one."""
    if said.type not in label.types or not label.sources <= said.sources:
        return False
    if label.loose:
        return not said.ingredients or bool(said.ingredients & label.ingredients)
    if said.type in BY_SOURCE and not label.ingredients:
        return True
    return said.ingredients == label.ingredients
