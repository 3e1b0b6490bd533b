"""All comparisons of one medication, each type at most once, every pair of sources folded in."""

from __future__ import annotations

from collections.abc import Sequence

from service.model.finding import Bucket, Finding
from service.model.signed import Intention
from service.reconcile.absence import absences
from service.reconcile.agreement import agreements, salt_variant
from service.reconcile.depot import depot_against_oral
from service.reconcile.difference import differences
from service.reconcile.doubt import code_text_conflict, text_structure_conflict, unresolvable_drug
from service.reconcile.duplicate import (
    duplicate_same_drug,
    poly_pharmacy_supply,
    prescriber_mismatch,
)
from service.reconcile.indication import indication_mismatch
from service.reconcile.intended import quieted
from service.reconcile.stale import stale_entry
from service.reconcile.status import (
    held_versus_active,
    stopped_versus_active,
    superseded_not_closed,
)
from service.reconcile.therapy import Setting, Therapy

_SINGLE = (
    stopped_versus_active,
    held_versus_active,
    stale_entry,
    superseded_not_closed,
    unresolvable_drug,
    text_structure_conflict,
    code_text_conflict,
    duplicate_same_drug,
    prescriber_mismatch,
    poly_pharmacy_supply,
    indication_mismatch,
    depot_against_oral,
)
_SHOWN = Bucket.SHOWN
DIFFERENT = frozenset(
    {
        "dose-mismatch",
        "frequency-mismatch",
        "route-mismatch",
        "form-mismatch",
        "prn-versus-scheduled",
        "indication-mismatch",
        "prescriber-mismatch",
        "poly-pharmacy-supply",
        "stopped-versus-active",
        "held-versus-active",
    }
)


def compare(
    therapy: Therapy, setting: Setting, intended: Sequence[Intention] = ()
) -> list[Finding]:
    """Findings of families A to D about one medication; an agreement only without a difference.

    Other salts are told beside other forms as well: divalproex DR against valproic acid is both.
    What a person called `intended` is suppressed and counts as no difference.
    """
    found = differences(therapy, setting)
    found += [one for check in _SINGLE if (one := check(therapy, setting)) is not None]
    found += absences(therapy, setting)
    if intended:
        found = [quieted(one, intended, setting.as_of) for one in found]
    different = {one.type for one in found if disagrees(one)}
    if not different:
        found += agreements(therapy, setting)
    elif different == {"form-mismatch"}:
        found += salt_variant(therapy, setting)
    return found


def disagrees(finding: Finding) -> bool:
    """Whether a finding says that the sources differ (family B, C3, C4), and is shown."""
    return finding.type in DIFFERENT and finding.bucket is _SHOWN
