"""A server on which somebody else writes between our look at a resource and our write of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.fhir.client import Answer
from service.write.deliver.recipient import Recipient
from tests.write.bench import Bench


@dataclass(frozen=True)
class JustBefore:
    """The server, and what happens right before the list or a transaction is written."""

    server: Any
    happens: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    async def update(self, resource: Mapping[str, Any], **named: Any) -> Answer:
        if resource["resourceType"] == "List":
            self.happens()
        answer: Answer = await self.server.update(resource, **named)
        return answer

    async def create(self, resource: Mapping[str, Any], **named: Any) -> Answer:
        if resource["resourceType"] == "List":
            self.happens()
        answer: Answer = await self.server.create(resource, **named)
        return answer

    async def transaction(self, bundle: Any) -> Any:
        self.happens()
        return await self.server.transaction(bundle)


def with_somebody_else(bench: Bench, edits: Callable[[], None]) -> None:
    """From now on somebody else is quicker at each list and transaction."""
    ((name, before),) = bench.courier.recipients.items()
    late: Any = JustBefore(before.server, edits)
    bench.courier = replace(bench.courier, recipients={name: Recipient(late, before.target)})
