"""Which words go beside the resources of a plan or in their place; `fallback` has their shape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from service.write import care_plan, fallback, medication_list, task
from service.write.desk import Desk
from service.write.refusals import held_back
from service.write.target import INSTEAD
from service.write.wanted import Wanted


def messages(desk: Desk, going: Sequence[Wanted]) -> list[Wanted]:
    """A message for each Task that goes to somebody who is known on a care team."""
    return [
        Wanted(
            fallback.COMMUNICATION,
            fallback.message_key(desk, one.key),
            one.item,
            partial(_message, desk, one, beside=True),
        )
        for one in going
        if one.type == task.TYPE and one.item and _known(desk, one.item)
    ]


def substitutes(desk: Desk, planned: Sequence[Wanted]) -> list[Wanted]:
    """Words for what the server itself does not take, where the site lets them go there."""
    lacking = {
        kind
        for kind, other in INSTEAD.items()
        if desk.target.lacks(kind) and not desk.target.refusal(other) and not held_back(desk, kind)
    }
    told = [
        Wanted(
            fallback.COMMUNICATION,
            fallback.message_key(desk, one.key),
            one.item,
            partial(_message, desk, one, beside=False),
        )
        for one in planned
        if one.type == task.TYPE and one.item and task.TYPE in lacking
    ]
    parts = [
        one
        for one in planned
        if one.type in lacking and one.type in {medication_list.TYPE, care_plan.TYPE}
    ]
    if not parts:
        return told
    key = desk.standing_key(fallback.DOCUMENT)
    return [*told, Wanted(fallback.DOCUMENT, key, "", partial(_document, desk, parts))]


def stands_in(kind: str, sent: Iterable[str]) -> str:
    """That something else goes in its place, where it does."""
    other = INSTEAD.get(kind)
    return f"; a {other} goes instead" if other in set(sent) else ""


def _known(desk: Desk, item: str) -> bool:
    """Whether the decision gave it to somebody who is one person of a care team."""
    name = desk.covered[item].assigned_to
    return bool(name) and desk.member(name or "").keys() != {"display"}


def _message(desk: Desk, one: Wanted, *, beside: bool) -> dict[str, Any]:
    build = fallback.beside if beside else fallback.instead
    return build(desk, one.build())


def _document(desk: Desk, parts: Sequence[Wanted]) -> dict[str, Any]:
    built = [one.build() for one in parts]
    labels = frozenset(
        label["code"] for part in built for label in part["meta"].get("security", ())
    )
    return fallback.document(desk, built, labels)
