"""A search through all its pages: fetching them, and when to stop.

What a page must be to count is decided in `paging.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from service.errors import SourceError, SourceInvalid
from service.fhir import bundle as bundles
from service.fhir.bundle import Bundle
from service.fhir.outcome import issues
from service.fhir.paging import WITHHELD_CODES, Paging, SearchResult, Stop
from service.fhir.policy import Endpoint
from service.fhir.wire import Limits, Reply
from service.model.source import State

__all__ = ["PageSource", "SearchResult", "page_through"]

_EMPTY_IN_A_ROW = 3


class PageSource(Protocol):
    """The part of a client that paging needs."""

    @property
    def endpoint(self) -> Endpoint: ...

    limits: Limits

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply: ...


async def page_through(client: PageSource, paging: Paging, deadline: float | None) -> SearchResult:
    """Fetch page after page until the end, a reason to stop, or the deadline."""
    try:
        async with asyncio.timeout_at(deadline):
            await _pages(client, paging)
        paging.finish()
    except TimeoutError:
        paging.pages += 1
        paging.doubt(paging.told("not read before the source's deadline"))
    except Stop as stop:
        paging.status = stop.status
        paging.doubt(stop.reason, stop.state)
    return paging.result()


async def _pages(client: PageSource, paging: Paging) -> None:
    url: str | None = paging.first_url
    visited: set[str] = set()
    fruitless = 0
    while url is not None:
        paging.pages += 1
        try:
            address = client.endpoint.admit(url)
        except SourceError as error:
            raise Stop(paging.told(error.message)) from None
        if address in visited:
            raise Stop(paging.told("the next links go round in a circle"))
        visited.add(address)
        page = await _page(client, paging, address)
        if page is None:
            paging.restart()
            url, fruitless = paging.first_url, 0
            visited.clear()
            continue
        fruitless = 0 if paging.take(page, client.endpoint) else fruitless + 1
        url = page.link_to("next")
        if url is None:
            return
        if fruitless >= _EMPTY_IN_A_ROW:
            raise Stop(paging.told("page after page without anything new"))
        if paging.pages >= client.limits.pages:
            raise Stop(paging.told(f"more than {client.limits.pages} pages"))
        if paging.entries >= client.limits.entries:
            raise Stop(paging.told(f"more than {client.limits.entries} entries"))


async def _page(client: PageSource, paging: Paging, address: str) -> Bundle | None:
    """The decoded page; None when its link has expired and the search may begin again.

    Raises: Stop with the state that the answer means.
    """
    first = paging.pages == 1
    try:
        reply = await client.get(address)
    except SourceError as error:
        raise Stop(paging.told(error.message)) from None
    if reply.status == 200:
        try:
            return bundles.decode_bundle(reply.body)
        except SourceInvalid as error:
            raise Stop(paging.told(error.message), _state_of_body(reply)) from None
    if reply.status in {404, 410} and not first and not paging.restarted:
        return None
    state = State.PARTIAL
    reason = paging.told(_why(reply))
    if reply.status in {401, 403} and paging.used == 0:
        state = State.WITHHELD
    elif reply.status == 404 and first and paging.may_be_missing(reply.body):
        state = State.NOT_OFFERED
    raise Stop(reason, state, reply.status)


def _state_of_body(reply: Reply) -> State:
    """A refusal dressed as a 200 is a refusal."""
    codes = {issue.code for issue in issues(reply.body)}
    return State.WITHHELD if codes & WITHHELD_CODES else State.PARTIAL


def _why(reply: Reply) -> str:
    told = "; ".join(issue.text for issue in issues(reply.body)[:3])
    if 300 <= reply.status < 400:
        return f"{reply.words}, a redirect that is not followed"
    if reply.status == 204:
        return f"{reply.words} instead of a Bundle"
    return f"{reply.words} ({told})" if told else reply.words
