"""The data types that FHIR resources are made of, with the base of every resource.

Source: HL7 FHIR R4 (4.0.1), data types; the STU3 shapes of the same types differ only where said.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

_T = TypeVar("_T")
_MOST_DIGITS = 15


def check_numbers(*values: Decimal | None) -> None:
    """Refuses NaN, infinities and what is beyond any dose, result or time.

    Raises: ValueError, from which the decoder makes a validation error with the element's path.
    """
    for value in values:
        if value is not None and not (
            value.is_finite() and -_MOST_DIGITS < value.adjusted() < _MOST_DIGITS
        ):
            raise ValueError("a number beyond any dose or result")


class Wire(msgspec.Struct, frozen=True, rename="camel", gc=False, kw_only=True):
    """A FHIR element: absent elements are empty strings, empty tuples or None."""


class Coding(Wire, frozen=True):
    system: str = ""
    code: str = ""
    display: str = ""


class CodeableConcept(Wire, frozen=True):
    coding: tuple[Coding, ...] = ()
    text: str = ""


class Identifier(Wire, frozen=True):
    system: str = ""
    value: str = ""
    use: str = ""
    type: CodeableConcept | None = None


class Reference(Wire, frozen=True):
    reference: str = ""
    display: str = ""
    identifier: Identifier | None = None


class Quantity(Wire, frozen=True):
    """Quantity, SimpleQuantity, Duration and Age."""

    value: Decimal | None = None
    comparator: str = ""
    unit: str = ""
    system: str = ""
    code: str = ""

    def __post_init__(self) -> None:
        if self.value is not None:
            check_numbers(self.value)


class Range(Wire, frozen=True):
    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Wire, frozen=True):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Wire, frozen=True):
    start: str = ""
    end: str = ""


class Annotation(Wire, frozen=True):
    text: str = ""


class Extension(Wire, frozen=True):
    """An extension with the values that Concord reads; others stay unread."""

    url: str = ""
    value_code: str = ""
    value_string: str = ""
    value_codeable_concept: CodeableConcept | None = None
    extension: tuple[Extension, ...] = ()


class PrimitiveExtension(Wire, frozen=True):
    """The `_element` beside a primitive: only its extensions matter here (data-absent-reason)."""

    extension: tuple[Extension, ...] = ()


class Meta(Wire, frozen=True):
    version_id: str = ""
    security: tuple[Coding, ...] = ()
    tag: tuple[Coding, ...] = ()


class Resource(Wire, frozen=True):
    """What every resource has. `implicit_rules` and unknown modifier extensions change meaning."""

    resource_type: str = ""
    id: str = ""
    meta: Meta | None = None
    implicit_rules: str = ""
    contained: tuple[msgspec.Raw, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()


class HumanName(Wire, frozen=True):
    use: str = ""
    text: str = ""
    family: str | tuple[str, ...] = ""
    given: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()


class ContactPoint(Wire, frozen=True):
    system: str = ""
    value: str = ""


class Address(Wire, frozen=True):
    use: str = ""
    line: tuple[str, ...] = ()
    city: str = ""
    postal_code: str = ""


def several(value: _T | tuple[_T, ...] | None) -> tuple[_T, ...]:
    """The values as a tuple, where releases differ in whether an element repeats."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
