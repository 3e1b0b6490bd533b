"""A server as a recipient: its client, and what it lets us write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.fhir.capability import Capabilities
from service.fhir.client import Answer
from service.fhir.search import SearchResult
from service.model.review import PlannedWrite
from service.write.target import WriteTarget


class Server(Protocol):
    """What delivering needs of a FHIR client."""

    base_url: str

    async def search(
        self, resource_type: str, params: Sequence[tuple[str, str]], *, fresh: bool = False
    ) -> SearchResult: ...

    async def read(self, reference: str, *, fresh: bool = False) -> Answer: ...

    async def create(
        self,
        resource: Mapping[str, object],
        *,
        if_none_exist: str | None = None,
        idempotency: Mapping[str, str] | None = None,
    ) -> Answer: ...

    async def update(
        self,
        resource: Mapping[str, object],
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        text: str = "",
    ) -> Answer: ...

    async def transaction(self, bundle: Mapping[str, object]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """A server that is written to: its client, and what it takes."""

    server: Server
    target: WriteTarget


def write_target(
    name: str,
    base_url: str,
    allowed: Iterable[str],
    capabilities: Capabilities | None,
    *,
    unreachable: str = "",
    transaction_limit: int | None = None,
) -> WriteTarget:
    """What a server lets us write, from what the site switched on and what the server says.

    Args:
        allowed: the site's `write` list for this source.
        capabilities: None when the server could not be asked (`unreachable` says why).
        transaction_limit: what its vendor's profile says.
    """
    if capabilities is None:
        return WriteTarget(name, base_url, frozenset(allowed), unreachable=unreachable)
    types = capabilities.types
    return WriteTarget(
        name=name,
        base_url=base_url,
        allowed=frozenset(allowed),
        offered=frozenset(kind for kind in types if "create" in types[kind].interactions)
        if types
        else None,
        transactions="transaction" in capabilities.interactions,
        transaction_limit=transaction_limit,
        conditional=frozenset(kind for kind in types if types[kind].conditional_create),
        put_creates=frozenset(kind for kind in types if types[kind].update_create),
        version_guarded=frozenset(
            kind for kind in types if types[kind].versioning == "versioned-update"
        ),
    )


def repeatable(write: PlannedWrite, target: WriteTarget) -> bool:
    """Whether what was not found after its answer was lost may be sent once more."""
    return guarded(write, target) or bool(target.idempotency_header)


def guarded(write: PlannedWrite, target: WriteTarget) -> bool:
    """Whether sending it twice cannot write it twice on a server that keeps its word."""
    return bool(write.reference) or write.type in target.conditional | target.put_creates
