"""What a patient agreed to or refused, as far as it decides who may be told what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from service.model.evidence import Origin


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whom a consent names: by reference ("source:Organization/5"), by "system|value".

    `role` is the code under which the consent names it ("IRCP", "CST"), "" where it says none.
    """

    reference: str = ""
    identifiers: tuple[str, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class Provision:
    """One rule of a consent with its exceptions; an empty tuple or None leaves that side open.

    `permit` is None where the rule itself says neither. `data` are references at the consent's own
    source; `related` says that they mean more than these very resources. `classes` are resource
    types and other kinds of content, `codes` (system, code).
    """

    permit: bool | None = None
    actors: tuple[Party, ...] = ()
    actions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    data: tuple[str, ...] = ()
    related: bool = False
    start: date | None = None
    end: date | None = None
    data_start: date | None = None
    data_end: date | None = None
    nested: tuple[Provision, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """An active consent. `scope` is the code of what it is about, "" where it does not say.

    `whole` is False where part of it could not be read: then it may refuse anything.
    """

    origin: Origin
    scope: str
    provision: Provision
    whole: bool = True
