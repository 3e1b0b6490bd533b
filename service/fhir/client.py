"""A FHIR server as Concord uses it: capabilities, search, read, history, and the three writes.

Reads are retried within the source's budget; writes never: what became of one is told by the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import msgspec

from service.errors import SourceInvalid, SourceRefused, SourceUnavailable, WriteRejected
from service.fhir import bundle as bundles
from service.fhir.answer import Answer, EntryAnswer, answer_of, sent
from service.fhir.asking import Asking
from service.fhir.auth import Anonymous, Credentials
from service.fhir.body import json_text
from service.fhir.capability import Capabilities
from service.fhir.paging import Paging, SearchResult
from service.fhir.policy import Endpoint, literal
from service.fhir.pool import StraightClient
from service.fhir.release import READ, Release
from service.fhir.retry import RETRIED_STATUS
from service.fhir.search import NO_CACHE, page_through
from service.fhir.statement import Statement
from service.fhir.wire import FORM, Limits, Reply, Wire
from service.model.source import RawResource

__all__ = ["Answer", "EntryAnswer", "FhirClient"]

_NO_POST = frozenset({404, 405, 415, 501})
"""Answers by which servers refuse a search by POST as such."""


@dataclass(slots=True)
class FhirClient:
    """One source or target.

    Args:
        base_url: the FHIR base; every request stays below it.
        credentials: bound to this base.
        http: shared by all sources (`wire.http_client`).
    Raises: SettingsError when the address is none, or a credential would travel unencrypted.
    """

    base_url: str
    credentials: Credentials = field(default_factory=Anonymous)
    http: httpx.AsyncClient = field(kw_only=True)
    limits: Limits = field(default_factory=Limits)
    takes_post: bool = True
    wire: Wire = field(init=False, repr=False)
    _polite: Asking = field(init=False, repr=False)
    _statement: Statement = field(init=False, repr=False)

    def __post_init__(self) -> None:
        endpoint = Endpoint.parse(self.base_url)
        self.base_url = endpoint.base_url
        self.wire = Wire(endpoint, self.credentials, self.http, self.limits)
        self._polite = Asking(self.wire)
        self._statement = Statement(lambda deadline: self.get("metadata", deadline=deadline))

    @property
    def endpoint(self) -> Endpoint:
        return self.wire.endpoint

    @property
    def certificate_ends(self) -> datetime | None:
        """When the server's TLS certificate runs out, as it showed it last; None where unseen."""
        if isinstance(self.http, StraightClient):
            return self.http.certificate_ends(self.base_url)
        return None

    async def capabilities(self, *, deadline: float | None = None) -> Capabilities:
        """What the server says it can do, asked once an hour; unknown where it says nothing.

        Raises: SourceUnavailable when it does not answer at all, SourceInvalid when it names a
            release that Concord does not read.
        """
        return await self._statement.capabilities(deadline)

    @property
    def known(self) -> Capabilities | None:
        """The capabilities, where they were asked for within the last hour."""
        return self._statement.known

    async def search(
        self,
        resource_type: str,
        params: Sequence[tuple[str, str]],
        *,
        patients: frozenset[str] = frozenset(),
        deadline: float | None = None,
        ignored_outcomes: frozenset[str] = frozenset(),
        withheld_outcomes: frozenset[str] = frozenset(),
        self_link: bool = True,
        post: bool = False,
        fresh: bool = False,
    ) -> SearchResult:
        """All pages of a search, with the certificate of how complete they are. Never raises.

        Args:
            params: name and value in the order sent.
            patients: references ("Patient/17") of whom every match must be; empty checks nothing.
            deadline: moment of the event loop's clock after which the rest is given up.
            ignored_outcomes: vendor codes (OperationOutcome.issue.details) that mean no loss here.
            withheld_outcomes: vendor codes by which the server says that it leaves something out.
            self_link: False for a server known to send none.
            post: ask by POST, so that the parameters stand in no log of URLs; a server that
                refuses it is asked by GET, and from then on always.
            fresh: ask caches to stand aside, for looking up what may just have been written.
        """
        known = self.known

        def paging(*, by_post: bool) -> Paging:
            return Paging(
                resource_type,
                tuple(params),
                patients,
                expected=known.release if known and known.release in READ else Release.R4,
                offered=known.offers(resource_type) if known and known.types else None,
                ignored_outcomes=ignored_outcomes,
                withheld_outcomes=withheld_outcomes,
                self_link_required=self_link,
                post=by_post,
                fresh=fresh,
            )

        by_post = post and self.takes_post
        result = await page_through(self, paging(by_post=by_post), deadline)
        if by_post and result.status in _NO_POST:
            self.takes_post = False
            result = await page_through(self, paging(by_post=False), deadline)
        return result

    async def read(
        self, reference: str, *, fresh: bool = False, deadline: float | None = None
    ) -> Answer:
        """One resource, or the 404/410 that says it is not there.

        Args:
            fresh: ask caches to stand aside, for reading back what was just written.
        Raises: SourceUnavailable, SourceRefused (401, 403, an address elsewhere), SourceInvalid.
        """
        relative = self.endpoint.relative(reference)
        if relative is None:
            raise SourceRefused(f"the reference {reference[:80]!r} is not on this server")
        headers = NO_CACHE if fresh else None
        reply = await self.get(relative, headers=headers, deadline=deadline)
        if reply.status in {404, 410}:
            return answer_of(reply)
        self._must_be_ok(reply, relative)
        seen = bundles.peek(json_text(reply.body))
        if seen.resourceType != relative.partition("/")[0]:
            raise SourceInvalid(f"{relative}: {seen.resourceType[:40]} came instead")
        return answer_of(reply)

    async def history(self, reference: str) -> tuple[RawResource, ...]:
        """All versions of one resource, newest first.

        Raises: as `read`; SourceInvalid when the history is not whole.
        """
        relative = literal(reference)
        if relative is None:
            raise SourceRefused(f"the reference {reference[:80]!r} is none")
        found: list[RawResource] = []
        url: str | None = f"{relative}/_history"
        visited: set[str] = set()
        while url is not None:
            address = self.endpoint.admit(url)
            if address in visited or len(visited) >= self.limits.pages:
                raise SourceInvalid(f"{relative}: its history never ends")
            visited.add(address)
            reply = await self.get(address, headers=NO_CACHE)
            self._must_be_ok(reply, f"{relative}/_history")
            page = bundles.decode_bundle(reply.body)
            for entry in page.entries():
                if entry is None or not entry.resource:
                    continue
                body = bytes(entry.resource)
                found.append(bundles.raw_resource(bundles.peek(body), entry.fullUrl, body))
            url = page.link_to("next")
        return tuple(found)

    async def create(
        self,
        resource: Mapping[str, object],
        *,
        if_none_exist: str | None = None,
        idempotency: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST one resource; with `if_none_exist` (a query) 200 means that it was there already.

        Args:
            idempotency: the server's own header and key by which it takes it once only.
        Raises: WriteUnavailable (surely not written), WriteUnknown (the answer was lost),
            WriteConflict (409, 412), WriteRejected.
        """
        headers = {"If-None-Exist": if_none_exist} if if_none_exist else dict(idempotency or {})
        return await self._write("POST", str(resource["resourceType"]), headers, resource)

    async def update(
        self,
        resource: Mapping[str, object],
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        text: str = "",
    ) -> Answer:
        """PUT one resource under its id, on top of version `if_match` only.

        Args:
            text: its exact JSON, sent as it stands where every character counts.
            if_match: versionId that the person saw.
            if_none_match: "*" creates under our own id where nothing stands yet.
        Raises: as `create`.
        """
        headers: dict[str, str] = {}
        if if_match is not None:
            headers["If-Match"] = f'W/"{if_match}"'
        if if_none_match is not None:
            headers["If-None-Match"] = if_none_match
        target = literal(f"{resource['resourceType']}/{resource['id']}")
        if target is None:
            raise WriteRejected("the resource has no id that an address can carry")
        content = msgspec.Raw(text.encode()) if text else resource
        return await self._write("PUT", target, headers, content)

    async def transaction(self, bundle: Mapping[str, object]) -> Answer:
        """POST a transaction Bundle; `entries` tells what became of each part.

        Raises: as `create`; an inner status that is no success is left to the caller in `entries`.
        """
        return await self._write("POST", "", {}, bundle)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        form: str | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """The answer to a GET, after short retries; whatever status is left at the end.

        Args:
            deadline: moment of the event loop's clock beyond which nothing is waited for.
            form: search parameters; the search is then a POST, and they stand in no log of URLs.
            body: what an operation is asked that changes nothing, and may be asked again.
        Raises: SourceUnavailable (nothing answered), SourceRefused (address elsewhere),
            SourceInvalid (body broken, cut off or over the cap).
        """
        content = body if form is None else form.encode()
        return await self._polite.reply(
            "GET" if content is None else "POST",
            url,
            headers=dict(headers or {}) | ({"Content-Type": FORM} if form is not None else {}),
            content=content,
            latest=deadline or asyncio.get_running_loop().time() + self.limits.deadline_s,
        )

    def _must_be_ok(self, reply: Reply, what: str) -> None:
        if reply.status == 200:
            return
        message = f"{what}: {reply.words}"
        if reply.status in RETRIED_STATUS:
            raise SourceUnavailable(message)
        if reply.status in {401, 403} or 300 <= reply.status < 400:
            raise SourceRefused(message)
        raise SourceInvalid(message)

    async def _write(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        resource: Mapping[str, object] | msgspec.Raw,
    ) -> Answer:
        return await sent(self.wire, method, target, headers, msgspec.json.encode(resource))
