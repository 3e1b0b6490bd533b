"""One file of an export, streamed to disk: inflated piece by piece, capped, counted, hashed.

A file has its name only when it came whole; before that it is called NAME.part.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedIOBase
from pathlib import Path

import httpx

from service.errors import SourceInvalid, SourceRefused
from service.fhir.body import ACCEPT_ENCODING
from service.fhir.retry import RETRIED_STATUS, Again
from service.fhir.wire import Reply, Wire

FILE_CAP = 64_000_000_000
"""Bytes of one file, inflated, beyond which it is not read."""
_PIECE = 1 << 20
_SILENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A whole file: `bytes` on disk, `sha256` of its content (inflated), its `lines`."""

    bytes: int
    sha256: str
    lines: int


async def download(wire: Wire, url: str, target: Path, *, cap: int = FILE_CAP) -> Downloaded:
    """Fetches one file; a name that ends in .gz is written compressed.

    Raises: Again (may come when asked again), SourceRefused, SourceInvalid (over the cap, broken).
    """
    address = wire.endpoint.admit(url)
    authorization = await wire.credentials.header(wire.http, wire.endpoint)
    try:
        return await _fetched(wire, address, authorization, target, cap)
    except _Unauthorized:
        if authorization is None or not wire.credentials.forget(authorization):
            raise SourceRefused("401 Unauthorized") from None
    authorization = await wire.credentials.header(wire.http, wire.endpoint)
    try:
        return await _fetched(wire, address, authorization, target, cap)
    except _Unauthorized:
        raise SourceRefused("401 Unauthorized") from None


class _Unauthorized(Exception):
    """The token was refused; another one may do."""


async def _fetched(
    wire: Wire, address: str, authorization: str | None, target: Path, cap: int
) -> Downloaded:
    headers = {"Accept": "application/fhir+ndjson", "Accept-Encoding": ACCEPT_ENCODING}
    if authorization is not None:
        headers["Authorization"] = authorization
    timeout = httpx.Timeout(_SILENCE_S, connect=wire.limits.connect_s)
    request = wire.http.build_request("GET", address, headers=headers, timeout=timeout)
    try:
        response = await wire.http.send(request, stream=True, follow_redirects=False, auth=None)
        try:
            _must_be_a_file(response)
            return await _kept(response, target, cap)
        finally:
            await response.aclose()
    except httpx.ConnectError:
        raise Again("no connection") from None
    except (httpx.TransportError, httpx.StreamError):
        raise Again("the connection was lost before the file was whole") from None


def _must_be_a_file(response: httpx.Response) -> None:
    reply = Reply(response.status_code, dict(response.headers), b"")
    if reply.status == 200:
        return
    if reply.status == 401:
        raise _Unauthorized
    if reply.status in RETRIED_STATUS:
        raise Again(reply.words, reply.wait)
    raise SourceRefused(reply.words)


async def _kept(response: httpx.Response, target: Path, cap: int) -> Downloaded:
    unfinished = target.with_name(f"{target.name}.part")
    digest, size, lines, last = sha256(), 0, 0, b"\n"
    with unfinished.open("wb") as raw:
        packed = target.suffix == ".gz"
        file = gzip.GzipFile("", "wb", 6, raw, mtime=0) if packed else raw
        async for piece in _inflated(response):
            size += len(piece)
            if size > cap:
                raise SourceInvalid(f"larger than the cap of {cap / 1e9:g} GB")
            file.write(piece)
            digest.update(piece)
            lines += piece.count(b"\n")
            last = piece[-1:] or last
        if packed:
            file.close()
        raw.flush()
        os.fsync(raw.fileno())
        stored = raw.tell()
    unfinished.replace(target)
    return Downloaded(stored, digest.hexdigest(), lines + (last != b"\n"))


async def _inflated(response: httpx.Response) -> AsyncIterator[bytes]:
    """The content of a response in pieces of at most a megabyte, whatever it inflates to."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise SourceInvalid("the answer cannot be streamed")
    if encoding in {"", "identity"}:
        async for chunk in stream:
            yield chunk
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise SourceInvalid(f"the content encoding {encoding[:20]!r} was never asked for")
    inflater = _Inflater()
    async for chunk in stream:
        for piece in inflater.pieces(chunk):
            yield piece
    inflater.close()


class _Inflater:
    """gzip (with members) or zlib, a piece at a time."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._started = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        piece = b""
        # A piece of full size may leave more behind, even when all of the chunk was taken in.
        while chunk or len(piece) == _PIECE:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            self._started = True
            try:
                piece = self._inflater.decompress(chunk, _PIECE)
            except zlib.error:
                raise SourceInvalid("the compressed file is broken") from None
            if piece:
                yield piece
            chunk = self._inflater.unconsumed_tail or self._inflater.unused_data

    def close(self) -> None:
        if self._started and not self._inflater.eof:
            raise Again("the compressed file ends too early")


def content(path: Path) -> Iterator[bytes]:
    """What a downloaded file holds, in pieces."""
    file: BufferedIOBase
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def is_whole(path: Path, expected: Downloaded) -> bool:
    """Whether the file stands there as it was downloaded."""
    try:
        if path.stat().st_size != expected.bytes:
            return False
        digest = sha256()
        for piece in content(path):
            digest.update(piece)
    except (OSError, EOFError, zlib.error):
        return False
    return digest.hexdigest() == expected.sha256
