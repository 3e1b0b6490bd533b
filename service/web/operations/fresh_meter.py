"""How fresh the sources are, for Prometheus: labels are sources and states, never a patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.store.notices import Channel
from service.store.syncs import SourceSync


@dataclass(frozen=True, slots=True, eq=False)
class FreshMeter:
    """Readings by source, and what sources told by themselves, as a collector."""

    syncs: Sequence[SourceSync]
    channels: Sequence[Channel]

    def collect(self) -> Iterator[Metric]:
        patients = GaugeMetricFamily(
            "concord_source_patients",
            "Patients of a source: planned to be read by itself, late, failing, stale.",
            labels=("source", "state"),
        )
        last = GaugeMetricFamily(
            "concord_source_last_read_timestamp_seconds",
            "When a source last answered for any patient.",
            labels=("source",),
        )
        for one in self.syncs:
            for state in ("planned", "late", "failing", "stale"):
                patients.add_metric((one.source, state), getattr(one, state))
            if one.last is not None:
                last.add_metric((one.source,), one.last.timestamp())
        yield patients
        yield last
        told = CounterMetricFamily(
            "concord_notifications",
            "Notifications received, events of our patients, of nobody here, and gaps.",
            labels=("source", "outcome"),
        )
        for source in sorted({one.source for one in self.channels}):
            own = [one for one in self.channels if one.source == source]
            for outcome in ("received", "matched", "unknown", "gaps"):
                told.add_metric((source, outcome), sum(getattr(one, outcome) for one in own))
        yield told
