"""What Prometheus may read: counts and latencies, never a patient, a user or an address.

Labels come from closed sets: routes as they are declared, states, targets, types of finding. What
several processes share is counted in the store when it is asked for; latencies are this process's.
Source: Prometheus, text exposition format 0.0.4, and its advice on cardinality.
"""

from __future__ import annotations

import json
from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.store import Store, figures, notices, reports, syncs
from service.store.figures import Figures
from service.web.operations.certificates import CertificateMeter
from service.web.operations.fresh_meter import FreshMeter

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_AT_ONCE: Final = 200
"""Reports that are opened for their findings in one answer; the next answers open the others."""


@dataclass(slots=True)
class Meter:
    """The latencies of this process, and the findings of the reports that it has opened."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Histogram = field(init=False)
    _found: dict[str, Tally[tuple[str, str]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.requests = Histogram(
            "concord_request_seconds",
            "Time to answer, by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=BUCKETS,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request; `route` as declared ("/patients/{patient}"), "" where there was none."""
        known = method if method in {"GET", "HEAD", "POST", "PUT"} else "other"
        self.requests.labels(known, route or "none", f"{status // 100}xx").observe(seconds)

    async def exposition(
        self,
        store: Store,
        *,
        at: datetime,
        stale_after: timedelta,
        certificates: Mapping[str, datetime],
    ) -> bytes:
        """Everything, in the text format; `certificates` are their ends by source."""
        async with store.read() as look:
            fresh = FreshMeter(
                await syncs.by_source(look, at=at, stale_after=stale_after),
                await notices.channels_of(look),
            )
            kept = await figures.figures(look)
            newest = await figures.newest_reports(look)
            for report in [one for one in newest if one not in self._found][:_AT_ONCE]:
                self._found[report] = _findings((await reports.get(look, report)).body)
        self._found = {report: self._found[report] for report in newest if report in self._found}
        counted = CollectorRegistry()
        counted.register(fresh)
        counted.register(CertificateMeter(certificates))
        counted.register(
            _Kept(kept, sum(self._found.values(), Tally()), len(newest) - len(self._found))
        )
        return generate_latest(counted) + generate_latest(self.registry)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """What the store holds, as a collector."""

    figures: Figures
    findings: Tally[tuple[str, str]]
    uncounted: int

    def collect(self) -> Iterator[Metric]:
        yield _gauge("concord_patients", "Patients who were asked for.", self.figures.patients)
        made = CounterMetricFamily("concord_reports", "Reports made.")
        made.add_metric((), self.figures.reports)
        yield made
        for name, help_text, labels, rows in (
            (
                "concord_deliveries",
                "Planned writes by target and state.",
                ("target", "state"),
                self.figures.deliveries,
            ),
            ("concord_jobs", "Jobs by kind and state.", ("kind", "state"), self.figures.jobs),
            (
                "concord_source_reads",
                "Newest reads of patients by source and state.",
                ("source", "state"),
                self.figures.sources,
            ),
        ):
            family = GaugeMetricFamily(name, help_text, labels=labels)
            for first, second, count in rows:
                family.add_metric((first, second), count)
            yield family
        found = GaugeMetricFamily(
            "concord_findings",
            "Shown findings of the newest reports, by type and severity.",
            labels=("type", "severity"),
        )
        for (kind, severity), count in sorted(self.findings.items()):
            found.add_metric((kind, severity), count)
        yield found
        help_text = "Newest reports whose findings are not counted yet."
        yield _gauge("concord_findings_uncounted_reports", help_text, self.uncounted)


def _findings(body: bytes) -> Tally[tuple[str, str]]:
    return Tally(
        (finding["type"], finding["severity"])
        for finding in json.loads(body)["findings"]
        if finding["bucket"] == "shown"
    )


def _gauge(name: str, help_text: str, value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value)
