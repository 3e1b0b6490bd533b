"""Findings that a person called intended stay quiet until the day that person named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec.structs import replace

from service.model.finding import Bucket, Finding
from service.model.signed import Intention


def quieted(finding: Finding, intended: Iterable[Intention], as_of: date) -> Finding:
    """The finding, suppressed with the person's reason while an intention covers it.

    An intention covers findings of its type about its medications and no others, not graver than
    what was judged, up to and with `until`.
    """
    if finding.bucket is not Bucket.SHOWN:
        return finding
    covering = [
        one
        for one in intended
        if one.type == finding.type
        and as_of <= one.until
        and finding.severity.rank >= one.severity.rank
        and set(finding.medications) <= set(one.medications)
    ]
    if not covering:
        return finding
    last = max(covering, key=lambda one: (one.until, one.by, one.reason))
    why = f": {last.reason}" if last.reason else ""
    reason = f"called intended by {last.by} until {last.until.isoformat()}{why}"
    return replace(finding, bucket=Bucket.SUPPRESSED, reason=reason)
