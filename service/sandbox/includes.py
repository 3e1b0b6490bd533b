"""What `_include` and `_revinclude` add to a page of matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.sandbox.exchange import Refusal
from service.sandbox.parameters import Parameter, parameters
from service.sandbox.references import local_reference
from service.sandbox.search import matches, values
from service.sandbox.storage import Storage, Version


def included(
    storage: Storage, matched: Sequence[Version], asked: Sequence[tuple[str, str]], base: str
) -> list[Version]:
    """The resources to add, without repeats and without those that matched.

    Args:
        asked: ("_include" or "_revinclude", "Type:parameter" or "Type:parameter:Target").
    Raises: Refusal 400 for what is no reference parameter.
    """
    found: dict[str, Version] = {}
    for kind, value in asked:
        type_, _, rest = value.partition(":")
        name, _, target = rest.partition(":")
        parameter = parameters(type_).get(name)
        if parameter is None or parameter.kind != "reference":
            raise Refusal(400, "not-supported", f"{kind}: {value} is not supported")
        if kind == "_include":
            targets = _targets(storage, parameter, [v for v in matched if v.type == type_], base)
        else:
            targets = _sources(storage, parameter, type_, matched, base)
        found.update((v.reference, v) for v in targets if target in ("", v.type))
    for version in matched:
        found.pop(version.reference, None)
    return list(found.values())


def _targets(
    storage: Storage, parameter: Parameter, holders: Sequence[Version], base: str
) -> Iterator[Version]:
    for holder in holders:
        for path in parameter.paths:
            for item in values(holder.resource, path):
                text = item.get("reference") if isinstance(item, dict) else None
                type_, _, id_ = local_reference(str(text), base).partition("/")
                version = storage.current(type_, id_)
                if version is not None and version.resource is not None:
                    yield version


def _sources(
    storage: Storage, parameter: Parameter, type_: str, matched: Sequence[Version], base: str
) -> Iterator[Version]:
    wanted = ",".join(version.reference for version in matched)
    for version in storage.live(type_):
        if wanted and version.resource and matches(version.resource, parameter, "", wanted, base):
            yield version
