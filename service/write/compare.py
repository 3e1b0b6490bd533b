"""Whether a server keeps what was sent: every element of ours, by value, wherever it came to stand,
and what stands there that was not sent.

A server may add (id, meta, narrative of its own, server-side extensions). It may not change a dose,
drop an extension, lead a reference elsewhere, or add what changes the meaning. A reference may lose
the version that it names where an identifier beside it keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from html import unescape
from typing import Any

_OURS_TO_IGNORE = frozenset({"id", "meta", "text"})
_CHANGES_MEANING = frozenset({"modifierExtension", "implicitRules"})
_APART = frozenset({"resourceType", "id", "meta", "text"})
_MARKUP = re.compile(r"<[^>]*>")


def differences(
    sent: Mapping[str, Any], kept: Mapping[str, Any], base_url: str = ""
) -> tuple[str, ...]:
    """Paths at which the server's resource is not what was sent; empty when it is.

    Args:
        base_url: the server's own base, that a relative reference may have been prefixed with.
    """
    return tuple(_resource(sent, kept, base_url.rstrip("/") + "/"))


def additions(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths of content that stands there and was not sent: the server's own, or somebody else's.

    Of meta only tags and labels count, of a narrative of ours its words.
    """
    mine, theirs = ({k: v for k, v in one.items() if k not in _APART} for one in (sent, kept))
    found = [*_more(mine, theirs, ""), *_tags(kept.get("meta", {}), sent.get("meta", {}))]
    rewritten = "text" in sent and _words(sent["text"]) != _words(kept.get("text", {}))
    return (*found, "text") if rewritten else tuple(found)


def _more(sent: object, kept: object, path: str) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(kept, dict):
        for name in sorted(kept.keys() - {"id"}):
            inside = f"{path}.{name}".lstrip(".")
            if name in sent:
                yield from _more(sent[name], kept[name], inside)
            else:
                yield inside
    elif isinstance(sent, list) and isinstance(kept, list):
        for number, (ours, theirs) in enumerate(zip(sent, kept, strict=False)):
            yield from _more(ours, theirs, f"{path}[{number}]")


def _words(narrative: Mapping[str, Any]) -> list[str]:
    """A narrative without its markup, which servers write in their own way."""
    return unescape(_MARKUP.sub(" ", str(narrative.get("div", "")))).split()


def _resource(sent: Mapping[str, Any], kept: Mapping[str, Any], base: str) -> Iterator[str]:
    for name in sorted(_CHANGES_MEANING & kept.keys() - sent.keys()):
        yield name
    for name, value in sent.items():
        if name == "text":
            if "text" not in kept:
                yield "text"
        elif name == "meta":
            yield from _tags(value, kept.get("meta", {}))
        elif name not in _OURS_TO_IGNORE:
            yield from _value(value, kept.get(name), name, base)


def _tags(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[str]:
    """Tags and labels are sets: of those that were sent each has to be kept, in any order."""
    for name in ("tag", "security"):
        held = {(one.get("system"), one.get("code")) for one in kept.get(name, [])}
        if {(one.get("system"), one.get("code")) for one in sent.get(name, [])} - held:
            yield f"meta.{name}"


def _value(sent: object, kept: object, path: str, base: str) -> Iterator[str]:
    if isinstance(sent, dict):
        if not isinstance(kept, dict):
            yield path
            return
        for name in sorted(_CHANGES_MEANING & kept.keys() - sent.keys()):
            yield f"{path}.{name}"
        for name, inner in sent.items():
            theirs = kept.get(name)
            if name == "reference" and _version_kept_beside(sent, theirs, base):
                continue
            yield from _value(inner, theirs, f"{path}.{name}", base)
    elif isinstance(sent, list):
        if not isinstance(kept, list) or len(kept) != len(sent):
            yield path
            return
        for number, (ours, theirs) in enumerate(zip(sent, kept, strict=True)):
            yield from _value(ours, theirs, f"{path}[{number}]", base)
    elif not _same(sent, kept, path, base):
        yield path


def _version_kept_beside(sent: Mapping[str, Any], kept: object, base: str) -> bool:
    """Whether a reference lost only the version that its identifier (compared by itself) names."""
    place, at, version = str(sent["reference"]).partition("/_history/")
    said = str(sent.get("identifier", {}).get("value", ""))
    if not at or not said.endswith(f"{place}/_history/{version}") or not isinstance(kept, str):
        return False
    return kept.removeprefix(base) == place.removeprefix(base)


def _same(sent: object, kept: object, path: str, base: str) -> bool:
    if sent == kept and isinstance(sent, bool) == isinstance(kept, bool):
        return True
    if isinstance(sent, bool) or isinstance(kept, bool):
        return False
    if isinstance(sent, int | float | Decimal) and isinstance(kept, int | float | Decimal):
        return _number(sent) == _number(kept)
    if not isinstance(sent, str) or not isinstance(kept, str):
        return False
    if path.endswith(".reference"):
        return kept.removeprefix(base) == sent.removeprefix(base)
    return _instant(sent) is not None and _instant(sent) == _instant(kept)


def _number(value: float | Decimal) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _instant(text: str) -> datetime | None:
    """The moment that a dateTime with a time zone names; None for everything else."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
