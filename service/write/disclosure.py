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
from enum import IntEnum

from service.model.consent import Consent, Party, Provision
from service.model.evidence import Origin

PROTECTED = frozenset(
    {
        "42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD", "PSY", "PSYTHPN", "MH", "BH", "COGN",
        "DVD", "EMOTDIS", "HIV", "STD", "SEX", "SDV", "VIO", "ABORTION", "SOGI", "GDIS", "R", "V",
    }
)  # fmt: skip
"""Labels (ActCode, Confidentiality) of data that goes to no other server without a consent."""

SUBSTANCE_USE = frozenset({"42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD"})
NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""42 CFR 2.32(a)(2) (2024): goes with every record on substance use that a consent lets go."""

UNPERMITTED = "a label protects it and no consent lets it go there"
REFUSED = "a consent refuses it"
UNSURE = "a consent may refuse it: whom or what it means could not be told"
UNREADABLE = "a consent could not be read as a whole; it may refuse it"

_CONFIDENTIALITY = "ULMNRV"
_PRIVACY = frozenset({"patient-privacy", ""})
_TELLING = frozenset({"disclose", "access", "use"})
_OUR_PURPOSES = frozenset({"TREAT", "CAREMGT", "COC"})
_HOLDERS = frozenset({"CST", "AUT", "AUTM", "SRC"})
"""Roles by which a consent names who holds the data, not who receives it (ParticipationType)."""


class Match(IntEnum):
    """Whether one side of a rule fits; the least of several sides is what the rule does."""

    NO = 0
    UNKNOWN = 1
    YES = 2


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
    """A server as somebody who is told: its name, and what its organizations go by.

    `parties` are "system|value" of their identifiers and "source:Organization/5" where a source
    holds them; `held_by` says the same of every source.
    """

    name: str
    parties: frozenset[str] = frozenset()
    held_by: tuple[tuple[str, frozenset[str]], ...] = ()


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

    A recipient is told its own resources back in any case.
    """
    if item.source == recipient.name:
        return Disclosure()
    privacy = [one for one in consents if one.scope in _PRIVACY]
    asked = _Question(item, recipient, day)
    reasons = [reason for one in privacy if (reason := asked.refusal(one))]
    if reasons:
        return Disclosure(min(reasons, key=(REFUSED, UNSURE, UNREADABLE).index))
    resting: list[Origin] = []
    for label in sorted(item.labels & PROTECTED):
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
        if _within(self.day, rule.start, rule.end) is Match.NO:
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
        """Whether a rule surely permits this, naming the label and the recipient on the way."""
        return consent.whole and any(self._permitted(consent.provision, label, (), consent))

    def _permitted(
        self, rule: Provision, label: str, path: tuple[Provision, ...], consent: Consent
    ) -> Iterable[bool]:
        path = (*path, rule)
        if self._fits(rule, consent.origin.source) is not Match.YES:
            return
        if rule.permit:
            labelled = any(_covers(one.labels, label) for one in path)
            named = any(_receivers(one.actors) for one in path)
            yield labelled and named
        for inner in rule.nested:
            yield from self._permitted(inner, label, path, consent)

    def _fits(self, rule: Provision, source: str) -> Match:
        """Whether a rule is about telling this item to this recipient now."""
        held_by = dict(self.recipient.held_by).get(self.item.source, frozenset())
        return min(
            _within(self.day, rule.start, rule.end),
            _named(_receivers(rule.actors), self.recipient.parties),
            _named(_holders(rule.actors), held_by),
            _either(rule.actions, _TELLING),
            _either(rule.purposes, _OUR_PURPOSES),
            self._labelled(rule),
            self._of_class(rule.classes),
            self._coded(rule.codes),
            self._meant(rule, source),
            _within(self.item.day, rule.data_start, rule.data_end),
        )

    def _labelled(self, rule: Provision) -> Match:
        if not rule.labels:
            return Match.YES
        if rule.permit is False:
            graded = any(label in _CONFIDENTIALITY for label in rule.labels)
            own = any(label in _CONFIDENTIALITY for label in self.item.labels)
            same = bool(self.item.labels & set(rule.labels))
            return Match.YES if same or (graded and own) else Match.NO
        found = any(_covers(rule.labels, label) for label in self.item.labels)
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


def _receivers(actors: tuple[Party, ...]) -> tuple[Party, ...]:
    return tuple(one for one in actors if one.role not in _HOLDERS)


def _holders(actors: tuple[Party, ...]) -> tuple[Party, ...]:
    return tuple(one for one in actors if one.role in _HOLDERS)


def _named(parties: tuple[Party, ...], known: frozenset[str]) -> Match:
    """Whether one of the parties is who goes by `known`; anybody where no party is named."""
    if not parties:
        return Match.YES
    return max(_is(party, known) for party in parties)


def _is(party: Party, known: frozenset[str]) -> Match:
    """The same in one identifier is yes; another value in a system that both use is no.

    A person is never surely nobody there: an organization's servers are read by its people.
    """
    if party.reference in known or known & set(party.identifiers):
        return Match.YES
    systems = {one.partition("|")[0] for one in known if "|" in one}
    theirs = {one.partition("|")[0] for one in party.identifiers}
    kind = party.reference.partition(":")[2].partition("/")[0]
    return Match.NO if systems & theirs and kind in {"Organization", ""} else Match.UNKNOWN


def _covers(labels: tuple[str, ...], label: str) -> bool:
    """A confidentiality label covers what is as confidential or less; every other one itself."""
    if label in _CONFIDENTIALITY:
        grades = [_CONFIDENTIALITY.index(one) for one in labels if one in _CONFIDENTIALITY]
        return _CONFIDENTIALITY.index(label) <= max(grades, default=-1)
    return label in labels


def _either(asked: tuple[str, ...], ours: frozenset[str]) -> Match:
    return Match.YES if not asked or ours & set(asked) else Match.NO


def _within(day: date | None, start: date | None, end: date | None) -> Match:
    if start is None and end is None:
        return Match.YES
    if day is None:
        return Match.UNKNOWN
    inside = (start is None or start <= day) and (end is None or day <= end)
    return Match.YES if inside else Match.NO
