"""The ASGI app of one sandbox server: FHIR under /fhir, its controls under /_sandbox."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.sandbox.access import Gate
from service.sandbox.capability import TOKEN_PATH
from service.sandbox.exchange import Ask, Refusal, Reply, Resource, decode, encode
from service.sandbox.faults import (
    Action,
    Content,
    Drip,
    Fault,
    Faults,
    Reset,
    Truncate,
    read_faults,
)
from service.sandbox.log import RequestLog
from service.sandbox.manners import Manners
from service.sandbox.mischief import answers_instead, rewritten, spoiled
from service.sandbox.rest import Rest
from service.sandbox.storage import Storage
from service.sandbox.subscriptions import Subscriptions
from service.sandbox.wire import deliver

CONTROL_PATH = "/_sandbox/"
BASE_PATH = "/fhir"
_ASKING = ("/_search", "/$match", TOKEN_PATH)
"""Ends of paths to which a POST changes nothing."""
CONTENT_TYPE = "application/fhir+json; charset=utf-8"


class Sandbox:
    """One FHIR server in memory; an ASGI app.

    Args:
        manners: how it behaves.
        storage: what it holds; an empty storage of its own when not given.

    `faults` are what goes wrong next, `log` is what was asked, `gate` knows the tokens,
    `subscriptions` tell whoever subscribed of what was written. The first two as well
    over HTTP: GET, POST (JSON) and DELETE on /_sandbox/faults, GET and DELETE on /_sandbox/log,
    DELETE on /_sandbox/links and /_sandbox/tokens.
    """

    def __init__(self, manners: Manners, storage: Storage | None = None) -> None:
        self.manners = manners
        self.storage = storage or Storage()
        self.rest = Rest(manners, self.storage)
        self.gate = Gate(manners.access, self.storage.clock)
        self.faults = Faults()
        self.log = RequestLog()
        self.subscriptions = Subscriptions(self.storage)
        self._telling: set[asyncio.Task[None]] = set()

    def load(self, resources: Iterable[Mapping[str, Any]]) -> int:
        """Puts resources in, each under its own id; returns how many. Nothing is refused."""
        return self.storage.load(resources)

    def load_folder(self, folder: Path) -> int:
        """Puts in every resource of the FHIR JSON files (Bundles, single, NDJSON) of a folder."""
        return self.load(resources_of(folder))

    def expire_links(self) -> None:
        """From now on every `next` link that was given out answers 410."""
        self.rest.searches.expire_links()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks HTTP, not {scope['type']}")
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if request.url.path.startswith(CONTROL_PATH):
            await self._control(request, body)(scope, receive, send)
            return
        seen = self.log.add(request, time.monotonic())
        if self.manners.latency_s:
            await asyncio.sleep(self.manners.latency_s)
        reply, fault = self._answer(request, body)
        if self.subscriptions.waiting:
            telling = asyncio.create_task(self.subscriptions.deliver())
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        seen.status = reply.status
        seen.fault = type(fault.action).__name__ if fault else ""
        action = fault.action if fault else None
        await deliver(action, response(request, reply, action), scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> tuple[Reply, Fault | None]:
        """The reply and the fault that befell it.

        A fault that befalls a write is found before the write is done, since it may keep it from
        being done; one that befalls a read afterwards, since it may aim at a page.
        """
        ask, path = asked(request, body), request.url.path
        writes = ask.method not in ("GET", "HEAD") and not path.endswith(_ASKING)
        fault = self.faults.pick(ask.method, path, ask.type, 0, 0) if writes else None
        if writes and answers_instead(fault):
            reply = Reply(503)
        else:
            reply = self._rightly(request, ask, fault)
        if not writes:
            type_ = reply.type or ask.type
            fault = self.faults.pick(ask.method, path, type_, reply.page, reply.pages)
        if fault is not None:
            reply = spoiled(fault, ask, reply, self.rest.searches)
        return reply, fault

    def _rightly(self, request: Request, ask: Ask, fault: Fault | None) -> Reply:
        """What a server without faults answers, but for one that rewrites what it is sent."""
        path = request.url.path
        if path == TOKEN_PATH and ask.method == "POST":
            return self.gate.token(ask.body, str(request.url))
        try:
            if path != BASE_PATH and not path.startswith(BASE_PATH + "/"):
                raise Refusal(404, "not-found", f"the base of this server is {BASE_PATH}")
            if not self.rest.exports.is_open(ask):
                scopes = self.gate.scopes(ask.path, request.headers.get("authorization", ""))
                ask = replace(ask, scopes=scopes)
            ask = rewritten(fault, ask)
        except Refusal as refusal:
            challenge = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
            return Reply(refusal.status, refusal.outcome(), challenge)
        return self.rest.answer(ask)

    def _control(self, request: Request, body: bytes) -> Response:
        """What tests and people do to the server itself; only JSON is taken, so no web form can."""
        match (request.method, request.url.path.removeprefix(CONTROL_PATH)):
            case ("GET", "faults"):
                return _json(self.faults.waiting)
            case ("POST", "faults") if "json" in request.headers.get("content-type", ""):
                try:
                    self.faults.add(*read_faults(decode(body)))
                except msgspec.DecodeError as error:
                    return _json({"error": str(error)}, 400)
                return _json(self.faults.waiting, 201)
            case ("DELETE", "faults"):
                self.faults.clear()
            case ("GET", "log"):
                return _json(list(self.log))
            case ("DELETE", "log"):
                self.log.clear()
            case ("DELETE", "links"):
                self.expire_links()
            case ("DELETE", "tokens"):
                self.gate.revoke()
            case _:
                return _json({"error": "there is no such control"}, 404)
        return Response(status_code=204)


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")


def asked(request: Request, body: bytes) -> Ask:
    """The request as an interaction below the base."""
    url = request.url
    return Ask(
        method=request.method,
        path=url.path.removeprefix(BASE_PATH).strip("/"),
        base=f"{url.scheme}://{url.netloc}{BASE_PATH}",
        query=tuple(parse_qsl(url.query, keep_blank_values=True)),
        headers=dict(request.headers),
        body=body,
    )


def response(request: Request, reply: Reply, action: Action | None = None) -> Response:
    """The reply over HTTP, compressed when the client takes gzip and no fault needs it plain."""
    # A browser shows application/json and offers application/fhir+json as a download.
    browser = "text/html" in request.headers.get("accept", "")
    headers = {"Content-Type": "application/json" if browser else CONTENT_TYPE, **reply.headers}
    body = reply.text.encode() if reply.resource is None else encode(reply.resource)
    if not body:
        headers.pop("Content-Type")
    plain = isinstance(action, Content | Drip | Truncate | Reset)
    if body and not plain and "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        body = gzip.compress(body, 1, mtime=0)
    return Response(body, reply.status, headers)


def resources_of(folder: Path) -> Iterator[Resource]:
    """Every resource of the `.json` and `.ndjson` files below a folder, in the order of names.

    Raises: NotADirectoryError, msgspec.DecodeError for a file that holds no JSON.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder of fixture files")
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".ndjson":
            for line in path.read_bytes().splitlines():
                if line.strip():
                    yield from _unpacked(decode(line))
        elif path.suffix == ".json":
            yield from _unpacked(decode(path.read_bytes()))


def _unpacked(value: Any) -> Iterator[Resource]:
    if isinstance(value, list):
        for item in value:
            yield from _unpacked(item)
    elif isinstance(value, dict) and value.get("resourceType") == "Bundle":
        for entry in value.get("entry") or []:
            if isinstance(entry, dict) and "resource" in entry:
                yield from _unpacked(entry["resource"])
    elif isinstance(value, dict):
        yield value
