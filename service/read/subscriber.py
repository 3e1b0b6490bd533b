"""Looks for our Subscriptions on a server, and does about them what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import msgspec

from service.errors import SourceInvalid, SourceRefused, WriteConflict
from service.fhir.body import UNREADABLE
from service.fhir.client import Answer, FhirClient
from service.fhir.paging import SearchResult
from service.model.source import State
from service.read.subscription import Deed, Standing, Step, Wanted, Wish, standing, written

_KIND: Final = "Subscription"
_NO_SUCH_PARAMETER: Final = frozenset({400, 422, 501})


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One source's Subscriptions, as far as they are ours."""

    client: FhirClient
    wish: Wish

    async def found(self, want: Sequence[Wanted]) -> tuple[Standing, ...]:
        """Ours that stand on the server, whatever it answered to the same question a moment ago.

        Raises: SourceRefused where it has no Subscriptions, SourceInvalid where what stands there
            was not read whole: another one might then be made beside it.
        """
        known = await self.client.capabilities()
        if not known.offers(_KIND):
            raise SourceRefused("the CapabilityStatement offers no Subscription")
        held: dict[str, Standing] = {}
        for endpoint in sorted({self.wish.address, *(one.endpoint for one in want)}):
            result = await self.client.search(_KIND, [("url", endpoint)], fresh=True)
            if "url" in result.certificate.dropped or result.status in _NO_SUCH_PARAMETER:
                whole = await self.client.search(_KIND, [], fresh=True)
                return tuple(self._ours(whole))
            held |= {one.id: one for one in self._ours(result)}
        return tuple(held[id_] for id_ in sorted(held))

    def _ours(self, result: SearchResult) -> Iterable[Standing]:
        if result.certificate.state is not State.COMPLETE:
            reasons = "; ".join(result.certificate.reasons) or result.certificate.state.value
            raise SourceInvalid(f"the Subscriptions there were not read whole ({reasons})")
        for one in result.resources:
            try:
                content = msgspec.json.decode(one.body, type=dict)
            except UNREADABLE:
                continue
            ours = standing(self.wish, content, one.version)
            if ours is not None:
                yield ours

    async def do(self, step: Step, *, now: datetime) -> Standing | None:
        """Do one step; what stands there afterwards, as the server tells it.

        A creation carries If-None-Exist where the server can find by it, so that two of us make
        one. A change goes on top of the version that was seen where the server tells versions.
        Raises: SourceInvalid where the server took it for another one, WriteError.
        """
        if step.deed is Deed.KEEP:
            return step.standing
        resource = written(self.wish, step, now=now)
        if step.standing is not None:
            return _told(self.wish, await self._updated(resource, step.standing)) or step.standing
        offer = (await self.client.capabilities()).offer(_KIND)
        finds = offer.conditional_create and {"url", "criteria"} <= offer.search_params
        answer = await self.client.create(resource, if_none_exist=_once(step) if finds else None)
        made = _told(self.wish, answer)
        other = made is None or (step.wanted is not None and made.key != step.wanted.key)
        if other and answer.body.strip():
            raise SourceInvalid("the server took it for another Subscription")
        return made

    async def _updated(self, resource: dict[str, object], before: Standing) -> Answer:
        try:
            return await self.client.update(resource, if_match=before.version)
        except WriteConflict:
            # Servers change a Subscription's status by themselves at any moment: once more, on top.
            now = await self.client.read(f"{_KIND}/{before.id}", fresh=True)
            return await self.client.update(resource, if_match=now.version)


def _once(step: Step) -> str | None:
    """The query that finds the same one; None where a topic's filter, which none finds, tells."""
    want = step.wanted
    if want is None or want.topic:
        return None
    told = {"url": want.endpoint, "criteria:exact": want.criteria, "status": "requested,active"}
    return urlencode(told)


def _told(wish: Wish, answer: Answer) -> Standing | None:
    try:
        content = msgspec.json.decode(answer.body, type=dict)
    except UNREADABLE:
        return None
    return standing(wish, content, answer.version)
