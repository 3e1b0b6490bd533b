"""The ASGI app of one sandbox server: FHIR under /fhir, its controls under /_sandbox."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.sandbox.exchange import Ask, Refusal, Reply, Resource, decode, encode
from service.sandbox.manners import Manners
from service.sandbox.rest import Rest
from service.sandbox.storage import Storage

BASE_PATH = "/fhir"
CONTENT_TYPE = "application/fhir+json; charset=utf-8"


class Sandbox:
    """One FHIR server in memory; an ASGI app.

    Args:
        manners: how it behaves.
        storage: what it holds; an empty storage of its own when not given.
    """

    def __init__(self, manners: Manners, storage: Storage | None = None) -> None:
        self.manners = manners
        self.storage = storage or Storage()
        self.rest = Rest(manners, self.storage)

    def load(self, resources: Iterable[Mapping[str, Any]]) -> int:
        """Puts resources in, each under its own id; returns how many. Nothing is refused."""
        return self.storage.load(resources)

    def load_folder(self, folder: Path) -> int:
        """Puts in every resource of the FHIR JSON files (Bundles, single, NDJSON) of a folder."""
        return self.load(resources_of(folder))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks HTTP, not {scope['type']}")
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if self.manners.latency_s:
            await asyncio.sleep(self.manners.latency_s)
        path = request.url.path
        if path != BASE_PATH and not path.startswith(BASE_PATH + "/"):
            refusal = Refusal(404, "not-found", f"the base of this server is {BASE_PATH}")
            reply = Reply(refusal.status, refusal.outcome())
        else:
            reply = self.rest.answer(asked(request, body))
        await response(request, reply)(scope, receive, send)


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


def response(request: Request, reply: Reply) -> Response:
    """The reply over HTTP, compressed when the client takes gzip."""
    headers = dict(reply.headers)
    body = b"" if reply.resource is None else encode(reply.resource)
    if body:
        headers["Content-Type"] = CONTENT_TYPE
    if body and "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        body = gzip.compress(body, 1, mtime=0)
    return Response(body, reply.status, headers)


def resources_of(folder: Path) -> Iterator[Resource]:
    """Every resource of the `.json` and `.ndjson` files below a folder, in the order of names.

    Raises: msgspec.DecodeError for a file that holds no JSON.
    """
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
