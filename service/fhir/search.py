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

NO_CACHE = {"Cache-Control": "no-cache"}

_EMPTY_IN_A_ROW = 3
_SEARCH_PATH = "/_search"
_URI_TOO_LONG = 414


class PageSource(Protocol):
    """The part of a client that paging needs."""

    @property
    def endpoint(self) -> Endpoint: ...

    limits: Limits

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        form: str | None = None,
    ) -> Reply: ...


async def page_through(client: PageSource, paging: Paging, deadline: float | None) -> SearchResult:
    """Fetch page after page until the end, a reason to stop, or the deadline."""
    try:
        async with asyncio.timeout_at(deadline):
            await _pages(client, paging, deadline)
            if paging.total is None and paging.pages > 1:
                await _count(client, paging, deadline)
        paging.finish()
    except TimeoutError:
        paging.pages = max(1, paging.pages)
        paging.doubt(paging.told("not read before the source's deadline"))
    except Stop as stop:
        paging.status = stop.status
        paging.doubt(stop.reason, stop.state)
    return paging.result()


async def _pages(client: PageSource, paging: Paging, deadline: float | None) -> None:
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
        page = await _page(client, paging, address, deadline)
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


async def _page(
    client: PageSource, paging: Paging, address: str, deadline: float | None
) -> Bundle | None:
    """The decoded page; None when its link has expired and the search may begin again.

    Raises: Stop with the state that the answer means.
    """
    first = paging.pages == 1
    try:
        reply = await _asked(client, paging, address, deadline)
    except SourceError as error:
        raise Stop(paging.told(error.message)) from None
    if reply.status == 200:
        if bundles.whole_characters(reply.body) != reply.body:
            paging.notes.append(paging.told("half of a character was replaced by U+FFFD"))
        try:
            page = bundles.decode_bundle(reply.body)
        except SourceInvalid as error:
            raise Stop(paging.told(error.message), _state_of_body(reply)) from None
        if page.entry is not None and len(page.entry) > client.limits.page_entries:
            raise Stop(paging.told(f"more than {client.limits.page_entries} entries on one page"))
        return page
    if reply.status in {404, 410} and not first and not paging.restarted:
        return None
    state = State.PARTIAL
    reason = paging.told(_why(reply))
    if reply.status in {401, 403} and paging.used == 0:
        state = State.WITHHELD
    elif reply.status == 404 and first and paging.may_be_missing(reply.body):
        state = State.NOT_OFFERED
    raise Stop(reason, state, reply.status)


async def _asked(client: PageSource, paging: Paging, address: str, deadline: float | None) -> Reply:
    """The answer to one page; by POST where the search, its link or its length demands it.

    Some servers give links from a POST that work by POST only (microsoft/fhir-server issue 1115),
    others links that are too long for their own GET (issue 2250).
    """
    where, _, query = address.partition("?")
    headers = NO_CACHE if paging.fresh else None
    search = f"{where}{_SEARCH_PATH}"
    if where.endswith(_SEARCH_PATH):
        form = query or paging.query
        return await client.get(where, headers=headers, deadline=deadline, form=form)
    if paging.post and paging.pages == 1:
        return await client.get(search, headers=headers, deadline=deadline, form=paging.query)
    reply = await client.get(address, headers=headers, deadline=deadline)
    if reply.status == _URI_TOO_LONG:
        return await client.get(search, headers=headers, deadline=deadline, form=query)
    return reply


async def _count(client: PageSource, paging: Paging, deadline: float | None) -> None:
    """Ask for the number alone, where several pages came and none of them told a total.

    An entry that moved to a page already read, while others were added or removed, is missed by
    any client that pages; only the number tells. A server that cannot count leaves it unknown.
    """
    address = client.endpoint.admit(paging.counting_url)
    try:
        reply = await client.get(address, deadline=deadline)
        counted = bundles.decode_bundle(reply.body) if reply.status == 200 else None
    except SourceError:
        return
    if counted is not None and counted.type == "searchset" and not counted.entry:
        paging.total = counted.total


def _state_of_body(reply: Reply) -> State:
    """A refusal dressed as a 200 is a refusal."""
    codes = {issue.code for issue in issues(reply.body)}
    return State.WITHHELD if codes & WITHHELD_CODES else State.PARTIAL


def _why(reply: Reply) -> str:
    told = "; ".join(issue.text for issue in issues(reply.body)[:3])
    if reply.wait:
        told = f"{told}; " * bool(told) + f"it asks for a pause of {reply.wait:.0f} s"
    if reply.status == 304:
        return f"{reply.words}, although nothing was kept"
    if 300 <= reply.status < 400:
        return f"{reply.words}, a redirect that is not followed"
    if reply.status == 204:
        return f"{reply.words} instead of a Bundle"
    return f"{reply.words} ({told})" if told else reply.words
