"""How one vendor's server wants to be asked; filled from `mappings/sources/`, each quirk reasoned.

A profile narrows nothing silently: what is asked in part (a window of days) is said in the
certificate's reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Window:
    """A date parameter that the server demands, in days before and after the day of reading."""

    parameter: str
    past_days: int
    future_days: int


@dataclass(frozen=True, slots=True)
class Quirk:
    """One peculiarity of one resource type (`type` "*" for all), with why and where it is known.

    Args:
        query: parameters added to the search.
        each: one search per value of this parameter (parameter, values).
        may_refuse: values of `each` that not every server of the vendor answers; what is refused is
            told as missing, and the rest of the type counts as read.
        verified: False where no page of the vendor itself tells it, which is then said with it.
        include: False never asks for `_include`, True always; None goes by CapabilityStatement.
        count: page size to ask for; 0 asks for none.
        skip: the type is not asked, because this vendor has none; the certificate says not-offered.
        self_link: False for a server that sends no self link.
        since: False where `_lastUpdated` misses changes, or does not go with the other parameters.
        post_search: False for a server that takes no search by POST.
        ignore_outcomes: vendor codes of OperationOutcome that mean no loss.
        withheld_outcomes: vendor codes by which the server says that it leaves something out.
        transaction_limit: the most entries that it takes in a transaction with conditional creates.
    """

    type: str
    reason: str
    source: str
    query: tuple[tuple[str, str], ...] = ()
    each: tuple[str, tuple[str, ...]] | None = None
    may_refuse: tuple[str, ...] = ()
    verified: bool = True
    window: Window | None = None
    include: bool | None = None
    count: int | None = None
    skip: bool = False
    self_link: bool = True
    since: bool = True
    post_search: bool = True
    ignore_outcomes: tuple[str, ...] = ()
    withheld_outcomes: tuple[str, ...] = ()
    transaction_limit: int | None = None


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """One vendor. `recognise` are words of CapabilityStatement.software.name or publisher."""

    name: str
    title: str
    recognise: tuple[str, ...] = ()
    quirks: tuple[Quirk, ...] = ()

    @property
    def transaction_limit(self) -> int | None:
        """The smallest of its limits, None where there is none."""
        limits = [q.transaction_limit for q in self.quirks if q.transaction_limit is not None]
        return min(limits, default=None)

    def trusts_stamps(self, resource_type: str) -> bool:
        """Whether `_lastUpdated` tells every change of a type, as far as the vendor is known."""
        return all(quirk.since for quirk in self.of(resource_type))

    @property
    def unverified(self) -> tuple[str, ...]:
        """Reasons that no page of the vendor itself tells."""
        return tuple(quirk.reason for quirk in self.quirks if not quirk.verified)

    def of(self, resource_type: str) -> tuple[Quirk, ...]:
        """The quirks that concern the type, those for all types first."""
        return tuple(
            sorted(
                (quirk for quirk in self.quirks if quirk.type in {"*", resource_type}),
                key=lambda quirk: quirk.type != "*",
            )
        )


GENERIC = SourceProfile("generic", "any FHIR server")


@dataclass(frozen=True, slots=True)
class SourceProfiles:
    """All profiles by name."""

    by_name: Mapping[str, SourceProfile] = field(default_factory=dict)

    def chosen(self, vendor: str, software: str, publisher: str) -> SourceProfile:
        """The profile that the configuration names; with "auto" the one that is recognised."""
        if vendor != "auto":
            return self.by_name.get(vendor, GENERIC)
        return self.recognised(software, publisher)

    def recognised(self, software: str, publisher: str) -> SourceProfile:
        """The profile of the vendor that the CapabilityStatement names, else generic."""
        text = f"{software} {publisher}".casefold()
        for profile in sorted(self.by_name.values(), key=lambda one: one.name):
            if any(word.casefold() in text for word in profile.recognise):
                return profile
        return self.by_name.get("generic", GENERIC)
