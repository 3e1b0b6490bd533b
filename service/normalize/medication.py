"""MedicationRequest, -Statement, -Dispense and -Administration as lines of a source's list.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2); US Core 6.1.0 (medication adherence extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import msgspec

from service.model.concept import AdministrationClass, Coding, Resolution
from service.model.dosage import DailyDose, Dosage, Quantity
from service.model.evidence import Origin
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import (
    absent,
    codings,
    identifiers,
    keys,
    labels,
    relative,
    text_of,
    texts,
)
from service.normalize.context import Context, Notes
from service.normalize.daily_dose import DailyDoses, daily_doses, one_dose, supplied_dose
from service.normalize.dates import first_day
from service.normalize.dosage import Instruction, different, instructions, shown
from service.normalize.drug import resolve
from service.normalize.steps import placed
from service.normalize.timing import days_of, in_words
from service.normalize.wire import base, medication
from service.normalize.wire.dosage import DosageInstruction

ENTERED_IN_ERROR = "entered-in-error"
_ADHERENCE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"
_TAKING = {  # SNOMED CT, US Core 6.1.0 value set medication-adherence
    "1156699004": "taking",
    "702565001": "not",
    "715036001": "differently",
}
_STU3_TAKEN = {"y": "taking", "n": "not"}


@dataclass(frozen=True, slots=True)
class _Drug:
    """What a line says its drug is, and what that leads to."""

    text: str
    codings: tuple[Coding, ...]
    resolution: Resolution
    form: str


@dataclass(frozen=True, slots=True)
class _Doses:
    """A line's dosages with what follows from them on the day asked."""

    dosages: tuple[Dosage, ...] = ()
    daily: tuple[DailyDose, ...] = ()
    interval_d: Decimal | None = None
    as_needed: bool = False
    timing: str = ""
    route: str = ""
    starts: date | None = None
    ends: date | None = None


def excluded(found: medication.MedicationLine) -> str:
    """Why a resource is no line of a list; empty for every other one."""
    if found.status == ENTERED_IN_ERROR:
        return "entered in error: not placed"
    if isinstance(found, medication.MedicationRequest) and found.do_not_perform:
        return f"doNotPerform: an order not to give {_said(found) or 'the drug'}, not placed"
    return ""


def requested_on(found: medication.MedicationRequest) -> date | None:
    """When an order was made; without authoredOn the start of its first dosage."""
    repeats = [
        one.timing.repeat for one in found.dosage_instruction if one.timing and one.timing.repeat
    ]
    starts = [one.bounds_period.start for one in repeats if one.bounds_period]
    return first_day(found.authored_on) or (first_day(starts[0]) if starts else None)


def stated_on(found: medication.MedicationStatement) -> date | None:
    return first_day(found.date_asserted) or _effective(found)


def dispensed_on(found: medication.MedicationDispense) -> date | None:
    return first_day(found.when_handed_over) or first_day(found.when_prepared)


def administered_on(found: medication.MedicationAdministration) -> date | None:
    return _effective(found)


def from_request(
    origin: Origin, found: medication.MedicationRequest, context: Context, notes: Notes
) -> MedicationEntry:
    """One order as a line."""
    authored = notes.first_day(found.authored_on, "authoredOn")
    line = _line(origin, Kind.REQUEST, found, context, notes)
    supply = found.dispense_request
    days_supply = days_of(supply.expected_supply_duration, context.tables.units) if supply else None
    doses = _doses(found.dosage_instruction, line, context, notes, authored)
    requester = _requester(found.requester)
    status = line.status
    return replace(
        _with_doses(line, doses),
        intent=found.intent,
        reported=found.reported_boolean or found.reported_reference is not None,
        authored=authored,
        stopped_on=doses.ends if status in ("stopped", "completed", "cancelled") else None,
        days_supply=days_supply,
        quantity=supply.quantity.value if supply and supply.quantity else None,
        valid_until=notes.last_day(supply.validity_period.end, "validityPeriod.end")
        if supply and supply.validity_period
        else None,
        requester=context.name_of(requester),
        requester_key=context.person_key(requester),
        status_reason=text_of(found.status_reason),
        links=_links(context, *found.based_on, found.prior_prescription, *found.part_of),
        problems=notes.sentences,
    )


def from_statement(
    origin: Origin, found: medication.MedicationStatement, context: Context, notes: Notes
) -> MedicationEntry:
    """One statement as a line; `taken` joins STU3's element with R4's status and US Core's word."""
    period = found.effective_period
    begins = notes.first_day(
        found.effective_date_time or (period.start if period else ""), "effective"
    )
    ends = notes.last_day(period.end, "effectivePeriod.end") if period and period.end else None
    line = _line(origin, Kind.STATEMENT, found, context, notes)
    doses = _doses(found.dosage, line, context, notes, begins)
    line = _with_doses(line, doses)
    status = line.status
    taken = line.taken or _STU3_TAKEN.get(found.taken, "")
    if status == "not-taken" or found.taken == "n":
        taken = "not"
    stopped = status in ("stopped", "completed", "not-taken")
    return replace(
        line,
        reported=True,
        authored=notes.first_day(found.date_asserted, "dateAsserted"),
        start=begins or line.start,
        end=ends or line.end,
        stopped_on=(ends or line.end) if stopped else None,
        requester=context.name_of(found.information_source),
        requester_key=context.person_key(found.information_source),
        status_reason=", ".join(texts((*found.status_reason, *found.reason_not_taken))),
        links=_links(context, *found.based_on, *found.derived_from, *found.part_of),
        taken=taken,
        problems=notes.sentences,
    )


def from_dispense(
    origin: Origin, found: medication.MedicationDispense, context: Context, notes: Notes
) -> MedicationEntry:
    """One supply as a line; without a dosage, quantity and days' supply tell the daily dose."""
    prepared = notes.first_day(found.when_prepared, "whenPrepared")
    supplied = notes.first_day(found.when_handed_over, "whenHandedOver") or prepared
    line = _line(origin, Kind.DISPENSE, found, context, notes)
    units = context.tables.units
    days_supply = days_of(found.days_supply, units)
    quantity = found.quantity.value if found.quantity else None
    if quantity is not None and quantity < 0:
        notes.say(f"a quantity of {quantity} is not possible")
        quantity = None
    doses = _doses(found.dosage_instruction, line, context, notes, supplied)
    unread = all(dosage.frequency is None and not dosage.as_needed for dosage in doses.dosages)
    if unread and quantity and days_supply and found.quantity:
        unit = units.of(found.quantity)
        if unit is not None:
            amount = Quantity(quantity, unit.ucum)
            told = supplied_dose(amount, days_supply, line.resolution.drug, units)
            doses = replace(doses, daily=told.doses, interval_d=told.interval_d)
    performers = [one.actor for one in found.performer if one.actor is not None]
    line = _with_doses(line, doses)
    return replace(
        line,
        end=None,
        authored=prepared,
        start=supplied,
        supplied_on=supplied,
        days_supply=days_supply,
        quantity=quantity,
        dispenser=next((name for one in performers if (name := context.name_of(one))), ""),
        status_reason=text_of(
            found.status_reason_codeable_concept or found.not_done_reason_codeable_concept
        ),
        links=_links(context, *found.authorizing_prescription, *found.part_of),
        problems=notes.sentences,
    )


def from_administration(
    origin: Origin, found: medication.MedicationAdministration, context: Context, notes: Notes
) -> MedicationEntry:
    """One administration as a line: what was given, on its day; STU3 `notGiven` is `not-done`."""
    given = _effective(found)
    line = _line(origin, Kind.ADMINISTRATION, found, context, notes)
    dosage, doses = found.dosage, _Doses()
    if dosage is not None:
        as_instruction = DosageInstruction(
            text=dosage.text, route=dosage.route, dose_quantity=dosage.dose
        )
        drug = line.resolution.drug
        depot = drug is not None and drug.administration is AdministrationClass.DEPOT
        doses = _doses((as_instruction,), line, context, notes, given, one_dose_only=depot)
    reasons = (*found.status_reason, *found.reason_not_given)
    return replace(
        _with_doses(line, doses),
        status="not-done" if found.not_given else line.status,
        taken="not" if found.not_given or found.status == "not-done" else line.taken,
        start=given,
        end=None,
        supplied_on=given,
        dispenser=next(
            (name for one in found.performer if (name := context.name_of(one.actor))), ""
        ),
        status_reason=", ".join(texts(reasons)),
        links=_links(context, found.request, found.prescription, *found.based_on, *found.part_of),
        problems=notes.sentences,
    )


def _line(
    origin: Origin,
    kind: Kind,
    found: medication.MedicationLine,
    context: Context,
    notes: Notes,
) -> MedicationEntry:
    """What the four kinds have in common."""
    drug = _drug(found, context, notes)
    return MedicationEntry(
        origin=origin,
        role=context.role,
        kind=kind,
        text=drug.text,
        codings=drug.codings,
        resolution=drug.resolution,
        status=_status(found, notes),
        category=_categories(found),
        form=drug.form,
        reasons=(
            *texts(found.reason_code),
            *(one.display for one in found.reason_reference if one.display),
        ),
        reason_codings=codings(*found.reason_code),
        identifiers=identifiers(base.several(found.identifier)),
        taken=_adherence(found.extension),
        labels=labels(found),
    )


def _status(found: medication.MedicationLine, notes: Notes) -> str:
    """The status as sent; `unknown` where it is absent or where something unknown changes it."""
    modifiers = [one.url for one in found.modifier_extension]
    if modifiers or found.implicit_rules:
        what = modifiers[0] if modifiers else found.implicit_rules
        notes.say(f"{what} changes the meaning in a way that is not known: status taken as unknown")
        return "unknown"
    if absent(found.status_ext):
        notes.say("the source says that the status is absent: taken as unknown")
        return "unknown"
    if not found.status:
        notes.say("no status: taken as unknown")
        return "unknown"
    return found.status


def _drug(found: medication.MedicationLine, context: Context, notes: Notes) -> _Drug:
    """The drug as named inline, contained, by reference, or by the reference's display alone."""
    concept, form = found.medication_codeable_concept, ""
    reference = found.medication_reference
    display = reference.display if reference else ""
    if concept is None and reference is not None:
        resource = _medication(reference, found.contained, context)
        if resource is None and (reference.reference or not display):
            notes.say(
                f"the Medication {reference.reference or 'without reference'} was not found"
                + ("; its display was read" if display else "")
            )
        if resource is not None:
            concept, form = resource.code, text_of(resource.form)
            if concept is None and len(resource.ingredient) == 1:
                concept = resource.ingredient[0].item_codeable_concept
    text = text_of(concept) or display
    coded = codings(concept)
    if not text and not coded:
        notes.say("no drug is named")
    drug = resolve(coded, text, context.tables.drugs)
    return _Drug(text, coded, drug, drug.drug.form if drug.drug and drug.drug.form else form)


def _medication(
    reference: base.Reference, contained: Sequence[msgspec.Raw], context: Context
) -> medication.Medication | None:
    if reference.reference.startswith("#"):
        for raw in contained:
            try:
                inner = msgspec.json.decode(raw, type=medication.Medication)
            except msgspec.DecodeError:
                continue
            if inner.id.lstrip("#") == reference.reference[1:]:
                return inner
        return None
    return context.medications.get(context.key_of(reference))


def _said(found: medication.MedicationLine) -> str:
    reference = found.medication_reference
    return text_of(found.medication_codeable_concept) or (reference.display if reference else "")


def _doses(
    found: Sequence[DosageInstruction],
    line: MedicationEntry,
    context: Context,
    notes: Notes,
    begins: date | None,
    *,
    one_dose_only: bool = False,
) -> _Doses:
    read = instructions(found, context.tables)
    for one in read:
        for problem in one.problems:
            notes.say(problem)
    dosages = tuple(dosage for one in read for dosage in one.dosages)
    drug, units = line.resolution.drug, context.tables.units
    if any(one.refused for one in read):
        daily = DailyDoses()
    elif one_dose_only and dosages and dosages[0].dose:
        daily = one_dose(dosages[0].dose, drug, units)
    else:
        daily = daily_doses(dosages, drug, units, context.as_of, begins)
        dosages = _compared(read, dosages, daily, line, context, begins)
    for problem in daily.problems:
        notes.say(problem)
    if any(dosage.conflict for dosage in dosages):
        notes.say("text and structure of the dosage disagree; no dose was taken from it")
        daily = DailyDoses()
    dated = placed(dosages, begins)
    return _Doses(
        dosages=dated,
        daily=daily.doses,
        interval_d=daily.interval_d,
        as_needed=bool(dated) and all(dosage.as_needed for dosage in dated),
        timing="; ".join(dict.fromkeys(filter(None, map(_timing, dated)))),
        route=next((dosage.route for dosage in dated if dosage.route), "")
        or (drug.route if drug else ""),
        starts=min((one.starts for one in dosages if one.starts), default=None),
        ends=max((one.ends for one in dated if one.ends), default=None)
        if all(one.ends for one in dated)
        else None,
    )


def _compared(
    read: Sequence[Instruction],
    dosages: tuple[Dosage, ...],
    daily: DailyDoses,
    line: MedicationEntry,
    context: Context,
    begins: date | None,
) -> tuple[Dosage, ...]:
    """The dosages, in conflict where the text alone leads to another dose per day."""
    if len(read) != 1 or not read[0].told or not dosages or dosages[0].conflict:
        return dosages
    told = daily_doses(
        read[0].told, line.resolution.drug, context.tables.units, context.as_of, begins
    )
    for ours, said in zip(daily.doses, told.doses, strict=False):
        if ours.value is None or said.value is None or ours.unit != said.unit:
            continue
        if told.interval_d == daily.interval_d and different(ours.value, said.value):
            one, other = Quantity(said.value, said.unit), Quantity(ours.value, ours.unit)
            conflict = f"the text says {shown(one)} a day, the structure {shown(other)}"
            return (replace(dosages[0], conflict=conflict), *dosages[1:])
    return dosages


def _with_doses(line: MedicationEntry, doses: _Doses) -> MedicationEntry:
    drug = line.resolution.drug
    return replace(
        line,
        dosages=doses.dosages,
        daily_doses=doses.daily,
        interval_d=doses.interval_d,
        as_needed=doses.as_needed,
        route=doses.route or (drug.route if drug else ""),
        timing=doses.timing,
        start=doses.starts,
        end=doses.ends,
    )


def _timing(dosage: Dosage) -> str:
    """The timing in words, or the text as it stands where nothing could be read from it."""
    words = in_words(dosage.frequency) if dosage.frequency else ""
    if dosage.as_needed:
        words = f"{words} as needed".strip()
        if dosage.as_needed_for:
            words += f" for {dosage.as_needed_for}"
    return words or dosage.text


def _adherence(extensions: Sequence[base.Extension]) -> str:
    for extension in extensions:
        if extension.url != _ADHERENCE:
            continue
        for inner in extension.extension:
            for coding in codings(inner.value_codeable_concept):
                if coding.code in _TAKING:
                    return _TAKING[coding.code]
    return ""


def _categories(found: medication.MedicationLine) -> tuple[str, ...]:
    concepts = base.several(found.category)
    coded = (coding.code or coding.display for coding in codings(*concepts))
    return tuple(dict.fromkeys([*coded, *(one.text for one in concepts if not one.coding)]))


def _requester(found: medication.StuRequester | None) -> base.Reference | None:
    if found is None:
        return None
    if found.agent is not None:
        return found.agent
    return base.Reference(
        reference=found.reference, display=found.display, identifier=found.identifier
    )


def _links(context: Context, *references: base.Reference | None) -> tuple[str, ...]:
    """References of the same source, relative; where a reference has an identifier, that too."""
    found = [context.key_of(one) for one in references]
    named = keys(
        base.Reference(identifier=one.identifier)
        for one in references
        if one is not None and one.identifier is not None
    )
    return tuple(dict.fromkeys([*(relative(key) for key in found if key), *named]))


def _effective(
    found: medication.MedicationStatement | medication.MedicationAdministration,
) -> date | None:
    period = found.effective_period
    return first_day(found.effective_date_time or (period.start if period else ""))
