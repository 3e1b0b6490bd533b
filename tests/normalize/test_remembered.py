"""What is remembered from one patient changes nothing for the next.

Readings of drugs, directions, packs and doses are kept by their content. A process that has seen
others, and numbers spelled in another way (1, 1.0, 1.00), must write the report that a fresh one
writes.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import msgspec
import pytest

from service.app import knowledge
from service.model.evidence import Origin
from service.model.patient import MatchGrade, PatientLink
from service.model.source import MEDICATION_TYPES, Certificate, RawResource, Role, SourceRead, State
from service.pipeline.gather import Gathered
from service.pipeline.reconcile import Knowledge, report_of
from service.report.document import document, encoded
from service.settings import Settings
from tests.patients.golden import patients

AS_OF = date(2026, 11, 15)
STAGES = ("service.normalize", "service.reconcile", "service.link", "service.assess")
Chart = dict[str, list[dict[str, Any]]]
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


@cache
def tables() -> Knowledge:
    return knowledge(Settings())


@cache
def charts() -> tuple[Chart, ...]:
    """The resources of the golden patients by source, numbers as they are written."""
    return tuple(
        {
            source: _decoder.decode(_encoder.encode(list(one.resources(source))))
            for source in one.sources
        }
        for one in patients()
    )


def report(chart: Chart) -> bytes:
    reads = tuple(
        SourceRead(
            name,
            Role.PHARMACY if name == "pharmacy" else Role.OTHER,
            tuple(
                RawResource(one["resourceType"], one.get("id", ""), "1", _encoder.encode(one))
                for one in resources
            ),
            tuple(Certificate(kind, State.COMPLETE) for kind in MEDICATION_TYPES),
        )
        for name, resources in sorted(chart.items())
    )
    link = PatientLink(Origin(reads[0].name, "Patient/1"), MatchGrade.CERTAIN, ("asked",))
    gathered = Gathered(asked=None, links=(link,), reads=reads, patients=(), problems=())
    return encoded(document(report_of(gathered, tables(), AS_OF, today=AS_OF)))


def forget() -> None:
    """Empties every memory of the pure stages; the tables stay."""
    for memory in memories():
        memory.cache_clear()


def memories() -> Iterator[Any]:
    kind = type(lru_cache(lambda: None))
    for name, module in sorted(sys.modules.items()):
        if name.startswith(STAGES):
            for found in vars(module).values():
                if isinstance(found, kind):
                    yield found


def respelled(content: Any, chance: random.Random) -> Any:
    """The same numbers with other zeros at their end."""
    if isinstance(content, dict):
        return {key: respelled(value, chance) for key, value in content.items()}
    if isinstance(content, list):
        return [respelled(value, chance) for value in content]
    if isinstance(content, int | Decimal) and not isinstance(content, bool):
        return Decimal(f"{content:f}" if isinstance(content, Decimal) else content).quantize(
            Decimal(1).scaleb(min(0, Decimal(content).as_tuple().exponent) - chance.randrange(3))
        )
    return content


def untold(content: Any) -> Any:
    """The same directions without their words, so that numbers alone are shown."""
    if isinstance(content, dict):
        bare = {key: untold(value) for key, value in content.items()}
        return {k: v for k, v in bare.items() if k != "text"} if "doseAndRate" in bare else bare
    return [untold(one) for one in content] if isinstance(content, list) else content


@pytest.fixture
def fresh() -> tuple[bytes, ...]:
    """The report of each patient by a process that has seen nobody else."""
    found = []
    for chart in charts():
        forget()
        found.append(report(chart))
    forget()
    return tuple(found)


def test_reports_are_the_same_whoever_was_seen_before(fresh: tuple[bytes, ...]) -> None:
    assert any(memory.cache_info().maxsize for memory in memories())
    order = list(range(len(fresh)))
    for seed in range(2):
        random.Random(seed).shuffle(order)
        for place in order:
            assert report(charts()[place]) == fresh[place]


@pytest.mark.parametrize("told", [True, False], ids=["with its words", "numbers alone"])
def test_another_spelling_of_a_number_seen_before_changes_no_report(told: bool) -> None:
    chance = random.Random(7)
    for chart in charts():
        given = chart if told else untold(chart)
        forget()
        alone = report(given)
        forget()
        report(respelled(given, chance))
        assert report(given) == alone
