"""Which source is expected to list what: the row of the table a therapy falls under, and why not.

The table itself is data (`mappings/precedence.toml`).
"""

from __future__ import annotations

from datetime import timedelta

from service.model.concept import AdministrationClass
from service.model.medication import Kind, MedicationEntry, TherapyState
from service.model.source import MEDICATION_TYPES, SourceRead, State
from service.reconcile.holding import is_supply
from service.reconcile.policy import Expectation, LineKind
from service.reconcile.therapy import Setting, Therapy
from service.reconcile.words import joined

_KIND_WORDS = {
    LineKind.COMMUNITY: "a drug ordered for home",
    LineKind.CLINIC: "a drug given in a clinic",
    LineKind.INPATIENT: "an inpatient order",
    LineKind.SELF: "self-medication",
    LineKind.AS_NEEDED_UNFILLED: "an as-needed drug without a fill for long",
    LineKind.SHORT_COURSE: "a short course",
}


def line_kind(therapy: Therapy, setting: Setting) -> LineKind:
    """The row of the expected-holder table that this medication falls under."""
    policy, current = setting.policy, therapy.current
    lines = [line for h in current for line in h.lines if line.state is TherapyState.CURRENT]
    requests = [line.entry for line in lines if line.entry.kind is Kind.REQUEST]
    if requests and all(
        "inpatient" in e.category and not {"community", "discharge"} & set(e.category)
        for e in requests
    ):
        return LineKind.INPATIENT
    if therapy.administration is AdministrationClass.DEPOT or (
        therapy.rxcuis & policy.clinic.keys()
    ):
        return LineKind.CLINIC
    kinds = {line.entry.kind for line in therapy.lines}
    if Kind.ADMINISTRATION in {x.entry.kind for h in current for x in h.supply} and (
        Kind.DISPENSE not in kinds
    ):
        return LineKind.CLINIC
    bought = bool(therapy.rxcuis) and therapy.rxcuis <= policy.self_medication.keys()
    if bought and not any(h.ordered for h in current):
        return LineKind.SELF
    if all(h.as_needed for h in current):
        since = therapy.last_supplied or max(
            (h.authored for h in current if h.authored), default=None
        )
        limit = setting.as_of - timedelta(days=policy.windows.as_needed_unfilled)
        if since is not None and since < limit:
            return LineKind.AS_NEEDED_UNFILLED
    return LineKind.SHORT_COURSE if _short_course(therapy, setting) else LineKind.COMMUNITY


def _short_course(therapy: Therapy, setting: Setting) -> bool:
    """Whether it is meant for days: ordered with an end, or a drug of courses handed over once."""
    policy, longest = setting.policy, setting.policy.windows.short_course
    spoken = [x.entry for h in therapy.current for x in h.base if not is_supply(x.entry)]
    if spoken:
        return all(0 <= _span_d(entry) < longest for entry in spoken)
    supplied = [line.entry for line in therapy.lines if is_supply(line.entry)]
    return (
        bool(therapy.rxcuis)
        and therapy.rxcuis <= policy.courses.keys()
        and len({entry.supplied_on for entry in supplied}) == 1
        and all(entry.days_supply and entry.days_supply <= longest for entry in supplied)
    )


def _span_d(entry: MedicationEntry) -> int:
    """Days from the first to the last day; -1 where the line does not say both."""
    begun = entry.start or entry.authored
    return (entry.end - begun).days if entry.end and begun else -1


def not_expected(read: SourceRead, kind: LineKind, therapy: Therapy, setting: Setting) -> str:
    """Why the source need not list it; empty where it should."""
    match setting.policy.expectation(kind, read.role):
        case Expectation.EXPECTED:
            return ""
        case Expectation.IF_SUPPLIED:
            return _outside_network(read, therapy, setting)
        case Expectation.ASK | Expectation.NOT_EXPECTED:
            return f"{_KIND_WORDS[kind]} is not expected in {read.name} ({read.role.value})"


def _outside_network(read: SourceRead, therapy: Therapy, setting: Setting) -> str:
    """Why a pharmacy need not have dispensed it: no order, a young one, or nobody's pharmacy."""
    current = therapy.current
    if therapy.rxcuis & setting.policy.specialist.keys():
        return ""
    ordering = [h for h in current if any(line.entry.kind is Kind.REQUEST for line in h.base)]
    if not any(h.ordered for h in ordering):
        return f"{read.name} holds what it dispensed, and nobody is known to have ordered this"
    limit = setting.as_of - timedelta(days=setting.policy.windows.first_fill)
    if all(h.authored is None or h.authored > limit for h in ordering):
        return f"the order is too young to have been dispensed by {read.name}"
    served = setting.network.get(read.name, frozenset())
    if read.state_of(*MEDICATION_TYPES) is State.COMPLETE and not served & {
        h.source for h in ordering
    }:
        return f"{read.name} is not known to dispense for {joined(h.source for h in ordering)}"
    return ""
