"""Observation as results: its own value, and each component's as a result of its own.

Source: HL7 FHIR R4 (4.0.1) and STU3 (3.0.2), Observation. A panel (`hasMember`) gives its own value
only: its members are resources that are read by themselves.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from service.model.clinical import LabResult
from service.model.dosage import Quantity
from service.model.evidence import Origin
from service.normalize.concept import codings, labels, text_of, with_text
from service.normalize.context import Context, Notes
from service.normalize.dates import first_day, moment
from service.normalize.wire import base, clinical


def observed_on(found: clinical.Observation) -> date | None:
    """When it was made known: issued, else the day of the measurement."""
    return first_day(found.issued) or first_day(_effective(found))


def results(
    origin: Origin, found: clinical.Observation, context: Context, notes: Notes
) -> tuple[LabResult, ...]:
    """The Observation's own value, then its components'; a result without one when it has none."""
    effective = _effective(found)
    shared = LabResult(
        origin=origin,
        codings=with_text(found.code),
        status=found.status,
        effective=notes.first_day(effective, "effective"),
        effective_at=moment(effective),
        issued=notes.first_day(found.issued, "issued"),
        category=tuple(
            dict.fromkeys(coding.code for coding in codings(*base.several(found.category)))
        ),
        labels=labels(found),
    )
    if not shared.codings:
        notes.say("the observation says not what was measured")
    parts = [
        _valued(
            replace(shared, codings=with_text(part.code)),
            part,
            f"component[{place}].",
            context,
        )
        for place, part in enumerate(found.component)
    ]
    own = _valued(shared, found, "", context)
    if parts and own.value is None and not own.text and not own.absent:
        return tuple(parts)
    return (own, *parts)


def _valued(
    result: LabResult,
    found: clinical.Observation | clinical.Value,
    prefix: str,
    context: Context,
) -> LabResult:
    value, comparator, text, path = _value(found, context)
    concept = found.value_codeable_concept
    return replace(
        result,
        value=value,
        comparator=comparator,
        text=text,
        value_codings=codings(concept),
        absent=next(
            (one.code for one in codings(found.data_absent_reason)),
            text_of(found.data_absent_reason),
        ),
        path=f"{prefix}{path}",
        interpretation=tuple(
            one.code or one.display for one in codings(*base.several(found.interpretation))
        ),
        usual=_usual(found.reference_range, value, context),
    )


def _usual(
    ranges: tuple[clinical.ReferenceRange, ...], value: Quantity | None, context: Context
) -> tuple[Decimal | None, Decimal | None]:
    """The ends of the one range that the source gives, in the value's unit.

    Where it gives several, for several kinds of people, none is chosen; an end in another unit is
    left out.
    """
    if len(ranges) != 1 or value is None:
        return None, None
    low, high = (
        end.value if end is not None and context.tables.units.spelled(end) == value.unit else None
        for end in (ranges[0].low, ranges[0].high)
    )
    return low, high


def _value(
    found: clinical.Observation | clinical.Value, context: Context
) -> tuple[Quantity | None, str, str, str]:
    """Value, comparator, text and path of value[x]."""
    quantity = found.value_quantity
    if quantity is not None and quantity.value is not None:
        unit = context.tables.units.spelled(quantity)
        return Quantity(quantity.value, unit), quantity.comparator, "", "valueQuantity"
    if found.value_codeable_concept is not None:
        return None, "", text_of(found.value_codeable_concept), "valueCodeableConcept"
    if found.value_integer is not None:
        return Quantity(Decimal(found.value_integer), "1"), "", "", "valueInteger"
    if found.value_string:
        return None, "", found.value_string, "valueString"
    if found.value_boolean is not None:
        return None, "", str(found.value_boolean).lower(), "valueBoolean"
    if found.value_date_time:
        return None, "", found.value_date_time, "valueDateTime"
    if found.value_range is not None:
        ends = (found.value_range.low, found.value_range.high)
        said = " to ".join(f"{end.value} {end.unit}".strip() for end in ends if end is not None)
        return None, "", said, "valueRange"
    ratio = found.value_ratio
    if ratio is not None and ratio.numerator and ratio.denominator:
        return None, "", f"{ratio.numerator.value}:{ratio.denominator.value}", "valueRatio"
    return None, "", "", "valueQuantity"


def _effective(found: clinical.Observation) -> str:
    period = found.effective_period
    return (
        found.effective_date_time
        or found.effective_instant
        or ((period.start or period.end) if period else "")
    )
