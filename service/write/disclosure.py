"""Who may be told what: decided for each recipient from labels and the patient's consents.

What cannot be told counts against telling: a refusal that may concern this recipient and this
resource withholds it, a permission counts only where it surely does. Sensitive labels need a
permission that names the label and the recipient (42 CFR 2.31(a), 2024: what kind of information,
to whom); everything else goes unless a consent refuses it. Source: HL7 FHIR R4 Consent, provision
(rules within a rule are its exceptions); HL7 Data Segmentation for Privacy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from service.model.consent import Consent, Provision
from service.model.evidence import Origin
from service.write.fitting import Match, either, holders, named, receivers, within
from service.write.labels import (
    NEEDS_A_CONSENT,
    NOT_TO_THE_PATIENT,
    PROTECTED,
    permitted,
    refused,
)

NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""42 CFR 2.32(a)(2) (2024): goes with every record on substance use that a consent lets go."""

HOUSE_ONLY = (
    "Labels protect some of what stands here: it is for this house alone; "
    "nothing of it goes on without asking again."
)

UNPERMITTED = "a label protects it and no consent lets it go there"
REFUSED = "a consent refuses it"
UNSURE = "a consent may refuse it: whom or what it means could not be told"
UNREADABLE = "a consent could not be read as a whole; it may refuse it"
NOT_TO_PATIENT = "a label keeps it from the patient until the attending provider agrees"
BY_LABEL = frozenset({UNPERMITTED, NOT_TO_PATIENT})
"""Reasons that a label gives; a consent gives the others."""

_PRIVACY = frozenset({"patient-privacy", ""})
_TELLING = frozenset({"disclose", "access", "use"})
_OUR_PURPOSES = frozenset({"TREAT", "CAREMGT", "COC"})


class Audience(Enum):
    """Whom something is told: somebody else, the patient, or whoever is signed in here, who sees
    it on our own pages in any case."""

    OTHER = "other"
    PATIENT = "patient"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of a source that would be told: what consents distinguish it by."""

    source: str
    reference: str
    labels: frozenset[str] = frozenset()
    codes: frozenset[tuple[str, str]] = frozenset()
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told: for a server its name, and what its organizations go by.

    `parties` are "system|value" of their identifiers and "source:Organization/5" where a source
    holds them; `held_by` says the same of every source.
    """

    name: str
    parties: frozenset[str] = frozenset()
    held_by: tuple[tuple[str, frozenset[str]], ...] = ()
    audience: Audience = Audience.OTHER


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The decision on one item for one recipient; `reason` is "" where it may be told.

    `consents` are those that a permission rests on.
    """

    reason: str = ""
    consents: tuple[Origin, ...] = ()


def disclosure(
    item: Item, recipient: Recipient, consents: Sequence[Consent], day: date
) -> Disclosure:
    """Whether this item may be told to this recipient on this day, and by which consent.

    A recipient is told its own resources back in any case, the patient what is his or her own
    unless a label keeps it back.
    """
    if recipient.audience is Audience.PATIENT:
        return Disclosure("" if item.labels.isdisjoint(NOT_TO_THE_PATIENT) else NOT_TO_PATIENT)
    if recipient.audience is Audience.HOUSE or item.source == recipient.name:
        return Disclosure()
    privacy = [one for one in consents if one.scope in _PRIVACY]
    asked = _Question(item, recipient, day)
    reasons = [reason for one in privacy if (reason := asked.refusal(one))]
    if reasons:
        return Disclosure(min(reasons, key=(REFUSED, UNSURE, UNREADABLE).index))
    resting: list[Origin] = []
    for label in sorted(item.labels & (PROTECTED | NEEDS_A_CONSENT)):
        permitting = [one.origin for one in privacy if asked.permits(one, label)]
        if not permitting:
            return Disclosure(UNPERMITTED)
        resting += permitting
    return Disclosure("", tuple(dict.fromkeys(resting)))


@dataclass(frozen=True, slots=True)
class _Question:
    item: Item
    recipient: Recipient
    day: date

    def refusal(self, consent: Consent) -> str:
        """Why this consent keeps the item back; "" where it does not."""
        if not consent.whole:
            return UNREADABLE
        match = self._denied(consent.provision, Match.YES, consent)
        if match is None or match is Match.NO:
            return ""
        return REFUSED if match is Match.YES else UNSURE

    def _denied(self, rule: Provision, above: Match, consent: Consent) -> Match | None:
        """How surely a refusal stands here; NO where a permission surely does, None for neither.

        An exception decides before the rule that it excepts; beside each other, the refusal does.
        A refusal is heeded even where the rule around it may not fit, but not out of its time.
        """
        if within(self.day, rule.start, rule.end) is Match.NO:
            return None
        own = self._fits(rule, consent.origin.source)
        sure = min(above, own)
        inner = [self._denied(one, sure, consent) for one in rule.nested]
        refused = max((one for one in inner if one), default=None)
        if refused:
            return refused
        if Match.NO in inner:
            return Match.NO
        if rule.permit is False and own is not Match.NO:
            return own
        if rule.permit and sure is Match.YES:
            return Match.NO
        return None

    def permits(self, consent: Consent, label: str) -> bool:
        """Whether a rule surely permits this, naming the label and the recipient on the way; a
        caveat that asks for any consent is not named itself."""
        return consent.whole and any(self._permitted(consent.provision, label, (), consent))

    def _permitted(
        self, rule: Provision, label: str, path: tuple[Provision, ...], consent: Consent
    ) -> Iterable[bool]:
        path = (*path, rule)
        if self._fits(rule, consent.origin.source) is not Match.YES:
            return
        if rule.permit:
            labelled = label in NEEDS_A_CONSENT or any(permitted(one.labels, label) for one in path)
            yield labelled and any(receivers(one.actors) for one in path)
        for inner in rule.nested:
            yield from self._permitted(inner, label, path, consent)

    def _fits(self, rule: Provision, source: str) -> Match:
        """Whether a rule is about telling this item to this recipient now."""
        held_by = dict(self.recipient.held_by).get(self.item.source, frozenset())
        return min(
            within(self.day, rule.start, rule.end),
            named(receivers(rule.actors), self.recipient.parties),
            named(holders(rule.actors), held_by),
            either(rule.actions, _TELLING),
            either(rule.purposes, _OUR_PURPOSES),
            self._labelled(rule),
            self._of_class(rule.classes),
            self._coded(rule.codes),
            self._meant(rule, source),
            within(self.item.day, rule.data_start, rule.data_end),
        )

    def _labelled(self, rule: Provision) -> Match:
        if not rule.labels:
            return Match.YES
        if rule.permit is False:
            found = refused(rule.labels, self.item.labels)
        else:
            found = any(permitted(rule.labels, label) for label in self.item.labels)
        return Match.YES if found else Match.NO

    def _of_class(self, classes: tuple[str, ...]) -> Match:
        if not classes:
            return Match.YES
        kind = self.item.reference.partition("/")[0]
        if kind in classes:
            return Match.YES
        return (
            Match.NO
            if all(one.isalpha() and one[0].isupper() for one in classes)
            else (Match.UNKNOWN)
        )

    def _coded(self, codes: tuple[tuple[str, str], ...]) -> Match:
        """A code that is not the item's own may still stand above it."""
        if not codes or self.item.codes & set(codes):
            return Match.YES
        return Match.UNKNOWN

    def _meant(self, rule: Provision, source: str) -> Match:
        if not rule.data:
            return Match.YES
        if self.item.source == source and self.item.reference in rule.data:
            return Match.YES
        return Match.UNKNOWN if rule.related else Match.NO
