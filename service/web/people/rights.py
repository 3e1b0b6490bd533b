"""What each role may see and do: the one table that routes, pages and tests ask."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from service.model.review import UserRole


class Right(StrEnum):
    """What a route asks of a person.

    SEE patients: lists, findings, evidence, prints. DECIDE: ask for patients, judge links, decide,
    sign. OPERATE: states of sources, deliveries and rules, by opaque ids. AUDIT: who did what.
    """

    SEE = "see"
    DECIDE = "decide"
    OPERATE = "operate"
    AUDIT = "audit"


RIGHTS: Final[Mapping[UserRole, frozenset[Right]]] = {
    UserRole.PHARMACIST: frozenset({Right.SEE, Right.DECIDE}),
    UserRole.PSYCHIATRIST: frozenset({Right.SEE, Right.DECIDE}),
    UserRole.PRIMARY_CARE: frozenset({Right.SEE, Right.DECIDE}),
    UserRole.THERAPIST: frozenset({Right.SEE}),
    UserRole.IT: frozenset({Right.OPERATE}),
    UserRole.ADMIN: frozenset({Right.OPERATE, Right.AUDIT}),
}


def may(role: UserRole, right: Right) -> bool:
    """Whether a person of this role has this right; a role that is not listed has none."""
    return right in RIGHTS.get(role, frozenset())


def first_page(role: UserRole) -> str:
    """Where a person of this role begins the day."""
    return "/patients" if may(role, Right.SEE) else "/operations"
