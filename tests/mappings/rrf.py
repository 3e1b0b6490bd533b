"""A small RxNorm release in RRF, written from rows of the drug table (public facts)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from service.mappings.rxnorm_reference import ReferenceRow

Row = tuple[str, ...]
_OWN = 90_000_000


def table(folder: Path, name: str) -> list[Row]:
    """The rows of one file of a drug table."""
    lines = (folder / name).read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(line.split("\t")) for line in lines]


class Writer:
    """Collects concepts, relations and NDCs, each with what they need, and writes the files."""

    def __init__(self, drugs: Path) -> None:
        self._ingredients = {row[0]: row for row in table(drugs, "ingredients.tsv")}
        self._precise = {
            row[2].casefold(): row for row in self._ingredients.values() if row[1] == "PIN"
        }
        self.concepts: dict[str, tuple[str, str]] = {}
        self.relations: list[tuple[str, str, str]] = []
        self.ndcs: list[tuple[str, str]] = []
        self.archived: list[tuple[str, str, str]] = []
        self.merged: list[tuple[str, str]] = []
        self.atc: list[tuple[str, str, str]] = []
        self._by_name: dict[tuple[str, str], str] = {}

    def ingredient(self, rxcui: str) -> str:
        row = self._ingredients[rxcui]
        if rxcui not in self.concepts:
            self.concepts[rxcui] = (row[1], row[2])
            targets = row[3].split("|")
            relation = {"PIN": "form_of", "MIN": "has_part", "BN": "tradename_of"}.get(row[1])
            for target in targets if relation else ():
                self.ingredient(target)
                self.relations.append((rxcui, relation or "", target))
        return rxcui

    def named(self, tty: str, name: str) -> str:
        """A concept of the test's own, the same for the same name."""
        if (tty, name) not in self._by_name:
            rxcui = str(_OWN + len(self._by_name))
            self._by_name[tty, name] = rxcui
            self.concepts[rxcui] = (tty, name)
        return self._by_name[tty, name]

    def product(self, row: Row) -> bool:
        """An SCD with its components and dose form; False when the row does not tell them."""
        rxcui, _, name, ingredients, _, _, dose_form = row[:7]
        parts = ReferenceRow(rxcui, "SCD", name, (), (), dose_form, "", "").components
        names = {self._ingredients[one][2].casefold(): one for one in ingredients.split("|")}
        found: list[str] = []
        for part in parts:
            substance = re.split(r" \d[\d.]* [A-Z%]", part)[0].casefold()
            precise = self._precise.get(substance)
            own = names.get(substance) or (precise[3] if precise else "")
            if own not in names.values():
                return False
            component = self.named("SCDC", part)
            self.relations.append((component, "has_ingredient", self.ingredient(own)))
            if precise:
                pin = self.ingredient(precise[0])
                self.relations.append((component, "has_precise_ingredient", pin))
            found.append(component)
        self.concepts[rxcui] = ("SCD", name)
        self.relations += [(rxcui, "consists_of", component) for component in reversed(found)]
        form = self.named("DF", dose_form)
        self.relations.append((rxcui, "has_dose_form", form))
        return True

    def branded(self, row: Row) -> None:
        """An SBD of an SCD that is there."""
        rxcui, tty, generic, brand, _ = row
        self.concepts[rxcui] = (tty, f"{self.concepts[generic][1]} [{brand}]")
        self.relations.append((rxcui, "tradename_of", generic))

    def write(self, folder: Path, version: str = "20AA_260302F") -> None:
        """RXNCONSO, RXNREL (both directions) and RXNSAT, with rows that do not count among them."""
        folder.mkdir(parents=True, exist_ok=True)
        noise = ["1|ENG||||||1||||MTHSPL|SU|X|somebody else's name||N||"]
        noise.append("2|ENG||||||2||||RXNORM|SCD|2|suppressed 1 MG Oral Tablet||O||")
        conso = [
            f"{rxcui}|ENG||||||{rxcui}|{rxcui}|{rxcui}||RXNORM|{tty}|{rxcui}|{name}||N|4096|"
            for rxcui, (tty, name) in self.concepts.items()
        ]
        atc = [
            f"{rxcui}|ENG||||||{n}|{n}|{code}||ATC|IN|{code}|{name}||N||"
            for n, (code, name, rxcui) in enumerate(self.atc)
        ]
        _lines(folder / "RXNCONSO.RRF", [*noise, *conso, *atc])
        if self.archived:
            archive = [
                f"{n}|A{n}|an old name|06-OCT-25|01-JAN-10|06-OCT-25|{old}||ENG|06-OCT-25|||{old}"
                f"|{source}|SCD|{new}|"
                for n, (old, source, new) in enumerate(self.archived)
            ]
            _lines(folder / "RXNATOMARCHIVE.RRF", archive)
        if self.merged:
            history = [f"{old}|2009_01|2019_05|1|{new}|" for old, new in self.merged]
            _lines(folder / "RXNCUI.RRF", history)
        relations = []
        for one, relation, other in self.relations:
            relations.append(f"{other}||CUI|RO|{one}||CUI|{relation}|||RXNORM|RXNORM|||N|4096|")
            back = f"{one}||CUI|RO|{other}||CUI|reverse_{relation}|||RXNORM|RXNORM|||N|4096|"
            relations.append(back)
        _lines(folder / "RXNREL.RRF", relations)
        ndcs = [f"{rxcui}||||AUI|{rxcui}|||NDC|RXNORM|{ndc}|N|4096|" for ndc, rxcui in self.ndcs]
        other = [f"{rxcui}||||AUI|{rxcui}|||NDC|GS|99999999999|N||" for rxcui in self.concepts]
        _lines(folder / "RXNSAT.RRF", [*ndcs, *other[:50]])
        sab = (
            f"C1|C2|RXNORM_{version}|RXNORM|RxNorm|RXNORM|{version}|||||||||||||||||ENG|UTF-8|Y|Y|"
        )
        _lines(folder / "RXNSAB.RRF", [sab])


def release(drugs: Path, folder: Path, products: Collection[str] | None, **how: str) -> Writer:
    """Writes a release with these products (all without them), their brands, forms and NDCs."""
    writer = Writer(drugs)
    for row in table(drugs, "products.tsv"):
        if row[1] == "SCD" and (products is None or row[0] in products):
            writer.product(row)
    for row in table(drugs, "branded.tsv"):
        if row[1] == "SBD" and row[2] in writer.concepts:
            writer.branded(row)
    for ndc, rxcui in table(drugs, "ndc.tsv"):
        if rxcui in writer.concepts and len(ndc) == 9:
            writer.ndcs += [(f"{ndc}01", rxcui), (f"{ndc}02", rxcui)]
    writer.write(folder, **how)
    return writer


def _lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
