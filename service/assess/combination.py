"""A substance taken on its own and once more inside a combination product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from service.assess.answer import Answer, Verdict, listed
from service.assess.chart import Chart
from service.assess.exposure import Exposure, Taking
from service.assess.facts import exposure_facts
from service.assess.rule import Check
from service.assess.value_sets import DrugClass


class InsideCombination(Check, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ingredient of `drugs` in two medications at once, of which one holds more than it."""

    words: ClassVar[frozenset[str]] = frozenset({"drug", "products"})

    drugs: DrugClass

    def triggers(self) -> frozenset[str]:
        return self.drugs.rxcuis

    def answers(self, chart: Chart) -> Iterator[Answer]:
        for exposure in chart.of(self.drugs, Taking.NOW, Taking.UNCERTAIN):
            held = max((len(m.ingredients) for m in exposure.medications), default=0)
            if len(exposure.medications) < 2 or held < 2:
                continue
            if exposure.taking is Taking.UNCERTAIN:
                yield Answer(
                    Verdict.CANNOT_TELL,
                    f"whether {exposure.ingredient.name} is still taken",
                    exposures=(exposure,),
                    evidence=exposure_facts(exposure),
                )
            elif len(_current(exposure)) > 1:
                yield Answer(
                    Verdict.MET,
                    words={
                        "drug": exposure.ingredient.name,
                        "products": listed(_current(exposure)),
                    },
                    exposures=(exposure,),
                    evidence=exposure_facts(exposure),
                )


def _current(exposure: Exposure) -> list[str]:
    """The medications that run now, as shown."""
    return [m.display for m in exposure.medications if m.state.value in {"current", "conflict"}]
