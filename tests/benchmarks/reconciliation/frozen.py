"""What the generator made when it was frozen, so that a change of it cannot go unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from tests.benchmarks.reconciliation.gold import Case

PATIENTS, SEED = 60, 11
DIGEST = "6d0be802b754dd5abdb9388fe5306cffd735393161e654cb17c6a753caec60de"


def digest(made: Iterable[Case]) -> str:
    """A hash of every resource and every label."""
    whole = hashlib.sha256()
    for case in made:
        sources = [[one.name, one.role, one.missing, one.resources] for one in case.sources]
        labels = [
            [g.types, sorted(g.ingredients), sorted(g.sources), g.required, g.loose]
            for g in case.gold
        ]
        whole.update(msgspec.json.encode([case.name, case.as_of, case.clean, sources, labels]))
    return whole.hexdigest()
