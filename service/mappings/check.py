"""What `concord check-mappings` runs: value sets, codes, rules, cases; all complaints at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from service.assess.rule import Rule, RuleBook, RuleStatus
from service.errors import MappingError
from service.mappings.case_rows import Case, load_cases
from service.mappings.cases import failures
from service.mappings.codes import loinc_is_sound, snomed_is_sound
from service.mappings.mutation import unnoticed
from service.mappings.planning import load_planning
from service.mappings.rules import CASES, RULES, load_rules, parse_toml, rule_files
from service.mappings.rxnorm import load_drug_table
from service.mappings.value_sets import CONDITION_CODES, LAB_CODES, MEMBERS, WASHOUT, rows
from service.model.concept import TermType
from service.normalize.drug_table import DrugTable

CODES = "codes.toml"
NEVER_SAID = ("stop now", "stop at once", "stop immediately", "rems required")


def check(folder: Path) -> tuple[str, ...]:
    """Complaints about a mappings folder, each naming file and key; empty when all is well.

    What stops a file from being read stops the checks that build on it, and is then the only
    complaint about it.
    """
    try:
        drugs = load_drug_table(folder)
        book = load_rules(folder)
        types = finding_types(folder)
        load_planning(folder)
    except MappingError as error:
        return (error.message,)
    return (
        *_members(folder, drugs),
        *_codes(folder),
        *_strays(folder),
        *(said for rule in book for said in _rule(folder, rule, book, drugs, types)),
    )


def finding_types(folder: Path) -> dict[str, str]:
    """The catalogue's finding types with their v3-ActCode."""
    table = parse_toml(folder / CODES, CODES).get("findings")
    if not isinstance(table, dict) or not table:
        raise MappingError(CODES, "findings", "the types of the catalogue with their ActCode")
    return {str(name): str(code) for name, code in table.items()}


def _members(folder: Path, drugs: DrugTable) -> Iterator[str]:
    """Class members are ingredients of the drug table by code and name, each once, no salts."""
    seen: set[tuple[str, str]] = set()
    named = (
        *((n, c[0], c[1], c[2], MEMBERS) for n, c in rows(folder, MEMBERS, *_MEMBER_COLUMNS)),
        *((n, "", c[0], c[1], WASHOUT) for n, c in rows(folder, WASHOUT, *_WASHOUT_COLUMNS)),
    )
    for number, group, rxcui, name, file in named:
        where = f"{file}: row {number}"
        if (group, rxcui) in seen:
            yield f"{where}: {rxcui} stands in {group} once"
        seen.add((group, rxcui))
        if rxcui.startswith("classes/"):
            continue
        drug = drugs.by_rxcui(rxcui)
        if drug is None or drug.tty is not TermType.IN:
            yield f"{where}: {rxcui}: an ingredient (IN) of the drug table"
        elif drug.name != name:
            yield f"{where}: {rxcui}: the name {drug.name!r}, not {name!r}"
        elif drug.ingredients[0].rxcui != rxcui:
            yield f"{where}: {rxcui}: the moiety {drug.ingredients[0].rxcui}, not its salt"


_MEMBER_COLUMNS = ("class", "rxcui", "name")
_WASHOUT_COLUMNS = ("rxcui", "name", "days", "source")


def _codes(folder: Path) -> Iterator[str]:
    """Check digits of LOINC and SNOMED CT codes; a code has one name everywhere."""
    names: dict[tuple[str, str], str] = {}
    listed = (
        *((n, "loinc", c[1], c[2], LAB_CODES) for n, c in rows(folder, LAB_CODES, *_LAB_COLUMNS)),
        *(
            (n, c[1], c[2], c[3], CONDITION_CODES)
            for n, c in rows(folder, CONDITION_CODES, *_CODE_COLUMNS)
        ),
    )
    for number, system, code, name, file in listed:
        where = f"{file}: row {number}"
        if system == "word":
            continue
        if system == "loinc" and not loinc_is_sound(code):
            yield f"{where}: {code}: a LOINC code with its check digit"
        if system == "snomed" and not snomed_is_sound(code):
            yield f"{where}: {code}: a SNOMED CT identifier with its check digit"
        if names.setdefault((system, code), name) != name:
            yield f"{where}: {code}: the name {names[system, code]!r} as elsewhere"


_LAB_COLUMNS = ("lab", "code", "name")
_CODE_COLUMNS = ("set", "system", "code", "name")


def _strays(folder: Path) -> Iterator[str]:
    """Case files without a rule."""
    known = {path.with_suffix("").as_posix() for path in rule_files(folder)}
    for path in sorted((folder / RULES).glob(f"*/*{CASES}")):
        if path.as_posix().removesuffix(CASES) not in known:
            yield f"{path.relative_to(folder).as_posix()}: file: a rule beside the cases"


def _rule(
    folder: Path, rule: Rule, book: RuleBook, drugs: DrugTable, types: dict[str, str]
) -> Iterator[str]:
    name = f"{RULES}/{rule.id}.toml"
    if rule.type not in types:
        yield f"{name}: type: a type of the catalogue of findings, not {rule.type!r}"
    if rule.mark == "C" and rule.status is not RuleStatus.OFF:
        yield f"{name}: status: off, while its source is open (mark C)"
    for other in rule.yields_to:
        if other not in book.rules:
            yield f"{name}: yields_to: a rule, not {other!r}"
    said = f"{rule.message} {rule.advice}".lower()
    for words in NEVER_SAID:
        if words in said:
            yield f"{name}: advice: what to consider, never {words!r}"
    try:
        cases = load_cases(folder, rule.id)
        yield from _cases(rule, cases, book, drugs)
    except MappingError as error:
        yield error.message


def _cases(rule: Rule, cases: tuple[Case, ...], book: RuleBook, drugs: DrugTable) -> Iterator[str]:
    name = f"{RULES}/{rule.id}{CASES}"
    kinds = {case.kind for case in cases}
    needed = {"fires", "silent"} | (
        {"cannot-tell"} if rule.periods[-1].check.can_be_unsure() else set()
    )
    for kind in sorted(needed - kinds):
        yield f"{name}: case: at least one that {_IN_WORDS[kind]}"
    for twice in _repeated(case.name for case in cases):
        yield f"{name}: {twice}: a name used once"
    failed = False
    for case in cases:
        yield from (f"{name}: {case.name}: {said}" for said in _names(case, drugs))
        for difference in failures(case, rule, drugs, book):
            failed = True
            yield f"{name}: {case.name}: {difference}"
    if not failed:
        for key, moved in unnoticed(rule, cases, drugs, book):
            yield f"{name}: case: one that notices {key} moved to {moved}"


_IN_WORDS = {
    "fires": "fires",
    "silent": "stays silent",
    "cannot-tell": "cannot tell",
}


def _names(case: Case, drugs: DrugTable) -> Iterator[str]:
    for row in case.medications:
        drug = drugs.by_rxcui(row.rxcui)
        if drug is None:
            yield f"{row.rxcui}: an RxCUI of the drug table"
        elif drug.name != row.name:
            yield f"{row.rxcui}: the name {drug.name!r}, not {row.name!r}"
    for result in case.results:
        if not loinc_is_sound(result.loinc):
            yield f"{result.loinc}: a LOINC code with its check digit"
    for condition in case.conditions:
        if condition.system == "snomed" and not snomed_is_sound(condition.code):
            yield f"{condition.code}: a SNOMED CT identifier with its check digit"


def _repeated(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
