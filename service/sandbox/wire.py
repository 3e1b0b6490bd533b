"""Connections that break, stall or never end, and bodies that no client should read whole.

ASGI cannot break a connection, so `run.OpenProtocol` hands over the connection's transport. Without
it (the app called in the process, without a socket) a break is a ConnectionResetError.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Iterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from service.sandbox.faults import Action, Content, Delay, Drip, Hang, Reset, Truncate

TRANSPORT = "concord.sandbox.transport"
_CHUNK = 1 << 16
_AT_ONCE = 500
_ON_THE_WAY_S = 0.05
_JSON = "application/fhir+json; charset=utf-8"


async def deliver(
    action: Action | None, answer: Response, scope: Scope, receive: Receive, send: Send
) -> None:
    """Sends the answer as the action has it; actions that spoil only the content change nothing.

    Raises: ConnectionResetError where there is no connection to break.
    """
    match action:
        case Hang():
            await _until_gone(receive, action.seconds)
            await _break(scope, receive, b"", rst=False)
        case Delay():
            await asyncio.sleep(action.seconds)
            await answer(scope, receive, send)
        case Drip():
            await _drip(action, answer, scope, receive, send)
        case Reset(at="request"):
            await _break(scope, receive, b"", rst=True)
        case Reset():
            head = _head(answer, "content-length")
            body = bytes(answer.body)
            cut = {"header": head[:20], "headers": head, "body": head + body[: len(body) // 2]}
            await _break(scope, receive, cut[action.at], rst=True)
        case Truncate():
            await _truncate(action, answer, scope, receive)
        case Content():
            await spoiled_body(action, answer)(scope, receive, send)
        case _:
            await answer(scope, receive, send)


def _head(answer: Response, *names: str, length: int | None = None, more: str = "") -> bytes:
    """Status line and headers; Content-Length only where `names` has it, or as `length` says."""
    lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}"]
    for name, value in answer.headers.items():
        if name != "content-length" or ("content-length" in names and length is None):
            lines.append(f"{name}: {value}")
    if length is not None:
        lines.append(f"content-length: {length}")
    return ("\r\n".join([*lines, *([more] if more else [])]) + "\r\n\r\n").encode("latin-1")


async def _until_gone(receive: Receive, seconds: float) -> None:
    """Waits until the client hangs up, at most so long."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return


async def _break(scope: Scope, receive: Receive, sent: bytes, *, rst: bool) -> None:
    """Writes raw bytes and ends the connection, with RST or with FIN."""
    transport = scope.get("extensions", {}).get(TRANSPORT)
    if transport is None:
        raise ConnectionResetError("the sandbox server has broken the connection")
    if sent:
        transport.write(sent)
        await asyncio.sleep(_ON_THE_WAY_S)
    if rst and not transport.is_closing():
        # SO_LINGER with zero seconds: close sends RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    await _until_gone(receive, 10)


async def _truncate(action: Truncate, answer: Response, scope: Scope, receive: Receive) -> None:
    body = bytes(answer.body)
    half = body[: len(body) // 2]
    match action.how:
        case "longer":
            await _break(scope, receive, _head(answer, length=len(body)) + half, rst=False)
        case "shorter":
            await _break(scope, receive, _head(answer, length=len(half)) + body, rst=False)
        case "chunked":
            head = _head(answer, more="transfer-encoding: chunked")
            chunk = f"{len(body):x}\r\n".encode() + half
            await _break(scope, receive, head + chunk, rst=False)
        case "stall":
            transport = scope.get("extensions", {}).get(TRANSPORT)
            if transport is not None:
                transport.write(_head(answer, length=len(body)) + half)
                await _until_gone(receive, 3600)
            await _break(scope, receive, b"", rst=False)


async def _drip(action: Drip, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    await send(
        {
            "type": "http.response.start",
            "status": answer.status_code,
            "headers": answer.raw_headers,
        }
    )
    body = bytes(answer.body)
    for start in range(0, len(body), action.chunk):
        end = start + action.chunk
        await send(
            {
                "type": "http.response.body",
                "body": body[start:end],
                "more_body": end < len(body),
            }
        )
        if end < len(body):
            await asyncio.sleep(action.pause_s)
            if await request.is_disconnected():
                return


def spoiled_body(action: Content, answer: Response) -> Response:
    """The answer with its body in another dress, or a body of the asked size, sent as a stream."""
    body = bytes(answer.body)
    match action.kind:
        case "cut":
            spoiled = body[: len(body) // 2]
        case "nan":
            spoiled = body[:-1] + b',"total":NaN}'
        case "number":
            spoiled = body[:-1] + b',"total":' + b"9" * action.size + b"}"
        case "duplicate-keys":
            spoiled = body[:-1] + b',"entry":[]}'
        case "raw":
            spoiled = body.replace(action.find.encode(), action.put.encode())
        case "bom":
            spoiled = b"\xef\xbb\xbf" + body
        case "utf-16":
            spoiled = body.decode().encode("utf-16")
        case "latin-1":
            spoiled = body.decode().encode("latin-1", "replace")
        case "deep":
            spoiled = b'{"resourceType":"Bundle","type":"searchset","entry":' + (
                b"[" * action.size + b"]" * action.size + b"}"
            )
        case "huge":
            return _stream(_padded(action.size), {})
        case "many":
            return _stream(_many(action.size), {})
        case "bomb":
            return _stream(
                _compressed(_padded(action.size), action.coding),
                {"Content-Encoding": action.coding},
            )
    return Response(spoiled, answer.status_code, media_type=_JSON)


def _stream(parts: Iterator[bytes], headers: dict[str, str]) -> Response:
    return StreamingResponse(parts, 200, headers, media_type=_JSON)


def _padded(size: int) -> Iterator[bytes]:
    """An empty searchset of about `size` bytes, blanks inside."""
    yield b'{"resourceType":"Bundle","type":"searchset",'
    for _ in range(size // _CHUNK):
        yield b" " * _CHUNK
    yield b'"total":0}'


def _many(entries: int) -> Iterator[bytes]:
    """A searchset of so many Observations."""
    yield b'{"resourceType":"Bundle","type":"searchset","entry":['
    for first in range(0, entries, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, entries))
        yield b"," * bool(first) + b",".join(
            b'{"resource":{"resourceType":"Observation","id":"%d","status":"final"}}' % number
            for number in numbers
        )
    yield b"]}"


def _zstd(parts: Iterator[bytes]) -> Iterator[bytes]:
    """A Zstandard frame of blocks that repeat one blank, as large as all the parts (RFC 8878)."""
    yield b"\x28\xb5\x2f\xfd\x00\x58"  # magic number, no content size, a window of 2 MB
    for part in parts:
        yield (len(part) << 3 | 1 << 1).to_bytes(3, "little") + b" "
    yield (1 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b" "


def _compressed(parts: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The parts in a coding; one that no client here asks for ("br") only claims to be it."""
    if coding == "zstd":
        yield from _zstd(parts)
        return
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    for part in parts:
        if packed := compressor.compress(part):
            yield packed
    yield compressor.flush()
