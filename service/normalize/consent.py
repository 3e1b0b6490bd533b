"""Active consents with their rules, and what resources are labelled with: who may be told what.

A consent that is not understood as a whole may refuse anything: it is kept as one that does.
Source: HL7 FHIR R4 (4.0.1), Consent (the rule at the root may leave its type to policyRule; rules
within it are exceptions) and v3-ActCode OPTIN, OPTOUT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from service.model.consent import Consent, Party, Provision
from service.model.source import RawResource, SourceRead
from service.normalize.concept import codings, identifiers, labels, reference_key
from service.normalize.context import Notes
from service.normalize.dates import first_day, last_day
from service.normalize.reading import origin_of, readable
from service.normalize.wire import base, clinical
from service.normalize.wire import consent as wire

_POLICIES = {"OPTIN": True, "OPTOUT": False}
_TYPES = {"permit": True, "deny": False}
_INSTANCE = frozenset({"", "instance"})


def consents(read: SourceRead) -> tuple[Consent, ...]:
    """Every active consent of a source; one that cannot be read at all stands for a refusal."""
    named = {
        raw.reference: identifiers(body.identifier)
        for raw in read.resources
        if raw.type == "Organization" and (body := readable(raw, clinical.Organization, Notes()))
    }
    found = (_consent(raw, read.name, named) for raw in read.resources if raw.type == "Consent")
    return tuple(one for one in found if one is not None)


def security_labels(read: SourceRead) -> dict[tuple[str, str], frozenset[str]]:
    """The labels (meta.security) of each resource of a source that has any, by its place."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for raw in read.resources:
        bare = readable(raw, base.Resource, Notes())
        if bare is not None and labels(bare):
            found[read.name, raw.reference] = frozenset(labels(bare))
    return found


def _consent(raw: RawResource, source: str, named: Mapping[str, tuple[str, ...]]) -> Consent | None:
    origin = origin_of(raw, source)
    notes = Notes()
    found = readable(raw, wire.Consent, notes)
    if found is None:
        return Consent(origin, "", Provision(), whole=False)
    if found.status != "active":
        return None
    policies = {_POLICIES[one.code] for one in _codings(found.policy_rule) if one.code in _POLICIES}
    root = found.provision or wire.Provision()
    rule = _provision(root, source, named)
    if rule.permit is None and len(policies) == 1:
        rule = replace(rule, permit=policies.pop())
    whole = not (
        notes.said
        or found.modifier_extension
        or found.implicit_rules
        or found.except_
        or any(one.modifier_extension or one.type not in {"", *_TYPES} for one in _all(root))
    )
    scope = next((one.code for one in _codings(found.scope)), "")
    return Consent(origin, scope, rule, whole=whole)


def _provision(
    found: wire.Provision, source: str, named: Mapping[str, tuple[str, ...]]
) -> Provision:
    period, data_period = found.period or base.Period(), found.data_period or base.Period()
    return Provision(
        permit=_TYPES.get(found.type),
        actors=tuple(_party(one, source, named) for one in found.actor),
        actions=tuple(one.code for one in codings(*found.action)),
        labels=tuple(one.code for one in found.security_label if one.code),
        purposes=tuple(one.code for one in found.purpose if one.code),
        classes=tuple(one.code for one in found.class_),
        codes=tuple((one.system, one.code) for one in codings(*found.code)),
        data=tuple(reference_key(one.reference) for one in found.data),
        related=any(one.meaning not in _INSTANCE for one in found.data),
        start=first_day(period.start),
        end=last_day(period.end),
        data_start=first_day(data_period.start),
        data_end=last_day(data_period.end),
        nested=tuple(_provision(one, source, named) for one in found.provision),
    )


def _party(found: wire.Actor, source: str, named: Mapping[str, tuple[str, ...]]) -> Party:
    key = reference_key(found.reference)
    own = found.reference.identifier if found.reference else None
    known = [f"{own.system}|{own.value}"] if own and own.value else []
    return Party(
        reference=f"{source}:{key}" if key and "|" not in key else "",
        identifiers=tuple(dict.fromkeys([*known, *named.get(key, ())])),
        role=next((one.code for one in _codings(found.role)), ""),
    )


def _codings(found: base.CodeableConcept | None) -> tuple[base.Coding, ...]:
    return found.coding if found else ()


def _all(found: wire.Provision) -> Iterable[wire.Provision]:
    yield found
    for one in found.provision:
        yield from _all(one)
