"""Lines, sources and drugs for the tests of reconcile: small synthetic values, no wire."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from service.mappings.precedence import load_policy
from service.model.concept import (
    AdministrationClass,
    Coding,
    DrugConcept,
    Ingredient,
    Resolution,
    ResolvedBy,
    Strength,
    TermType,
)
from service.model.dosage import DailyDose, Dosage, Frequency, Quantity
from service.model.evidence import Origin
from service.model.finding import Bucket, Finding
from service.model.medication import Kind, MedicationEntry
from service.model.record import Reconciliation, SourceRecord
from service.model.source import Certificate, Role, SourceRead, State
from service.reconcile import reconcile

MAPPINGS = Path(__file__).parents[2] / "mappings"
POLICY = load_policy(MAPPINGS)
TODAY = date(2026, 3, 10)
PSYCHIATRY, PRIMARY_CARE, PHARMACY, PATIENT = "psychiatry", "primary-care", "pharmacy", "patient"

SERTRALINE = Ingredient("36437", "sertraline")
LITHIUM = Ingredient("6448", "lithium")
CLOZAPINE = Ingredient("2626", "clozapine")
QUETIAPINE = Ingredient("51272", "quetiapine")
PALIPERIDONE = Ingredient("679314", "paliperidone")
RISPERIDONE = Ingredient("35636", "risperidone")
IBUPROFEN = Ingredient("5640", "ibuprofen")
VALPROATE = Ingredient("40254", "valproate")
PREDNISONE = Ingredient("8640", "prednisone")
VENLAFAXINE = Ingredient("39786", "venlafaxine")


def drug(
    *ingredients: Ingredient,
    strength: str = "50",
    form: str = "tablet",
    release: str = "",
    route: str = "oral",
    brand: str = "",
    salt: Ingredient | None = None,
    administration: AdministrationClass = AdministrationClass.SYSTEMIC,
) -> DrugConcept:
    """A product whose made-up code is the same for the same product, brand apart."""
    names = " / ".join(i.name for i in ingredients)
    generic = f"{names} {salt.name if salt else ''} {strength} {release} {form}"
    return DrugConcept(
        rxcui=f"{brand or 'generic'}:{generic}",
        tty=TermType.SBD if brand else TermType.SCD,
        name=generic,
        ingredients=tuple(sorted(ingredients, key=lambda i: i.name)),
        precise=(salt,) if salt else (),
        strengths=tuple(Strength(i.rxcui, Decimal(strength), "mg") for i in ingredients),
        dose_form=form,
        form=form,
        release=release,
        route=route,
        administration=administration,
        brand=brand,
        clinical_drug=generic,
    )


def bare(ingredient: Ingredient) -> DrugConcept:
    """An ingredient without strength, form and route."""
    return DrugConcept(ingredient.rxcui, TermType.IN, ingredient.name, (ingredient,))


def instruction(
    count: str = "1",
    *,
    take: str = "1",
    period: str = "1",
    when: tuple[str, ...] = (),
    prn: bool = False,
) -> Dosage:
    return Dosage(
        text=f"{take} x {count} every {period} d {' '.join(when)}".strip(),
        dose=Quantity(Decimal(take), "{tbl}"),
        frequency=Frequency(Decimal(count), Decimal(period), when=when),
        as_needed=prn,
        read_from="structure",
    )


def line(
    source: str,
    reference: str,
    concept: DrugConcept | None,
    *,
    dose: str | None = "50",
    unit: str = "mg",
    kind: Kind = Kind.REQUEST,
    status: str = "active",
    role: Role | None = None,
    text: str | None = None,
    authored: date | None = date(2026, 1, 10),
    dosage: Dosage | None = None,
    prn: bool = False,
    **more: object,
) -> MedicationEntry:
    """One line; its dose is for every ingredient, in `unit` a day (a maximum as needed)."""
    daily = ()
    if concept is not None and dose is not None:
        amount = Decimal(dose)
        daily = tuple(
            DailyDose(i.rxcui, unit, max=amount) if prn else DailyDose(i.rxcui, unit, amount)
            for i in concept.ingredients
        )
    given = dosage or instruction(prn=prn)
    entry = MedicationEntry(
        origin=Origin(source, reference, "1"),
        role=role or role_of(source),
        kind=kind,
        text=text if text is not None else (concept.name if concept else ""),
        codings=(Coding("urn:test", concept.rxcui, concept.name),) if concept else (),
        resolution=Resolution(concept, ResolvedBy.CODING if concept else ResolvedBy.NOTHING),
        status=status,
        intent="order" if kind is Kind.REQUEST else "",
        dosages=(given,) if kind in (Kind.REQUEST, Kind.STATEMENT) else (),
        daily_doses=daily,
        as_needed=prn,
        timing=given.text,
        route=concept.route if concept else "",
        form=concept.form if concept else "",
        authored=authored if kind in (Kind.REQUEST, Kind.STATEMENT) else None,
    )
    return replace(entry, **more)


def dispense(
    source: str,
    reference: str,
    concept: DrugConcept,
    *,
    on: date = date(2026, 2, 20),
    days: int | None = 30,
    dose: str | None = "50",
    **more: object,
) -> MedicationEntry:
    return line(
        source,
        reference,
        concept,
        dose=dose,
        kind=Kind.DISPENSE,
        status="completed",
        supplied_on=on,
        days_supply=Decimal(days) if days else None,
        **more,
    )


def role_of(source: str) -> Role:
    known = {role.value: role for role in Role}
    return known.get(source, Role.OTHER)


def record(
    source: str,
    *entries: MedicationEntry,
    state: State = State.COMPLETE,
    reasons: tuple[str, ...] = (),
    role: Role | None = None,
) -> SourceRecord:
    read = SourceRead(
        name=source,
        role=role or role_of(source),
        certificates=(Certificate("MedicationRequest", state, reasons, count=len(entries)),),
    )
    return SourceRecord(read=read, entries=tuple(entries))


def reconciled(*records: SourceRecord, as_of: date = TODAY, **more: object) -> Reconciliation:
    return reconcile(records, POLICY, as_of, **more)


def shown(result: Reconciliation, type_: str | None = None) -> list[Finding]:
    """Findings that a reviewer sees first, agreements included."""
    return [
        f
        for f in result.findings
        if f.bucket is Bucket.SHOWN and (type_ is None or f.type == type_)
    ]


def types(result: Reconciliation, bucket: Bucket = Bucket.SHOWN) -> list[str]:
    return sorted(f.type for f in result.findings if f.bucket is bucket)


def only(result: Reconciliation, type_: str) -> Finding:
    """The one finding of a type, whatever its bucket."""
    found = [f for f in result.findings if f.type == type_]
    assert len(found) == 1, f"{type_}: {[f.type for f in result.findings]}"
    return found[0]
