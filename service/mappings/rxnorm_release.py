"""A full RxNorm release (RRF files) as the rows that the drug table is made of.

Read line by line: RXNCONSO (names), RXNREL (relations), RXNSAT (NDCs); kept is what RxNorm itself
says (SAB=RXNORM) and does not suppress. What a product contains is told by its relations, in the
order of its name; one whose parts the relations do not tell is left out and counted.
Source: RxNorm technical documentation, sections 12 and appendices 1 (relations) and 5 (term types).
A row of RXNREL reads: RXCUI2 has the relation RELA to RXCUI1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from service.mappings.rxnorm_reference import ReferenceRow
from service.mappings.rxnorm_rrf import Say, rows_of

_DOSE_FORM = "DF"
_INGREDIENT_LEVEL = frozenset({"IN", "PIN", "MIN", "BN"})
_TERM_TYPES = _INGREDIENT_LEVEL | {
    "SCD", "SBD", "SCDC", "SBDC", "SCDF", "SBDF", "GPCK", "BPCK", _DOSE_FORM,
}  # fmt: skip
_RELATIONS = frozenset(
    {
        "has_ingredient",
        "has_part",
        "form_of",
        "consists_of",
        "has_dose_form",
        "tradename_of",
        "contains",
    }
)
_MOST_INGREDIENTS = 12
_COMPONENT = re.compile(r"(?:^| )(\d[\d.]* [A-Z%]+(?:/[A-Z]+)?)$")
_ATC_SUBSTANCE = re.compile(r"[A-Z]\d\d[A-Z]{2}\d\d")


@dataclass(slots=True)
class Release:
    """What was read of a release. `relations` lead from a concept to others, by name.

    `atc`: ATC code of a substance, its name there, and the ingredient (IN) that RxNorm gives it.
    """

    name: str
    concepts: dict[str, tuple[str, str]] = field(default_factory=dict)
    relations: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: {name: {} for name in _RELATIONS}
    )
    ndcs: list[tuple[str, str]] = field(default_factory=list)
    atc: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def rows(self) -> list[ReferenceRow]:
        """Every concept whose ingredients are told; `left_out` counts the others by term type."""
        rows: list[ReferenceRow] = []
        for rxcui, (tty, _) in self.concepts.items():
            if tty == _DOSE_FORM:
                continue
            row = self._row(rxcui)
            if row is None:
                self.left_out[tty] += 1
            else:
                rows.append(row)
        return rows

    def generic(self, row: ReferenceRow) -> str:
        """The concept that a branded one is a trade name of, "" when none or several."""
        found = [of for of in self._to("tradename_of", row.rxcui) if self._row(of) is not None]
        return found[0] if len(found) == 1 else ""

    def _row(self, rxcui: str) -> ReferenceRow | None:
        tty, name = self.concepts[rxcui]
        contents = self._contents(rxcui)
        ingredients = tuple(ingredient for ingredient, _ in contents)
        if not ingredients or "" in ingredients or len(set(ingredients)) > _MOST_INGREDIENTS:
            return None
        strengths = tuple(strength for _, strength in contents)
        forms = self._to("has_dose_form", rxcui)
        form = self.concepts[forms[0]][1] if forms else ""
        row = ReferenceRow(
            rxcui,
            tty,
            name,
            ingredients,
            strengths if all(strengths) else (),
            form,
            "",
            self.name,
        )
        if tty in {"SCD", "SBD", "SCDC", "SBDC", "SCDF", "SBDF"} and len(row.components) != len(
            ingredients
        ):
            return None
        return row

    def _contents(self, rxcui: str) -> list[tuple[str, str]]:
        """(ingredient, strength as in the name) in the order of the name; "" where not told."""
        tty, name = self.concepts[rxcui]
        match tty:
            case "IN":
                return [(rxcui, "")]
            case "PIN":
                return [(one, "") for one in self._to("form_of", rxcui)]
            case "MIN":
                return [(one, "") for one in self._to("has_part", rxcui)]
            case "BN":
                return [(one, "") for one in self._ingredients_of(self._to("tradename_of", rxcui))]
            case "SCDC":
                found = _COMPONENT.search(name)
                amount = found[1] if found else ""
                return [(one, amount) for one in self._to("has_ingredient", rxcui)]
            case "SCD":
                return self._components(name, self._to("consists_of", rxcui))
            case "SCDF":
                there = self._to("has_ingredient", rxcui)
                return [(one, "") for one in sorted(there, key=lambda one: self._place(one, name))]
            case "GPCK":
                parts = self._to("contains", rxcui)
                return [(one, "") for one in self._ingredients_of(parts)]
            case _:
                of = self._to("tradename_of", rxcui)
                return self._contents(of[0]) if len(of) == 1 else []

    def _components(self, name: str, parts: list[str]) -> list[tuple[str, str]]:
        """What each component of a product's name is, by the SCDC of the same text."""
        by_text = {self.concepts[part][1].casefold(): part for part in parts}
        row = ReferenceRow("", "SCD", name, (), (), "", "", "")
        contents: list[tuple[str, str]] = []
        for text in row.components:
            # The dose form stands behind the last component.
            whole = text.casefold()
            part = next(
                (part for of, part in by_text.items() if whole == of or whole.startswith(of + " ")),
                "",
            )
            contents += self._contents(part) if part else [("", "")]
        return contents

    def _ingredients_of(self, concepts: Iterable[str]) -> list[str]:
        """Every ingredient of these concepts, each once."""
        found = (ingredient for one in concepts for ingredient, _ in self._contents(one))
        return list(dict.fromkeys(found))

    def _place(self, ingredient: str, name: str) -> tuple[int, str]:
        place = name.casefold().find(self.concepts[ingredient][1].casefold())
        return (place if place >= 0 else len(name), ingredient)

    def _to(self, relation: str, rxcui: str) -> list[str]:
        return self.relations[relation].get(rxcui, [])


def read_release(folder: Path, name: str, say: Say) -> Release:
    """The release in a folder. Memory grows with RxNorm's own concepts, not with the files."""
    release = Release(name)
    atc: list[tuple[str, str, str]] = []
    for columns in rows_of(folder / "RXNCONSO.RRF", 17, say):
        rxcui, tty = columns[0], columns[12]
        if columns[11] == "RXNORM" and tty in _TERM_TYPES and columns[16] in {"N", ""}:
            release.concepts[rxcui] = (tty, columns[14])
        elif columns[11] == "ATC" and _ATC_SUBSTANCE.fullmatch(columns[13]):
            atc.append((columns[13], columns[14], rxcui))
    release.atc = [row for row in atc if release.concepts.get(row[2], ("",))[0] == "IN"]
    # Relations repeat each code many times: they share one string for it.
    known = {rxcui: rxcui for rxcui in release.concepts}
    for columns in rows_of(folder / "RXNREL.RRF", 15, say):
        relation = columns[7]
        first, second = known.get(columns[0]), known.get(columns[4])
        if (
            relation in _RELATIONS
            and columns[10] == "RXNORM"
            and columns[14] in {"N", ""}
            and first is not None
            and second is not None
        ):
            release.relations[relation].setdefault(second, []).append(first)
    _keep_ingredients(release)
    for columns in rows_of(folder / "RXNSAT.RRF", 12, say):
        of, ndc = known.get(columns[0]), columns[10]
        if (
            columns[8] == "NDC"
            and columns[9] == "RXNORM"
            and columns[11] in {"N", ""}
            and of is not None
            and len(ndc) == 11
            and ndc.isdecimal()
        ):
            release.ndcs.append((ndc, of))
    return release


def _keep_ingredients(release: Release) -> None:
    """Leaves of each relation the kinds that it is read for, each once, in the order of codes."""
    wanted = {
        "has_ingredient": {"IN"},
        "has_part": {"IN"},
        "form_of": {"IN"},
        "consists_of": {"SCDC"},
        "has_dose_form": {_DOSE_FORM},
        "tradename_of": {"SCD", "SCDC", "SCDF", "GPCK", "IN", "PIN", "MIN"},
        "contains": {"SCD"},
    }
    for relation, kinds in wanted.items():
        targets = release.relations[relation]
        for rxcui, found in targets.items():
            kept = {one for one in found if release.concepts[one][0] in kinds}
            targets[rxcui] = sorted(kept, key=int)
