"""What a drug is: codings as sent, and the concept they lead to."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ATC = "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"


class TermType(StrEnum):
    """RxNorm term types (TTY). Source: RxNorm technical documentation, appendix 5."""

    IN = "IN"
    PIN = "PIN"
    MIN = "MIN"
    BN = "BN"
    SCDC = "SCDC"
    SCDF = "SCDF"
    SCDG = "SCDG"
    SCD = "SCD"
    SBDC = "SBDC"
    SBDF = "SBDF"
    SBDG = "SBDG"
    SBD = "SBD"
    GPCK = "GPCK"
    BPCK = "BPCK"
    DF = "DF"


_INGREDIENT_LEVEL = frozenset({TermType.IN, TermType.PIN, TermType.MIN, TermType.BN})


class AdministrationClass(StrEnum):
    """Where a product acts, as far as reconciliation must tell it apart."""

    SYSTEMIC = "systemic"
    DEPOT = "depot"
    LOCAL = "local"


class Coding(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """One code as a source sent it; `system` is a URI, any part may be empty but not all."""

    system: str
    code: str
    display: str = ""


NO_CODE = "name:"
"""Stands before the name of an ingredient for which no RxNorm code is known ("name:kava")."""


class Ingredient(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """An RxNorm ingredient (IN), salts led back to their moiety (lithium carbonate: 6448).

    An ingredient that is known by name alone has no code; its `rxcui` says so (see NO_CODE).
    """

    rxcui: str
    name: str


class Strength(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Amount of one ingredient in one dose form, or per `per_unit` (mL, h) of a liquid or patch.

    `unit` and `per_unit` are UCUM; a tablet has `per_unit` None. `substance` is the precise
    ingredient in which RxNorm states the strength, empty where it is the moiety itself.
    """

    rxcui: str
    value: Decimal
    unit: str
    per_value: Decimal = Decimal(1)
    per_unit: str | None = None
    substance: str = ""


class DrugConcept(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """A drug as far as the evidence leads: from a bare ingredient to a branded product.

    Ingredients are sorted by name. `strengths` has one entry per ingredient, or is empty at
    ingredient level. `dose_form` is RxNorm's DF name, `form` the group that a pharmacist would say
    ("tablet", "capsule", "solution", "injection", "patch" ...), `release` one of "" (immediate),
    "ER", "DR", "ODT". `route` is "" where the form does not tell. `clinical_drug` is the RxCUI of
    the generic SCD of a branded SBD, or of itself. `container` is what one container holds where
    the name says it ("0.75 ML paliperidone palmitate 156 MG/ML": 0.75), in `container_unit` (mL,
    {actuat}); RxNorm's quantity factor. `stated_as_sum`: people state the strengths of this
    combination as one sum (mixed amphetamine salts).
    """

    rxcui: str
    tty: TermType
    name: str
    ingredients: tuple[Ingredient, ...]
    precise: tuple[Ingredient, ...] = ()
    strengths: tuple[Strength, ...] = ()
    dose_form: str = ""
    form: str = ""
    release: str = ""
    route: str = ""
    administration: AdministrationClass = AdministrationClass.SYSTEMIC
    brand: str = ""
    clinical_drug: str = ""
    container: Decimal | None = None
    container_unit: str = ""
    stated_as_sum: bool = False

    @property
    def at_ingredient_level(self) -> bool:
        """Whether this names ingredients or a brand alone, no product and no part of one.

        Strengths of such a concept are what a text stated, or what all its products share.
        """
        return self.tty in _INGREDIENT_LEVEL


class ResolvedBy(StrEnum):
    """What led from a line to its concept, best first."""

    CODING = "coding"
    NDC = "ndc"
    MAPPED = "mapped"
    TEXT = "text"
    SPELLING = "spelling"
    NOTHING = "nothing"


class Resolution(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The concept of one line with the evidence for it; `drug` is None when nothing was certain.

    `conflict` names the ingredients of another coding or of the text where they disagree with the
    chosen one (finding code-text-conflict), `strengths` what codings and text state each where they
    name one drug in several strengths: then `drug` has none. `candidates` are RxCUIs too close to
    choose between.
    """

    drug: DrugConcept | None
    by: ResolvedBy
    evidence: tuple[str, ...] = ()
    conflict: tuple[Ingredient, ...] = ()
    candidates: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
