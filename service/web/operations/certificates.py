"""When the TLS certificate of a source runs out, in words, and early enough to do something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from service.web.language import counted, say

WARNED: Final = timedelta(days=30)
"""Before its end: ordering, approving and installing a certificate takes weeks in a hospital."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is said of one; `soon` is set once somebody has to renew it."""

    words: str
    soon: bool


def certificate(ends: datetime | None, now: datetime) -> Certificate | None:
    """ "its certificate expires in 12 days"; None where none was shown."""
    if ends is None:
        return None
    day = ends.date().isoformat()
    if ends <= now:
        return Certificate(say("▲ its certificate expired on {day}", day=day), soon=True)
    days = (ends - now).days
    words = counted(
        "its certificate expires in {count} day", "its certificate expires in {count} days", days
    )
    if days == 0:
        words = say("its certificate expires within a day")
    soon = ends - now <= WARNED
    return Certificate(f"▲ {words} ({day})" if soon else f"{words} ({day})", soon=soon)


@dataclass(frozen=True, slots=True, eq=False)
class CertificateMeter:
    """When the certificates of sources run out, as a collector."""

    certificates: Mapping[str, datetime]

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "concord_source_certificate_expiry_timestamp_seconds",
            "When the TLS certificate runs out that a source showed last.",
            labels=("source",),
        )
        for source, ends in sorted(self.certificates.items()):
            family.add_metric((source,), ends.timestamp())
        yield family
