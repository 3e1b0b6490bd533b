"""4. Many lists into one, and what differs between them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from service.errors import ServiceError
from service.model.finding import Finding
from service.model.medication import (
    Kind,
    MedicationEntry,
    PlacedLine,
    ReconciledEntry,
)
from service.model.patient import PatientLink
from service.model.record import Reconciliation, SourceRecord
from service.model.signed import SignedList, SignedMedication
from service.model.source import MEDICATION_TYPES, Role, SourceRead, State
from service.reconcile.compare import compare
from service.reconcile.doubt import identity_doubts, incomplete_sources
from service.reconcile.group import Group, group
from service.reconcile.holding import holding, is_supply
from service.reconcile.indication import reasons_nowhere
from service.reconcile.policy import Policy
from service.reconcile.propose import agreed_doses, agreement, change, overall_state, propose
from service.reconcile.severity import patient_risks
from service.reconcile.therapy import Setting, Therapy, display, therapy_of
from service.reconcile.therapy_state import therapy_state
from service.reconcile.words import distinct

_DISPENSE = Kind.DISPENSE
__all__ = ["LinesLost", "Policy", "SignedList", "reconcile"]


class LinesLost(ServiceError):
    """Lines were lost while lists were made one; nothing of this result is used."""


def reconcile(
    records: Sequence[SourceRecord],
    policy: Policy,
    as_of: date,
    *,
    links: Sequence[PatientLink] = (),
    previous: SignedList | None = None,
) -> Reconciliation:
    """Every line of every source under exactly one medication, and findings of families A to D.

    Args:
        records: one per source, of records linked as certain; a source in which the patient was
            not found comes with its read and no entries.
        policy: precedence.toml.
        as_of: the day the reconciliation stands on.
        links: all links, for findings of doubt about identity.
        previous: the last signed list, for `change` and for what was said to be intended.
    Returns: the same for any order of records, lines and links.
    Raises: LinesLost when lines in are not lines placed (a fault of ours).
    """
    entries = [entry for record in records for entry in record.entries]
    groups = group(entries)
    therapies = [_therapy(one, as_of, policy) for one in groups]
    if len(entries) != sum([len(therapy.lines) for therapy in therapies]):
        raise LinesLost
    setting = _setting(records, therapies, policy, as_of)
    signed = {m.id: m for m in previous.medications} if previous else None
    intended = previous.intended if previous else ()
    medications: list[ReconciledEntry] = []
    findings: dict[str, Finding] = {}
    for therapy in therapies:
        found = compare(therapy, setting, intended)
        medications.append(_medication(therapy, found, setting, signed))
        findings.update((one.id, one) for one in found)
    about_all = (
        reasons_nowhere(therapies, setting),
        *identity_doubts(links, setting),
        *incomplete_sources(setting.reads, setting),
    )
    findings.update((one.id, one) for one in about_all if one is not None)
    return Reconciliation(
        medications=tuple(sorted(medications, key=lambda m: (m.display, m.id))),
        findings=tuple(sorted(findings.values(), key=lambda f: (f.severity.rank, f.type, f.id))),
    )


def _therapy(one: Group, as_of: date, policy: Policy) -> Therapy:
    """A group with the state of every line, folded by source."""
    handed_over = [entry for entry, _ in one.lines if entry.supplied_on is not None]
    supplied = _supplied(handed_over)
    interval = _interval(one) if handed_over else None
    windows = policy.windows
    by_source: dict[str, list[PlacedLine]] = {}
    for entry, match in one.lines:
        state = therapy_state(entry, as_of, windows, interval)
        last = entry.supplied_on
        if supplied and not is_supply(entry):
            last = _last_supplied(entry, supplied)
        line = PlacedLine(entry, state, match, last)
        source = entry.origin.source
        if source in by_source:
            by_source[source].append(line)
        else:
            by_source[source] = [line]
    return therapy_of(
        one.id,
        one.ingredients,
        one.administration,
        tuple([holding(lines) for lines in by_source.values()]),
    )


def _interval(one: Group) -> Decimal | None:
    """The longest interval at which an order or statement has it given."""
    stated = [e.interval_d for e, _ in one.lines if e.interval_d and not is_supply(e)]
    return max(stated, default=None)


_Supplied = Mapping[tuple[str, str], date]


def _supplied(entries: Iterable[MedicationEntry]) -> _Supplied:
    """The newest supply per source and order; under "" of what names no order."""
    newest: dict[tuple[str, str], date] = {}
    for entry in entries:
        day = entry.supplied_on
        if day is None or not is_supply(entry) or entry.status == "cancelled":
            continue
        for order in entry.links or ("",):
            key = (entry.origin.source, order)
            known = newest.get(key)
            if known is None or known < day:
                newest[key] = day
    return newest


def _last_supplied(entry: MedicationEntry, supplied: _Supplied) -> date | None:
    source = entry.origin.source
    own, other = supplied.get((source, entry.origin.reference)), supplied.get((source, ""))
    if own is None or other is None:
        return own or other or entry.supplied_on
    return max(own, other)


def _setting(
    records: Sequence[SourceRecord], therapies: Sequence[Therapy], policy: Policy, as_of: date
) -> Setting:
    reads = tuple(sorted((record.read for record in records), key=lambda read: read.name))
    by_ingredient: dict[str, list[Therapy]] = defaultdict(list)
    unread: Counter[str] = Counter()
    for therapy in therapies:
        for ingredient in therapy.ingredients:
            by_ingredient[ingredient.rxcui].append(therapy)
        if not therapy.ingredients:
            unread.update(h.source for h in therapy.current)
    return Setting(
        policy=policy,
        as_of=as_of,
        reads=reads,
        risks=patient_risks(records, policy, as_of),
        suppliers=frozenset(_suppliers(records)),
        network=_network(therapies, reads),
        lithium=any(t.rxcuis & policy.lithium.keys() and t.current for t in therapies),
        by_ingredient={rxcui: tuple(found) for rxcui, found in by_ingredient.items()},
        unread=unread,
    )


def _suppliers(records: Sequence[SourceRecord]) -> Iterable[str]:
    """Complete sources that show supply: pharmacies, and whoever holds a dispense."""
    for record in records:
        if record.read.state_of(*MEDICATION_TYPES) is State.COMPLETE and (
            record.read.role is Role.PHARMACY
            or any(entry.kind is _DISPENSE for entry in record.entries)
        ):
            yield record.read.name


def _network(
    therapies: Sequence[Therapy], reads: Sequence[SourceRead]
) -> Mapping[str, frozenset[str]]:
    """For each pharmacy, the sources of which it dispensed at least one order."""
    pharmacies = {read.name for read in reads if read.role is Role.PHARMACY}
    served: dict[str, set[str]] = defaultdict(set)
    for therapy in therapies:
        sources = {h.source for h in therapy.holdings}
        for pharmacy in sources & pharmacies:
            served[pharmacy] |= {
                h.source for h in therapy.holdings if h.source != pharmacy and h.ordered
            }
    return {pharmacy: frozenset(sources) for pharmacy, sources in served.items()}


def _medication(
    therapy: Therapy,
    found: Sequence[Finding],
    setting: Setting,
    signed: Mapping[str, SignedMedication] | None,
) -> ReconciledEntry:
    state = overall_state(therapy, found)
    doses = agreed_doses(therapy, state, found)
    words = therapy.words or [h.said for h in therapy.holdings]
    routes = distinct([route for said in words for route in said.routes])
    forms = distinct([form for said in words for form in said.forms])
    route = routes[0] if len(routes) == 1 else ""
    form = forms[0] if len(forms) == 1 else ""
    moved = None
    if signed is not None:
        now = SignedMedication(therapy.id, state, doses, route, form)
        moved = change(now, signed.get(therapy.id))
    return ReconciledEntry(
        id=therapy.id,
        ingredients=therapy.ingredients,
        display=display(therapy),
        route=route,
        form=form,
        administration=therapy.administration,
        state=state,
        agreement=agreement(therapy, found),
        proposal=propose(therapy, state, found, setting),
        lines=therapy.lines,
        daily_doses=doses,
        change=moved,
        indication=distinct([reason for h in therapy.holdings for reason in h.reasons.shown]),
    )
