"""`matching.toml` as the Weights of link, every key checked."""

from __future__ import annotations

from pathlib import Path

from service.link.grade import Points, Weights
from service.mappings import toml

FILE = "matching.toml"


def load_weights(folder: Path) -> Weights:
    """The weights of a mappings folder.

    Raises: MappingError naming file, key and what was expected.
    """
    document = toml.load(folder, FILE)
    identifiers, fields = document.inner("identifiers"), document.inner("weights")
    grades = document.inner("grades")
    grades.text("source")
    probable, possible = _float(grades, "probable"), _float(grades, "possible")
    if possible >= probable:
        raise grades.wrong("possible", "fewer points than grades.probable")
    return Weights(
        trusted=frozenset(identifiers.texts("trusted")),
        shared_by_families=frozenset(identifiers.texts("shared_by_families")),
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


def _points(parent: toml.Entry, key: str) -> Points:
    row = parent.inner(key)
    points = Points(_float(row, "agree"), _float(row, "close"), _float(row, "disagree"))
    if not points.agree >= points.close >= points.disagree:
        raise parent.wrong(key, "agree, close, disagree in falling order")
    return points


def _float(parent: toml.Entry, key: str) -> float:
    value = parent.values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise parent.wrong(key, "a number")
    return float(value)
