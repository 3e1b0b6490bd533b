"""The report for a terminal: how sure we are, the list, the findings, then the plan beside it."""

from __future__ import annotations

from typing import Any

from service.report.plan_words import sections

BANNERS = {
    "complete": "complete",
    "stale": "STALE: the last good data is shown",
    "partial": "PARTIAL: something is known to be missing",
    "withheld": "WITHHELD: the server refuses or narrows what it holds",
    "unavailable": "UNAVAILABLE: nothing usable; this is not an empty list",
}


def text(content: dict[str, Any]) -> str:
    """The document (`report.document`) as lines of text, ending in a newline."""
    lines = [f"Reconciled medications as of {content['as_of']}", ""]
    lines += _sources(content)
    lines += _medications(content)
    lines += _findings(content)
    lines += _plan(content)
    lines += _problems(content)
    known = content["provenance"]
    lines.append(
        f"Concord {known['service']}, knowledge {known['mappings'][:19]}, "
        f"RxNorm {known['rxnorm']}. No finding does not mean no interaction."
    )
    return "\n".join(lines) + "\n"


def _sources(content: dict[str, Any]) -> list[str]:
    lines = ["Sources"]
    grades = {record["source"]: record["grade"] for record in content["patient"]["records"]}
    for source in content["sources"]:
        grade = grades.get(source["name"], "no record")
        lines.append(f"  {source['name']:<14} {BANNERS[source['state']]} (patient: {grade})")
        lines += [f"      {reason}" for reason in source["reasons"]]
    return [*lines, ""]


def _medications(content: dict[str, Any]) -> list[str]:
    if not content["medications"]:
        proven = all(source["state"] == "complete" for source in content["sources"])
        said = (
            "No medications are recorded in any source."
            if proven
            else "No medication line could be read. This does NOT mean that nothing is taken."
        )
        return ["Medications", f"  {said}", ""]
    lines = ["Medications"]
    for entry in content["medications"]:
        dose = entry["daily_dose"]
        per = "each" if entry["class"] == "depot" else "a day"
        amount = f", {dose['value']} {dose['unit']} {per}" if dose else ""
        lines.append(f"  {entry['display']}{amount}  [{entry['state']}, {entry['agreement']}]")
        for line in entry["lines"]:
            own = line["daily_dose"]
            shown = f"{own['value']} {own['unit']}" if own else (line["timing"] or "dose not read")
            lines.append(
                f"      {line['source']:<14} {line['kind']:<14} {line['status']:<12} {shown}"
                f"  ({line['authored'] or 'no date'}) {line['text']}"
            )
        lines.append(f"      -> {entry['proposal']['text']} ({entry['proposal']['reason']})")
    return [*lines, ""]


def _findings(content: dict[str, Any]) -> list[str]:
    shown = [f for f in content["findings"] if f["bucket"] == "shown" and f["severity"] != "none"]
    lines = [f"Findings ({len(shown)})"]
    for finding in shown:
        flag = "URGENT " if finding["urgent"] else ""
        lines.append(f"  {flag}{finding['severity'].upper()} {finding['title']}")
        lines.append(f"      {finding['message']}")
        if finding["advice"]:
            lines.append(f"      Consider: {finding['advice']}")
        unsigned = "" if finding["rule"]["reviewed"] else ", not yet signed by a pharmacist"
        lines.append(f"      [{finding['type']}; {finding['rule']['source']}{unsigned}]")
    counts = {
        bucket: sum(1 for f in content["findings"] if f["bucket"] == bucket)
        for bucket in ("suppressed", "not-evaluable")
    }
    lines.append(
        f"  {counts['suppressed']} suppressed, {counts['not-evaluable']} not evaluable "
        "(data missing; that is not the same as safe)"
    )
    return [*lines, ""]


def _plan(content: dict[str, Any]) -> list[str]:
    lines = ["Plan"]
    for section in sections(content):
        lines.append(f"  {section.title}")
        lines += [f"      {line}" for line in section.lines or (section.empty,)]
    return [*lines, ""]


def _problems(content: dict[str, Any]) -> list[str]:
    if not content["problems"]:
        return []
    listed = [f"  {p['source']}: {p['reference']}: {p['what']}" for p in content["problems"]]
    return [f"Problems ({len(listed)})", *listed, ""]
