"""Answers as a faulty server gives them: what an action makes of the right reply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from service.sandbox.exchange import Ask, Reply, Resource, operation_outcome
from service.sandbox.faults import Answer, Blank, Edit, Entries, Fault, Link, SelfLink, Total
from service.sandbox.paging import PAGE, Searches
from service.sandbox.storage import http_date

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def answers_instead(fault: Fault | None) -> bool:
    """Whether a write that this fault befalls never reaches the store."""
    return fault is not None and getattr(fault.action, "commit", True) is False


def rewritten(fault: Fault | None, ask: Ask) -> Ask:
    """The request as the server stores it, when a fault rewrites what it is sent."""
    if fault is None or not isinstance(fault.action, Edit) or fault.action.of != "stored":
        return ask
    return ask.about(ask.path, sent=_edited(ask.resource(), fault.action))


def spoiled(fault: Fault, ask: Ask, reply: Reply, searches: Searches) -> Reply:
    """The reply after the fault; actions on the connection leave it as it is."""
    action = fault.action
    if isinstance(action, Answer):
        return _instead(action, ask, searches)
    if isinstance(action, Edit) and action.of == "body" and reply.resource is not None:
        return reply.with_resource(_edited(reply.resource, action))
    if reply.resource is None or reply.resource.get("resourceType") != "Bundle":
        return reply
    bundle = dict(reply.resource)
    match action:
        case Edit(of="entries"):
            bundle["entry"] = [
                {**entry, "resource": _edited(entry["resource"], action)}
                for entry in bundle.get("entry", [])
            ]
        case Link():
            bundle["link"] = _links(action, ask, reply, searches)
        case Entries():
            bundle["entry"] = list(_entries(action, bundle.get("entry", []), ask.base))
        case Blank():
            bundle.pop("entry", None)
            here = _links(Link("self"), ask, reply, searches)
            bundle["link"] = [*here[:-1], {**here[-1], "url": _again(here[-1]["url"])}]
        case SelfLink():
            bundle["link"] = list(_without(action, bundle.get("link", [])))
        case Total():
            bundle["total"] = bundle.get("total", len(bundle.get("entry", []))) + action.add
    return reply.with_resource(bundle)


def _again(url: str) -> str:
    """The same page by another address."""
    return f"{url}{'&' if '?' in url else '?'}_pretty=true"


def _instead(action: Answer, ask: Ask, searches: Searches) -> Reply:
    headers = {name: _filled(value, ask.base) for name, value in action.headers.items()}
    if action.retry_after_date_s is not None:
        at = searches.storage.clock() + timedelta(seconds=action.retry_after_date_s)
        headers["Retry-After"] = http_date(at)
    if action.content_type:
        headers["Content-Type"] = action.content_type
    if action.issue:
        outcome = operation_outcome(action.severity, action.code, action.issue)
        return Reply(action.status, outcome, headers)
    return Reply(action.status, None, headers, text=action.body)


def _filled(template: str, base: str, query: str = "") -> str:
    """`template` with the names of the server's own address replaced."""
    address = urlsplit(base)
    for name, value in (
        ("base", base),
        ("origin", f"{address.scheme}://{address.netloc}"),
        ("host", address.hostname or ""),
        ("port", str(address.port or "")),
        ("query", query),
    ):
        template = template.replace("{" + name + "}", value)
    return template


def _links(action: Link, ask: Ask, reply: Reply, searches: Searches) -> list[Resource]:
    links = [dict(link) for link in (reply.resource or {}).get("link", [])]
    urls = {link["relation"]: link["url"] for link in links}
    match action.to:
        case "none":
            url = ""
        case "start":
            url = urls["self"]
        case "self":
            url = f"{ask.base}/{ask.path}".rstrip("/") + (
                f"?{urlencode(ask.query)}" if ask.query else ""
            )
        case "expired":
            url = f"{ask.base}?{PAGE}=expired"
        case "endless":
            url = f"{ask.base}?{PAGE}={searches.repeat(reply)}"
        case template:
            url = _filled(template, ask.base, urlsplit(urls.get("next", "")).query)
    kept = [link for link in links if link["relation"] != "next"]
    return [*kept, {"relation": "next", "url": url}] if url else kept


def _without(action: SelfLink, links: list[Resource]) -> Iterator[Resource]:
    for link in links:
        if link["relation"] != "self":
            yield link
        elif action.without:
            path, _, query = link["url"].partition("?")
            kept = [
                (name, value)
                for name, value in parse_qsl(query, keep_blank_values=True)
                if name.partition(":")[0] not in action.without
            ]
            yield {**link, "url": f"{path}?{urlencode(kept)}" if kept else path}


def _entries(action: Entries, entries: list[Resource], base: str) -> Iterator[Resource]:
    kept = [] if action.empty else entries[: len(entries) - action.drop]
    for number, entry in enumerate(kept):
        changed = entry
        if action.subject and number == 0:
            resource = dict(entry["resource"])
            element = next((name for name in ("subject", "patient") if name in resource), "subject")
            changed = {
                **entry,
                "resource": {**resource, element: {"reference": action.subject}},
            }
        yield changed
        if action.duplicate:
            yield changed
    for added in action.add:
        url = f"{base}/{added.get('resourceType')}/{added.get('id')}"
        yield {"fullUrl": url, "resource": added, "search": {"mode": "match"}}
    if action.outcome:
        outcome = operation_outcome(action.severity, action.code, action.outcome)
        yield {"resource": outcome, "search": {"mode": "outcome"}}


def _edited(resource: Resource, action: Edit) -> Resource:
    copy = deepcopy(resource)
    for path in action.remove:
        holder, last = _holder(copy, path)
        if isinstance(holder, dict):
            holder.pop(last, None)
    for path, value in action.set.items():
        holder, last = _holder(copy, path)
        if holder is not None:
            holder[last] = deepcopy(value)
    return copy


def _holder(value: Any, path: str) -> tuple[Any, Any]:
    """What holds the last step of a path, and that step; (None, step) where the path ends early."""
    steps = [name or int(number) for name, number in _STEP.findall(path)]
    for step in steps[:-1]:
        present = step in value if isinstance(value, dict) else int(step) < len(value)
        if not present:
            return None, steps[-1]
        value = value[step]
    return value, steps[-1]
