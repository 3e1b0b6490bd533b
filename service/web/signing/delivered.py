"""Where a signed plan stands, server by server, in words that never claim more than is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.store.delivery import Delivery
from service.web.language import say

STATES = {
    "planned": "waits for its turn",
    "sending": "is being sent",
    "conflict": "somebody changed it there meanwhile",
    "needs-review": "needs a look at the server",
    "done": "written and read back",
    "refused": "the server said no",
    "dead": "given up: the server was down too long",
    "cancelled": "not sent any more",
}
"""Each state of a delivery in words."""

SKIPPED = "not sent there, as was said before signing"


def row(delivery: Delivery, sources: Mapping[str, str]) -> dict[str, Any]:
    """One write; `href` leads to the resource on its server, "" before it stands there.

    `skipped` is what was never to be sent there, because the server does not take it.
    """
    base = sources.get(delivery.target, "")
    skipped = not delivery.resource
    return {
        "target": delivery.target,
        "type": delivery.type,
        "state": delivery.state.value,
        "skipped": skipped,
        "words": SKIPPED if skipped else STATES[delivery.state.value],
        "reference": delivery.location,
        "version": delivery.version or "",
        "href": f"{base}/{delivery.location}" if base and delivery.location else "",
        "reason": delivery.reason,
        "changed_at": delivery.changed_at,
    }


def pending(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a page has something to wait for."""
    return any(one["state"] in {"planned", "sending"} for one in rows)


def by_target(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Each server, how it stands in a word ("good", "busy" or "bad"), and the same in words."""
    states: dict[str, set[str]] = {}
    for one in rows:
        of_target = states.setdefault(one["target"], set())
        if not one["skipped"]:
            of_target.add(one["state"])
    return [(target, *_stands(found)) for target, found in sorted(states.items())]


def _stands(states: set[str]) -> tuple[str, str]:
    if not states:
        return "bad", say("nothing was sent: it takes none of this")
    if states == {"done"}:
        return "good", say("written")
    if states & {"planned", "sending"}:
        return "busy", say("being written")
    if "conflict" in states:
        return "bad", say("changed there meanwhile; look at it, decide and sign again")
    if "done" in states:
        return "bad", say("partly written; the rest needs a person")
    told = ", ".join(say(state) for state in sorted(states))
    return "bad", say("not written: {states}", states=told)
