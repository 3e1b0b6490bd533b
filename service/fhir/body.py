"""A response's bytes, inflated under a cap: memory stays bounded whatever the server sends.

httpx inflates whole chunks before anyone can count them (408 kB of gzip become 419 MB), so Concord
asks for gzip and deflate only and inflates by itself, stopping at the cap.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import AsyncIterable, Iterable, Iterator

import msgspec

from service.errors import SourceInvalid

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, no UTF-8, or nested without end."""
ACCEPT_ENCODING = "gzip, deflate"
MAX_DEPTH = 60
"""Deepest nesting of arrays and objects that is decoded; FHIR documents stay below 30."""

_UNDECIDED = 65_536
_PIECE = 1 << 20
_UTF8 = codecs.getincrementaldecoder("utf-8")
_AUTO_WBITS = zlib.MAX_WBITS | 32
_STRING = re.compile(rb'"[^"]*+"?')
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_NOT_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_ALIKE = bytes.maketrans(b"{}", b"[]")


class Inflater:
    """Feeds chunks through one decompressor (gzip with members, zlib or raw deflate) up to `cap`.

    Raises: SourceInvalid when more than `cap` bytes come out, or the stream is broken or cut off.
    """

    def __init__(self, encoding: str, cap: int) -> None:
        known = {"": False, "identity": False, "gzip": True, "x-gzip": True, "deflate": True}
        if encoding.lower() not in known:
            raise SourceInvalid(f"the content encoding {encoding[:20]!r} was never asked for")
        self._cap = cap
        self._parts: list[bytes] = []
        self._size = 0
        self._raw_deflate_possible = encoding.lower() == "deflate"
        self._inflater = zlib.decompressobj(_AUTO_WBITS) if known[encoding.lower()] else None
        self._started = False
        self._undecided = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes from the wire."""
        if self._inflater is None:
            self._keep(chunk)
            return
        if self._raw_deflate_possible:
            self._undecided += chunk
        while chunk:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_AUTO_WBITS)
                self._started = False
            try:
                self._keep(self._inflater.decompress(chunk, self._cap - self._size + 1))
            except zlib.error:
                if not self._raw_deflate_possible:
                    raise SourceInvalid("the compressed body is broken") from None
                # "deflate" without the zlib header, as some servers send it: from the start again.
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                chunk, self._undecided = self._undecided, b""
                self._raw_deflate_possible = False
                continue
            self._started = True
            if self._size or len(self._undecided) > _UNDECIDED:
                self._raw_deflate_possible, self._undecided = False, b""
            chunk = self._inflater.unconsumed_tail or self._inflater.unused_data

    def close(self) -> bytes:
        """The whole body."""
        if self._inflater is not None and self._started and not self._inflater.eof:
            raise SourceInvalid("the compressed body ends too early")
        body = b"".join(self._parts)
        self._parts.clear()
        return body

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._cap:
            raise SourceInvalid(f"larger than the cap of {self._cap / 1e6:.0f} MB (page_cap_mb)")
        self._parts.append(part)


async def inflated(chunks: AsyncIterable[bytes], encoding: str, cap: int) -> bytes:
    """The body of a response, at most `cap` bytes of it after inflating."""
    inflater = Inflater(encoding, cap)
    async for chunk in chunks:
        inflater.feed(chunk)
    return inflater.close()


def inflated_file(chunks: Iterable[bytes], *, gzipped: bool, cap: int) -> bytes:
    """The same for the chunks of a file."""
    inflater = Inflater("gzip" if gzipped else "", cap)
    for chunk in chunks:
        inflater.feed(chunk)
    return inflater.close()


def depth(body: bytes) -> int:
    """An upper bound of the nesting of a JSON text, exact where its brackets balance.

    Cheap first: as long as there are no more brackets than `MAX_DEPTH`, their number is the bound.
    Beyond, strings are taken out piece by piece (millions of them at once would cost many times
    the page), and innermost pairs of brackets are taken away until none is left: so many rounds,
    so deep.
    """
    opened = body.count(b"{") + body.count(b"[")
    if opened <= MAX_DEPTH:
        return opened
    brackets = b"".join(_brackets(body))
    for rounds in range(MAX_DEPTH + 1):
        left = brackets.replace(b"[]", b"")
        if len(left) == len(brackets):
            return rounds + left.count(b"[")
        brackets = left
    return MAX_DEPTH + 1


def _brackets(body: bytes) -> Iterator[bytes]:
    """The brackets outside of strings, all as "[" and "]"."""
    start, inside = 0, False
    while start < len(body):
        end = start + _PIECE
        piece = body[start:end]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # never between "\" and what it escapes
            end += 1
            piece = body[start:end]
        if b"\\" in piece:
            piece = _ESCAPE.sub(b"", piece)
        marks = (b'"' if inside else b"") + piece.translate(None, _NOT_MARKS)
        inside = marks.count(b'"') % 2 == 1
        # Two quotes side by side end and begin, or begin and end, a string: no bracket is between.
        yield _STRING.sub(b"", marks.replace(b'""', b"")).translate(_ALIKE)
        start = end


def json_text(body: bytes) -> bytes:
    """`body` without a byte order mark, checked to be UTF-8 and not too deep to decode.

    Raises: SourceInvalid with the reason in words.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if body.lstrip()[:1] == b"<":
        raise SourceInvalid("a web page or XML instead of FHIR JSON (a login page?)")
    decoder = _UTF8()
    try:
        # Piece by piece: one character beyond the BMP makes a whole str four times as large.
        for start in range(0, len(body), _PIECE):
            decoder.decode(body[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise SourceInvalid("the body is not UTF-8") from None
    if depth(body) > MAX_DEPTH:
        raise SourceInvalid(f"nested deeper than {MAX_DEPTH} levels")
    return body
