"""The golden patients as the tests see them: folders, resources, and what was judged by hand."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2] / "fixtures" / "patients"
AS_OF = date(2026, 11, 15)
MEDICATION_TYPES = frozenset(
    {
        "MedicationRequest",
        "MedicationStatement",
        "MedicationDispense",
        "MedicationAdministration",
    }
)
_encoder = msgspec.json.Encoder(decimal_format="number")
_MILLIGRAMS = {"g": Decimal(1000), "mg": Decimal(1), "ug": Decimal("0.001")}


@dataclass(frozen=True)
class GoldenPatient:
    """One folder of fixtures/patients."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def sources(self) -> dict[str, str]:
        """Source name -> folder, as `--source NAME=LOCATION` would give it."""
        return {path.name: str(path) for path in sorted((self.folder / "sources").iterdir())}

    @property
    def story(self) -> str:
        return (self.folder / "story.md").read_text(encoding="utf-8")

    @property
    def expected(self) -> dict[str, Any]:
        return tomllib.loads(
            (self.folder / "expected" / "findings.toml").read_text(encoding="utf-8")
        )

    @property
    def golden(self) -> Path:
        return self.folder / "expected" / "report.json"

    def resources(self, source: str) -> list[dict[str, Any]]:
        """Every resource of one source, Bundles opened, in the order of the files."""
        found: list[dict[str, Any]] = []
        for path in files(self.folder / "sources" / source):
            for document in documents(path):
                found.extend(opened(document))
        return found

    def lines(self) -> set[tuple[str, str]]:
        """(source, reference) of every medication resource."""
        return {
            (source, f"{resource['resourceType']}/{resource['id']}")
            for source in self.sources
            for resource in self.resources(source)
            if resource["resourceType"] in MEDICATION_TYPES
        }


def patients() -> list[GoldenPatient]:
    return [GoldenPatient(path) for path in sorted(ROOT.iterdir()) if path.is_dir()]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON documents of a file: one, or one a line (NDJSON); decimals stay exact."""
    text = path.read_text(encoding="utf-8")
    parts = text.splitlines() if path.suffix == ".ndjson" else [text]
    for part in parts:
        yield json.loads(part, parse_float=Decimal)


def opened(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of a Bundle, or the resource itself."""
    if document["resourceType"] == "Bundle":
        return [entry["resource"] for entry in document["entry"]]
    return [document]


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside a JSON document with its path, from the outside in."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from walk(inner, f"{path}[{number}]")


def layout(value: Any, indent: int = 0, width: int = 150) -> str:
    """JSON for reviewing differences: what fits on one line stands on one line."""
    flat = _encoder.encode(value).decode()
    fits = indent > 0 and indent + len(flat) <= width
    if fits or not value or not isinstance(value, dict | list):
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        inner = [f'{pad}"{key}": {layout(item, indent + 1, width)}' for key, item in value.items()]
        return "{\n" + ",\n".join(inner) + "\n" + " " * indent + "}"
    inner = [pad + layout(item, indent + 1, width) for item in value]
    return "[\n" + ",\n".join(inner) + "\n" + " " * indent + "]"


def milligrams(dose: dict[str, Any]) -> Decimal:
    """A dose of mass in mg, so that 50 ug and 0.05 mg are one."""
    return Decimal(str(dose["value"])) * _MILLIGRAMS[dose["unit"]]
