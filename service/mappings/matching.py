"""`matching.toml` as the Weights of link, every key checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from service.errors import MappingError
from service.link.match import Points, Weights

FILE = "matching.toml"


def load_weights(folder: Path) -> Weights:
    """The weights of a mappings folder.

    Raises: MappingError naming file, key and what was expected.
    """
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MappingError(FILE, "-", "the file is missing") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(FILE, "-", f"no valid TOML: {error}") from error
    identifiers, fields = _table(document, "identifiers"), _table(document, "weights")
    grades = _table(document, "grades")
    probable, possible = _float(grades, "probable"), _float(grades, "possible")
    if possible >= probable:
        raise MappingError(FILE, "grades.possible", "fewer points than grades.probable")
    return Weights(
        trusted=_texts(identifiers, "trusted"),
        shared_by_families=_texts(identifiers, "shared_by_families"),
        identifier=_points(fields, "identifier"),
        birth_date=_points(fields, "birth_date"),
        family=_points(fields, "family"),
        given=_points(fields, "given"),
        sex=_points(fields, "sex"),
        phone=_points(fields, "phone"),
        postal=_points(fields, "postal"),
        address=_points(fields, "address"),
        probable=probable,
        possible=possible,
    )


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise MappingError(FILE, key, "a table is expected")
    return value


def _texts(parent: Mapping[str, object], key: str) -> frozenset[str]:
    value = parent.get(key)
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise MappingError(FILE, f"identifiers.{key}", "a list of texts is expected")
    return frozenset(value)


def _points(parent: Mapping[str, object], key: str) -> Points:
    row = _table(parent, key)
    points = Points(_float(row, "agree"), _float(row, "close"), _float(row, "disagree"))
    if not points.agree >= points.close >= points.disagree:
        raise MappingError(FILE, f"weights.{key}", "agree, close, disagree in falling order")
    return points


def _float(parent: Mapping[str, object], key: str) -> float:
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MappingError(FILE, key, "a number is expected")
    return float(value)
