"""Writes docs/fhir/ConceptMap-discrepancies.json; a test compares it with what the service uses."""

from __future__ import annotations

import json
from pathlib import Path

from service.write.discrepancy import concept_map

PLACE = Path("docs/fhir/ConceptMap-discrepancies.json")


def main() -> None:
    """The file, rewritten in the working copy that this runs in."""
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(concept_map(), ensure_ascii=False, indent=2)
    PLACE.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
