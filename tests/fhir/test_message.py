"""Answers as bytes: read in one way or refused, bounded where they are no body, never mixed up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

import h11
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.client import FhirClient
from service.fhir.connection import _UNREAD
from service.fhir.message import LONGEST_HEAD, Message, field_lines, named, request
from service.fhir.outgoing import http_client
from service.fhir.policy import Endpoint
from service.fhir.pool import Streamed
from service.fhir.wire import Limits
from service.model.source import State

OK = b"HTTP/1.1 200 OK\r\n"


def taken(*parts: bytes, ends: bool = False) -> tuple[Message, bytes]:
    message = Message()
    for part in parts:
        message.feed(part)
    if ends:
        message.end()
    return message, b"".join(message.pieces)


def test_an_answer_is_whole_by_its_length_by_its_last_chunk_or_by_the_end() -> None:
    for framing, body, ends in (
        (b"Content-Length: 5\r\n", b"hello", False),
        (b"Transfer-Encoding: chunked\r\n", b"2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\nT: 1\r\n\r\n", False),
        (b"", b"hello", True),
    ):
        message, came = taken(OK + framing + b"\r\n" + body, ends=ends)
        assert message.whole
        assert came == b"hello"
        assert message.reusable is not ends


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_ends_with_its_head(status: int) -> None:
    message, came = taken(b"HTTP/1.1 %d x\r\nContent-Length: 9\r\n\r\n" % status)
    assert message.whole
    assert not came


def test_interim_answers_leave_nothing_behind() -> None:
    message, came = taken(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK + b"Content-Length: 2\r\n\r\nok"
    )
    assert (message.status, message.fields, came) == (200, [(b"Content-Length", b"2")], b"ok")


def test_a_server_that_offers_another_protocol_is_read_as_it_answers() -> None:
    message, came = taken(
        OK + b"Upgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\nContent-Length: 2\r\n\r\nok"
    )
    assert message.whole
    assert came == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        OK + b"Content-Length: 2, 3\r\n\r\nok!",
        OK + b"Content-Length: +2\r\n\r\nok",
        OK + b"Content-Length: 0x2\r\n\r\nok",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\nok",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\nok",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokX\r\n0\r\n\r\n",
        OK + b"Content-Length : 2\r\n\r\nok",
        OK + b"X: a\r\n Content-Length: 5\r\nContent-Length: 2\r\n\r\nok",
        OK + b"X: a\x00b\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 099 x\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nok",
        b"ICY 200 OK\r\n\r\n",
        b"<html>",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(answer: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        taken(answer)


@pytest.mark.parametrize(
    "answer",
    [OK, OK + b"Content-Length: 5\r\n\r\nhell", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok"],
)
def test_an_answer_that_is_cut_off_is_never_whole(answer: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        taken(answer, ends=True)


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (OK, b"X-%d: x\r\n"),
        (OK + b"X: ", b"%d"),
        (b"", b"HTTP/1.1 103 x\r\nX: %d\r\n\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-%d: x\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x%d"),
    ],
    ids=["head", "one field", "interim answers", "trailers", "chunk extension"],
)
def test_what_is_no_body_has_an_end(begins: bytes, goes_on: bytes) -> None:
    def endless() -> Iterator[bytes]:
        yield begins
        for number in itertools.count():
            yield goes_on % number * 40

    message = Message()
    most = itertools.islice(endless(), LONGEST_HEAD // 100)
    with pytest.raises(httpx.RemoteProtocolError, match="without end"):
        list(map(message.feed, most))
    assert sum(len(name) + len(value) for name, value in message.fields) <= LONGEST_HEAD


_BODIES = st.binary(max_size=60)
_NAMES = st.sampled_from([b"ETag", b"X-Odd", b"Date", b"RateLimit"])
_VALUES = st.sampled_from([b"", b"a b", b'W/"1"', b"\xe9", b"a,b", b"\tx "])


@st.composite
def _answers(draw: st.DrawFn) -> bytes:
    """An answer as a server may write it."""
    body = draw(_BODIES)
    lines = [b"%s: %s" % (draw(_NAMES), draw(_VALUES)) for _ in range(draw(st.integers(0, 3)))]
    content = body
    match draw(st.sampled_from(["length", "chunked", "end"])):
        case "length":
            lines.append(b"Content-Length: %d" % len(body))
        case "chunked":
            lines.append(b"Transfer-Encoding: chunked")
            step = draw(st.integers(1, 20))
            parts = [body[at : at + step] for at in range(0, len(body), step)]
            content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
            content += b"0\r\n\r\n"
    status = draw(st.sampled_from([200, 201, 204, 304, 404, 429, 503]))
    head = b"\r\n".join([b"HTTP/1.1 %d told" % status, *lines])
    return head + b"\r\n\r\n" + (b"" if status in {204, 304} else content)


def _by_h11(answer: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    other.send(h11.EndOfMessage())
    other.receive_data(answer)
    other.receive_data(b"")
    status, fields, body = 0, [], b""
    while type(event := other.next_event()) is not h11.EndOfMessage:
        if isinstance(event, h11.Response):
            status, fields = event.status_code, list(event.headers)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
    return status, fields, body


@given(_answers(), st.integers(1, 30))
@settings(max_examples=300)
def test_another_parser_reads_the_same_in_whatever_pieces_it_comes(
    answer: bytes, step: int
) -> None:
    message, body = taken(
        *(answer[at : at + step] for at in range(0, len(answer), step)), ends=True
    )
    fields = [(name.lower(), value) for name, value in message.fields]
    assert (message.status, fields, body) == _by_h11(answer)


def test_fields_of_one_name_are_one_list() -> None:
    fields = [(b"RateLimit", b"a"), (b"ETag", b'W/"1"'), (b"ratelimit", b"b")]
    assert named(fields) == {"ratelimit": "a, b", "etag": 'W/"1"'}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"If-Match", b'W/"1"\r\nX: y'),
        (b"If-Match", b"a\nb"),
        (b"If-Match", b"a\x00"),
        (b"If-Match", b" a"),
        (b"A b", b"c"),
        (b"", b"c"),
    ],
)
def test_a_field_that_would_end_its_line_is_not_sent(name: bytes, value: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        field_lines([(name, value)])


@pytest.mark.parametrize("target", [b"", b"x", b"/a b", b"/a\r\nX: y", b"/\xe9"])
def test_a_target_that_would_end_its_line_is_not_sent(target: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        request("GET", target, b"", b"")


def test_how_long_the_content_is_is_told_once_and_by_nobody_else() -> None:
    told = [(b"Host", b"h"), (b"Content-Length", b"99"), (b"Transfer-Encoding", b"chunked")]
    sent = request("PUT", b"/fhir/Basic/1", field_lines(told), b"{}")
    assert sent == b"PUT /fhir/Basic/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("base", ["http://h/fhir", "https://h:8443", "http://[::1]:80/a/b"])
@pytest.mark.parametrize(
    "url", ["Patient/1", "Observation?code=http://loinc.org|1&x=a,b", "", "Patient/$match", "a%2Bb"]
)
def test_a_request_line_is_that_of_the_admitted_address(base: str, url: str) -> None:
    endpoint = Endpoint.parse(base)
    address = endpoint.admit(url)
    assert endpoint.target(address) == httpx.URL(address).raw_path


def test_what_an_address_may_not_hold_as_it_is_travels_in_disguise() -> None:
    endpoint = Endpoint.parse("http://h/fhir")
    address = endpoint.admit('Patient?name="<a>`{b}')
    assert endpoint.target(address) == b"/fhir/Patient?name=%22%3Ca%3E%60%7Bb%7D"


@dataclass
class _Server:
    """Answers each request with the next of `answers`; after each part it waits for a word."""

    answers: list[Sequence[bytes]]
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    talks: list[asyncio.Task[None]] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(ConnectionError):
            while await reader.readline():
                while await reader.readline() != b"\r\n":
                    pass
                for part in self.answers.pop(0):
                    writer.write(part)
                    await self.go_on.wait()
        writer.transport.abort()

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
        """Its address, and a client for it."""
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0)
        async with server:
            async with http_client() as http:
                yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/fhir", http
            await asyncio.gather(*self.talks)


async def _read_twice(*answers: Sequence[bytes]) -> tuple[list[State], int]:
    """What two searches on one client come to, and over how many connections they went."""
    server = _Server(list(answers))
    async with server.asked() as (base, http):
        client = FhirClient(base, http=http, limits=Limits(answer_s=5, attempts=1))
        states = []
        for _ in range(2):
            states.append((await client.search("Observation", ())).certificate.state)
            server.go_on.set()
            for _ in range(10):  # what is under way arrives
                await asyncio.sleep(0)
    return states, len(server.talks)


EMPTY = b'{"resourceType":"Bundle","type":"searchset"}'
WHOLE = OK + b"Content-Length: %d\r\n\r\n%s" % (len(EMPTY), EMPTY)
FORGED = WHOLE.replace(b"Bundle", b"Forged")


def test_a_connection_is_used_again() -> None:
    assert asyncio.run(_read_twice([WHOLE], [WHOLE])) == ([State.COMPLETE] * 2, 1)


@pytest.mark.parametrize("surplus", [[WHOLE + FORGED], [WHOLE, FORGED], [WHOLE + b"HTTP"]])
def test_what_comes_unasked_is_never_the_answer_to_the_next_request(surplus: list[bytes]) -> None:
    """In the same segment, in a later one, half a line: each ends the connection."""
    states, connections = asyncio.run(_read_twice(surplus, [WHOLE]))
    assert states == [State.COMPLETE] * 2
    assert connections == 2


def test_a_server_that_sends_faster_than_it_is_read_has_to_wait() -> None:
    large = b"x" * (8 * _UNREAD)

    async def run() -> tuple[int, int]:
        server = _Server([[OK + b"Content-Length: %d\r\n\r\n" % len(large) + large]])
        async with server.asked() as (base, http):
            request = http.build_request("GET", base)
            answer = await http.send(request, stream=True, auth=None, follow_redirects=False)
            await asyncio.sleep(0.3)
            unread = cast(Streamed, answer.stream)._message.unread
            server.go_on.set()
            whole = len(await answer.aread())
            await answer.aclose()
            return unread, whole

    unread, whole = asyncio.run(run())
    assert _UNREAD < unread <= 2 * _UNREAD
    assert whole == len(large)
