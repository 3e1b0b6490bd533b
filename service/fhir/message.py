"""One HTTP/1.1 request as bytes, and one answer out of bytes.

llhttp (by httptools: the parser of Node) says what an answer's bytes mean, in its strict mode: an
answer that could be read in two ways is refused. What it does not bound is bounded here: the head,
and everything else that is no body. Every answer has a parser of its own, so that nothing left over
from one can become part of another.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

LONGEST_HEAD = 102_400
"""Bytes that may come without anything of a body: head, trailers, and interim answers."""

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Header fields in the order and spelling in which they are sent."""

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_TARGET = re.compile(rb"/[!-~]*")
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_ENDLESS = "a head without end"
_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})


def field_lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Header fields as they travel. How long the content is says `request` alone.

    Raises: httpx.LocalProtocolError for what would end a line, or the head, before its time.
    """
    lines = b""
    for name, value in fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise httpx.LocalProtocolError("a header field that cannot be sent")
        if name.lower() not in _FRAMING:
            lines += name + b": " + value + b"\r\n"
    return lines


def request(method: str, target: bytes, lines: bytes, content: bytes) -> bytes:
    """A whole request.

    Args:
        target: path and query.
        lines: from `field_lines`, with a Host among them.
    Raises: httpx.LocalProtocolError for a target that cannot be sent.
    """
    if not _TARGET.fullmatch(target):
        raise httpx.LocalProtocolError("an address that cannot be sent")
    length = b""
    if content or method in _WITH_CONTENT:
        length = b"Content-Length: %d\r\n" % len(content)
    return b"%b %b HTTP/1.1\r\n%b%b\r\n%b" % (method.encode(), target, lines, length, content)


class Message:
    """One answer, as far as it came.

    `headed` once `status` and `fields` are whole, `whole` once all of the body is among `pieces`.
    """

    def __init__(self) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: deque[bytes] = deque()
        self.unread = 0
        self.headed = self.whole = False
        self.reusable = False
        self._bare = self._named = 0
        self._unbounded = False
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises: httpx.RemoteProtocolError where they break HTTP/1.1."""
        if self.whole:
            self.reusable = False  # spoken to unasked
            return
        self._bare += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.whole:
                raise httpx.RemoteProtocolError(str(error)) from error
            self.reusable = False
        if self._bare > LONGEST_HEAD and not self.whole:
            raise httpx.RemoteProtocolError(_ENDLESS)

    def end(self) -> None:
        """Nothing more comes. Raises: httpx.RemoteProtocolError where the answer is not whole."""
        if not (self.whole or self._unbounded):
            raise httpx.RemoteProtocolError("the server closed the connection")
        self.whole = True

    # What llhttp tells.

    def on_message_begin(self) -> None:
        if self.whole:
            raise ValueError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._named += len(name) + len(value)
        if self._named > LONGEST_HEAD:
            raise ValueError(_ENDLESS)
        if not self.headed:
            self.fields.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < httpx.codes.OK:
            if self.status < httpx.codes.CONTINUE:
                raise ValueError("a status that is none")
            return
        self.headed = True
        self.reusable = self._parser.should_keep_alive()
        named = {name.lower() for name, _ in self.fields}
        if b"transfer-encoding" in named:
            codings = [value for name, value in self.fields if name.lower() == b"transfer-encoding"]
            if len(codings) > 1 or codings[0].lower() != b"chunked":
                raise ValueError("a transfer coding that was never asked for")
        else:
            self._unbounded = b"content-length" not in named

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)
        self.unread += len(body)
        self._bare = 0

    def on_message_complete(self) -> None:
        if self.headed:
            self.whole = True
        else:
            self.fields.clear()  # an interim answer: the one that was asked for follows


def named(fields: Fields) -> dict[str, str]:
    """Header fields by their names in lower case; those of one name joined by commas."""
    found: dict[str, str] = {}
    for name, value in fields:
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
