"""Loads `mappings/rxnorm/` and what stands beside it into a DrugTable."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from service.errors import MappingError
from service.mappings.rxnorm_codes import load_codes
from service.mappings.rxnorm_rows import BRANDED_COLUMNS, INGREDIENT_COLUMNS, PRODUCT_COLUMNS
from service.model.concept import NO_CODE, AdministrationClass
from service.normalize.drug_codes import NO_RELEASE
from service.normalize.drug_rows import (
    AdministrationRule,
    BrandLine,
    DoseForm,
    DrugWords,
    TableFiles,
    folded,
)
from service.normalize.drug_table import DrugTable

_CHECKED_WHOLE = 1000
ADDITION_COLUMNS = ("rxcui", "tty", "name", "source")
SYNONYM_COLUMNS = ("synonym", "rxcui", "name", "source")
BRAND_LINE_COLUMNS = ("line", "brand", "form", "release", "class", "source")
DOSE_FORM_COLUMNS = ("dose_form", "form", "release", "route", "class")
OTHER_WORDS = "other_words.tsv"
OTHER_WORD_COLUMNS = ("word", "name")


def load_drug_table(folder: Path, imported: Path | None = None) -> DrugTable:
    """The drug table of a mappings folder (the one that holds `rxnorm/` and `moieties.toml`).

    Args:
        imported: a folder that `concord import-rxnorm` wrote; its concepts are taken instead.
    Raises: MappingError naming the file and what was expected.
    """
    rxnorm = folder / "rxnorm"
    concepts = imported or rxnorm
    ingredients = _lines(concepts / "ingredients.tsv", INGREDIENT_COLUMNS)
    files = TableFiles(
        [*ingredients, *_additions(rxnorm, ingredients if imported else ())],
        _lines(concepts / "products.tsv", PRODUCT_COLUMNS),
        _lines(concepts / "parts.tsv", PRODUCT_COLUMNS),
        _lines(concepts / "branded.tsv", BRANDED_COLUMNS),
        _text(concepts / "ndc.tsv", ("ndc", "rxcui")),
    )
    return DrugTable(
        files,
        _dose_forms(rxnorm / "dose_forms.tsv"),
        _administration(rxnorm / "administration.toml"),
        _moieties(folder / "moieties.toml"),
        DrugWords(
            _synonyms(rxnorm / "synonyms.tsv"),
            _brand_lines(rxnorm / "brand_lines.tsv"),
            _lookalikes(folder / "lookalikes.toml"),
            _stated_together(folder / "moieties.toml"),
            _other_words(rxnorm / OTHER_WORDS),
        ),
        load_codes(rxnorm, imported),
    )


def _text(path: Path, columns: tuple[str, ...]) -> str:
    """The file's text after its header."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(path.name, "file", f"a readable UTF-8 table ({error})") from error
    header, _, rest = text.partition("\n")
    if tuple(header.split("\t")) != columns:
        raise MappingError(path.name, "header", "the columns " + ", ".join(columns))
    return rest


def _lines(path: Path, columns: tuple[str, ...]) -> list[str]:
    lines = _text(path, columns).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for line in lines if len(lines) < _CHECKED_WHOLE else (lines[0], lines[-1]):
        if line.count("\t") + 1 != len(columns):
            raise MappingError(path.name, line.partition("\t")[0], f"{len(columns)} columns")
    return lines


def _additions(rxnorm: Path, ingredients: Collection[str]) -> list[str]:
    """Ingredients kept by hand, as lines of the ingredient table; of no release of RxNorm.

    Args:
        ingredients: lines of an imported release: what stands there is not added again.
    """
    path = rxnorm / "additions.tsv"
    there = {line.partition("\t")[0] for line in ingredients}
    added: list[str] = []
    for line in _lines(path, ADDITION_COLUMNS):
        rxcui, tty, name, source = line.split("\t")
        if tty != "IN" or not (rxcui.isdecimal() or rxcui == NO_CODE + folded(name)):
            raise MappingError(path.name, name, f"an ingredient (IN) by its code, or {NO_CODE}NAME")
        if rxcui.isdecimal() and source.count(";") < 1:
            raise MappingError(path.name, name, "an ingredient (IN) with two sources or more")
        if rxcui not in there:
            added.append("\t".join((rxcui, tty, name, rxcui, NO_RELEASE)))
    return added


def _dose_forms(path: Path) -> Mapping[str, DoseForm]:
    forms: dict[str, DoseForm] = {}
    for line in _lines(path, DOSE_FORM_COLUMNS):
        name, form, release, route, administration = line.split("\t")
        try:
            forms[name] = DoseForm(form, release, route, AdministrationClass(administration))
        except ValueError as error:
            raise MappingError(path.name, name, "class systemic, depot or local") from error
    return forms


def _synonyms(path: Path) -> Mapping[str, str]:
    rows = (line.split("\t") for line in _lines(path, SYNONYM_COLUMNS))
    return {folded(row[0]): row[1] for row in rows}


def _brand_lines(path: Path) -> Mapping[str, BrandLine]:
    lines: dict[str, BrandLine] = {}
    for line in _lines(path, BRAND_LINE_COLUMNS):
        name, brand, form, release, administration, _ = line.split("\t")
        try:
            lines[folded(name)] = BrandLine(
                brand, form, release, AdministrationClass(administration)
            )
        except ValueError as error:
            raise MappingError(path.name, name, "class systemic, depot or local") from error
    return lines


def _other_words(path: Path) -> frozenset[str]:
    return frozenset(line.partition("\t")[0] for line in _lines(path, OTHER_WORD_COLUMNS))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(path.name, "file", f"readable TOML ({error})") from error


def _administration(path: Path) -> tuple[AdministrationRule, ...]:
    rules = []
    for number, entry in enumerate(_toml(path).get("entry", [])):
        try:
            rules.append(
                AdministrationRule(
                    AdministrationClass(entry["class"]),
                    frozenset(entry["names"]),
                    frozenset(entry.get("forms", ())),
                    frozenset(entry.get("routes", ())),
                    tuple(entry.get("substance", ())),
                    frozenset(entry.get("strengths", ())),
                    frozenset(entry.get("not_strengths", ())),
                )
            )
        except (KeyError, ValueError) as error:
            raise MappingError(path.name, f"entry {number}", "class, names and source") from error
    return tuple(rules)


def _moieties(path: Path) -> Mapping[str, str]:
    moieties: dict[str, str] = {}
    for number, entry in enumerate(_toml(path).get("moiety", [])):
        try:
            moieties.update(dict.fromkeys(entry["from"], entry["rxcui"]))
        except (KeyError, TypeError) as error:
            raise MappingError(path.name, f"moiety {number}", "rxcui, name and from") from error
    return moieties


def _stated_together(path: Path) -> frozenset[frozenset[str]]:
    try:
        return frozenset(frozenset(e["names"]) for e in _toml(path).get("stated_together", ()))
    except KeyError as error:
        raise MappingError(path.name, "stated_together", "names and source") from error


def _lookalikes(path: Path) -> frozenset[tuple[str, str]]:
    pairs: set[tuple[str, str]] = set()
    for number, entry in enumerate(_toml(path).get("pair", [])):
        names = entry.get("names", ())
        if len(names) < 2 or not entry.get("source"):
            raise MappingError(path.name, f"pair {number}", "two or more names, and a source")
        words = [folded(name) for name in names]
        pairs.update((one, other) for one in words for other in words if one != other)
    return frozenset(pairs)
