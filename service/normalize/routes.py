"""By which way a drug is taken, in one word for all sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.model.concept import SNOMED
from service.normalize.concept import text_of
from service.normalize.wire import base


@dataclass(frozen=True)
class Routes:
    """Routes by SNOMED CT code and by spelling in lower case (mappings/routes.toml)."""

    by_code: Mapping[str, str]
    by_spelling: Mapping[str, str]

    def of(self, concept: base.CodeableConcept | None) -> str:
        """The route's word; the source's own text in lower case where the table lacks it."""
        if concept is None:
            return ""
        for coding in concept.coding:
            if coding.system == SNOMED and coding.code in self.by_code:
                return self.by_code[coding.code]
        for spelling in (concept.text, *(coding.display for coding in concept.coding)):
            if found := self.by_spelling.get(spelling.strip().lower()):
                return found
        return text_of(concept).lower()
