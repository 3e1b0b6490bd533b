"""The knowledge that normalize works with, loaded from mappings/ before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from service.normalize.drug_table import DrugTable
from service.normalize.frequency import Frequencies
from service.normalize.routes import Routes
from service.normalize.sig import Grammar
from service.normalize.units import Units


@dataclass(frozen=True, eq=False)
class Tables:
    """Drugs, units, frequencies and routes; the grammar of text directions follows from them.

    Compared by identity: readings are remembered per table.
    """

    drugs: DrugTable
    units: Units
    frequencies: Frequencies
    routes: Routes

    @cached_property
    def grammar(self) -> Grammar:
        return Grammar(self.units, self.frequencies, self.routes)
