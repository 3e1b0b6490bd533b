"""MedicationRequest, -Statement, -Dispense and -Administration as lines of a source's list.

Sources: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2); US Core 6.1.0 (medication adherence extension).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from service.model.concept import AdministrationClass, DrugConcept
from service.model.dosage import Quantity
from service.model.evidence import Origin
from service.model.identity import OUR_IDENTIFIERS
from service.model.medication import Kind, MedicationEntry
from service.normalize.concept import (
    keys,
    relative,
    text_of,
    texts,
)
from service.normalize.context import Context, Notes
from service.normalize.daily_dose import DailyDoses, supplied_dose
from service.normalize.dates import first_day
from service.normalize.line import Head, adherence, head_of, line_of, named
from service.normalize.line_doses import Doses, doses_of
from service.normalize.timing import days_of
from service.normalize.units import Units
from service.normalize.wire import base, medication
from service.normalize.wire.dosage import DosageInstruction

ENTERED_IN_ERROR = "entered-in-error"
_STU3_TAKEN = {"y": "taking", "n": "not"}


def excluded(found: medication.MedicationLine) -> str:
    """Why a resource is no line of a list; empty for every other one."""
    if found.status == ENTERED_IN_ERROR:
        return "entered in error: not placed"
    if isinstance(found, medication.MedicationRequest) and found.do_not_perform:
        return f"doNotPerform: an order not to give {named(found) or 'the drug'}, not placed"
    if found.identifier and any(
        one.system == OUR_IDENTIFIERS for one in base.several(found.identifier)
    ):
        return "written by Concord: no word of the source's own, not placed"
    return ""


def requested_on(found: medication.MedicationRequest) -> date | None:
    """When an order was made; without authoredOn the start of its first dosage."""
    if authored := first_day(found.authored_on):
        return authored
    repeats = [
        one.timing.repeat for one in found.dosage_instruction if one.timing and one.timing.repeat
    ]
    starts = [one.bounds_period.start for one in repeats if one.bounds_period]
    return first_day(starts[0]) if starts else None


def stated_on(found: medication.MedicationStatement) -> date | None:
    return first_day(found.date_asserted) or _effective(found)


def dispensed_on(found: medication.MedicationDispense) -> date | None:
    return first_day(found.when_handed_over) or first_day(found.when_prepared)


def administered_on(found: medication.MedicationAdministration) -> date | None:
    return _effective(found)


def from_request(
    origin: Origin, found: medication.MedicationRequest, context: Context, notes: Notes
) -> MedicationEntry:
    """One order as a line; where no direction says a dose, quantity and duration tell it."""
    authored = notes.first_day(found.authored_on, "authoredOn")
    head = head_of(found, context, notes)
    supply = found.dispense_request
    days_supply = days_of(supply.expected_supply_duration, context.tables.units) if supply else None
    doses = doses_of(found.dosage_instruction, head.drug, context, notes, authored)
    silent = context.tables.frequencies.says_nothing
    if supply and all(d.read_from == "nothing" and silent(d.text) for d in doses.dosages):
        units = context.tables.units
        doses = _by_supply(doses, supply.quantity, days_supply, head, units, "ordered")
    requester, requester_key = context.who(_requester(found.requester))
    ended = head.status in ("stopped", "completed", "cancelled")
    return line_of(
        origin,
        Kind.REQUEST,
        found,
        head,
        doses,
        context,
        notes,
        taken=adherence(found.extension),
        start=doses.starts,
        end=doses.ends,
        intent=found.intent,
        reported=found.reported_boolean or found.reported_reference is not None,
        authored=authored,
        stopped_on=doses.ends if ended else None,
        days_supply=days_supply,
        quantity=supply.quantity.value if supply and supply.quantity else None,
        valid_until=notes.last_day(supply.validity_period.end, "validityPeriod.end")
        if supply and supply.validity_period
        else None,
        requester=requester,
        requester_key=requester_key,
        status_reason=text_of(found.status_reason),
        links=_links(context, *found.based_on, found.prior_prescription, *found.part_of),
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
    head = head_of(found, context, notes)
    doses = doses_of(found.dosage, head.drug, context, notes, begins)
    taken = adherence(found.extension) or _STU3_TAKEN.get(found.taken, "")
    if head.status == "not-taken" or found.taken == "n":
        taken = "not"
    ends = ends or doses.ends
    informant, informant_key = context.who(found.information_source)
    return line_of(
        origin,
        Kind.STATEMENT,
        found,
        head,
        doses,
        context,
        notes,
        taken=taken,
        start=begins or doses.starts,
        end=ends,
        reported=True,
        authored=notes.first_day(found.date_asserted, "dateAsserted"),
        stopped_on=ends if head.status in ("stopped", "completed", "not-taken") else None,
        requester=informant,
        requester_key=informant_key,
        status_reason=", ".join(texts((*found.status_reason, *found.reason_not_taken))),
        links=_links(context, *found.based_on, *found.derived_from, *found.part_of),
    )


def from_dispense(
    origin: Origin, found: medication.MedicationDispense, context: Context, notes: Notes
) -> MedicationEntry:
    """One supply as a line; without a dosage, quantity and days' supply tell the daily dose."""
    prepared = notes.first_day(found.when_prepared, "whenPrepared")
    supplied = notes.first_day(found.when_handed_over, "whenHandedOver") or prepared
    head = head_of(found, context, notes)
    units = context.tables.units
    days_supply = days_of(found.days_supply, units)
    quantity = found.quantity.value if found.quantity else None
    if quantity is not None and quantity < 0:
        notes.say(f"a quantity of {quantity} is not possible")
        quantity = None
    doses = doses_of(found.dosage_instruction, head.drug, context, notes, supplied)
    if quantity and all(one.frequency is None and not one.as_needed for one in doses.dosages):
        doses = _by_supply(doses, found.quantity, days_supply, head, units, "supplied")
    return line_of(
        origin,
        Kind.DISPENSE,
        found,
        head,
        doses,
        context,
        notes,
        taken=adherence(found.extension),
        start=supplied,
        end=None,
        authored=prepared,
        supplied_on=supplied,
        days_supply=days_supply,
        quantity=quantity,
        dispenser=_performer(found, context),
        status_reason=text_of(
            found.status_reason_codeable_concept or found.not_done_reason_codeable_concept
        ),
        links=_links(context, *found.authorizing_prescription, *found.part_of),
    )


def from_administration(
    origin: Origin, found: medication.MedicationAdministration, context: Context, notes: Notes
) -> MedicationEntry:
    """One administration as a line: what was given, on its day; STU3 `notGiven` is `not-done`."""
    given = _effective(found)
    head = head_of(found, context, notes)
    dosage, doses = found.dosage, Doses()
    if dosage is not None:
        as_instruction = DosageInstruction(
            text=dosage.text, route=dosage.route, dose_quantity=dosage.dose
        )
        drug = head.drug
        depot = drug is not None and drug.administration is AdministrationClass.DEPOT
        doses = doses_of((as_instruction,), drug, context, notes, given, one_dose_only=depot)
    not_given = found.not_given or found.status == "not-done"
    return line_of(
        origin,
        Kind.ADMINISTRATION,
        found,
        head,
        doses,
        context,
        notes,
        status="not-done" if found.not_given else "",
        taken="not" if not_given else adherence(found.extension),
        start=given,
        end=None,
        supplied_on=given,
        dispenser=_performer(found, context),
        status_reason=", ".join(texts((*found.status_reason, *found.reason_not_given))),
        links=_links(context, found.request, found.prescription, *found.based_on, *found.part_of),
    )


def _by_supply(
    doses: Doses,
    quantity: base.Quantity | None,
    days_supply: Decimal | None,
    head: Head,
    units: Units,
    how: str,
) -> Doses:
    """The doses with what a quantity comes to a day in the days it is meant for."""
    if quantity is None or not days_supply:
        return doses
    told = _supplied(quantity, days_supply, head.drug, units, how)
    if told is None:
        return doses
    return replace(doses, daily=told.doses, interval_d=told.interval_d)


@lru_cache(maxsize=8192)
def _supplied(
    quantity: base.Quantity, days_supply: Decimal, drug: DrugConcept | None, units: Units, how: str
) -> DailyDoses | None:
    """What a supply comes to a day; None without an amount. Remembered, as packs repeat a lot."""
    unit = units.of(quantity)
    if unit is None or not quantity.value:
        return None
    amount = Quantity(quantity.value, unit.ucum)
    return supplied_dose(amount, days_supply, drug, units, how=how)


def _performer(
    found: medication.MedicationDispense | medication.MedicationAdministration, context: Context
) -> str:
    """Who handed it over or gave it: the first who has a name."""
    for one in found.performer:
        if name := context.name_of(one.actor):
            return name
    return ""


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
    if not references:
        return ()
    given = [one for one in references if one is not None]
    found = [relative(key) for one in given if (key := context.key_of(one))]
    named = keys(base.Reference(identifier=one.identifier) for one in given if one.identifier)
    return tuple(dict.fromkeys((*found, *named)))


def _effective(
    found: medication.MedicationStatement | medication.MedicationAdministration,
) -> date | None:
    period = found.effective_period
    return first_day(found.effective_date_time or (period.start if period else ""))
