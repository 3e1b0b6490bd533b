"""The parts of a JSON report that a person decides on, found by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ReportJson = Mapping[str, Any]
"""The dict of `concord/report/1`, as shown."""

LIVE = frozenset({"current", "planned", "held", "conflict", "unknown"})
"""States of a medication that may be taken; a stopped one leaves the list only by a decision."""

SAME = frozenset({"confirmed-match", "equivalent-product"})
"""Findings that say that the sources agree (A1, A2 of the catalogue of findings)."""


def medications(report: ReportJson) -> dict[str, Mapping[str, Any]]:
    return {medication["id"]: medication for medication in report["medications"]}


def findings(report: ReportJson) -> dict[str, Mapping[str, Any]]:
    return {finding["id"]: finding for finding in report["findings"]}


def rule_of(report: ReportJson, item: str) -> str:
    """Id of the rule behind a finding, "" for a medication."""
    finding = findings(report).get(item)
    return str(finding["rule"]["id"]) if finding else ""


def is_live(medication: Mapping[str, Any]) -> bool:
    return str(medication["state"]) in LIVE


def is_shown(finding: Mapping[str, Any]) -> bool:
    return str(finding["bucket"]) == "shown"


def names(medication: Mapping[str, Any]) -> frozenset[str]:
    """RxCUIs of the ingredients; empty when unresolved."""
    return frozenset(ingredient["rxcui"] for ingredient in medication["ingredients"])
