"""What is known beside the report when a plan is made: consents, care teams, others' plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.model.around import CareMember, ForeignPlan, PatientWord, Stay
from service.model.consent import Consent


@dataclass(frozen=True, slots=True)
class Put:
    """What we put into a care plan of somebody else's, over all signatures, as keys.

    `last` was there after the last one, `missed` was found taken out by then.
    """

    ever: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """From the very reads that the report was made of, and from what was delivered before.

    Args:
        labels: security labels of resources that have any, by (source, reference).
        members: people of active care teams.
        stays: ended stays in hospital.
        plans: care plans of others.
        put: what stands of ours in care plans of others, by (target, reference).
        read_at: when each source was read.
        words: the patient's own questions and wishes, oldest first.
    """

    consents: tuple[Consent, ...] = ()
    labels: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    members: tuple[CareMember, ...] = ()
    stays: tuple[Stay, ...] = ()
    plans: tuple[ForeignPlan, ...] = ()
    put: Mapping[tuple[str, str], Put] = field(default_factory=dict)
    read_at: Mapping[str, datetime] = field(default_factory=dict)
    words: tuple[PatientWord, ...] = ()
