"""What the generator made when it was frozen, so that a change of it cannot go unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from tests.benchmarks.reconciliation.gold import Case

PATIENTS, SEED = 60, 11
DIGEST = "c4e2edafc582dc1912e685c03199d04557512687e51d6dc11c1a2387ed274d7a"


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
