"""Bodies stay within the cap, the depth bound holds, and fuzz never escapes as another error."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import SourceInvalid
from service.fhir import about
from service.fhir import bundle as bundles
from service.fhir.body import Inflater, depth, inflated_file, json_text
from service.fhir.capability import capabilities
from service.fhir.outcome import issues
from service.fhir.pace import retry_after


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


@given(
    st.binary(max_size=4000), st.integers(1, 50), st.sampled_from(["gzip", "deflate", "raw", ""])
)
def test_what_was_compressed_comes_back_in_any_chunks(data: bytes, step: int, how: str) -> None:
    packed = {
        "gzip": gzip.compress(data),
        "deflate": zlib.compress(data),
        "raw": raw_deflate(data),
        "": data,
    }[how]
    inflater = Inflater("deflate" if how == "raw" else how, cap=10_000)
    for start in range(0, len(packed), step):
        inflater.feed(packed[start : start + step])
    assert inflater.close() == data


def test_gzip_members_one_after_the_other_are_one_body() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    assert inflated_file([packed[:30], packed[30:]], gzipped=True, cap=100) == b"one two"


def test_a_bomb_costs_no_more_than_the_cap() -> None:
    bomb = gzip.compress(b"0" * 200_000_000)
    tracemalloc.start()
    inflater = Inflater("gzip", cap=1_000_000)
    with pytest.raises(SourceInvalid, match="page_cap_mb"):
        inflater.feed(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress"])
def test_an_encoding_that_nobody_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(SourceInvalid, match="never asked"):
        Inflater(encoding, cap=10)


json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=60,
)


def nesting(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(nesting, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(nesting, value), default=0)
    return 0


@given(json_values, st.booleans())
def test_the_depth_bound_is_never_below_the_truth(value: object, pad: bool) -> None:
    padded = [value, *([[]] * 100)] if pad else value
    body = json.dumps(padded).encode()
    assert depth(body) >= nesting(padded)
    if pad:
        assert depth(body) == nesting(padded)


def test_brackets_inside_texts_do_not_hide_depth() -> None:
    deep = b'{"a":' + b'["]]]]]]]]]]",' * 200 + b"1" + b"]" * 200 + b"}"
    with pytest.raises(SourceInvalid, match="deeper"):
        json_text(deep)


def test_adversarial_texts_are_scanned_in_linear_time() -> None:
    for hostile in (b'"\\' * 400_000, b'[[[["' + b'\\"' * 400_000, b'"' * 400_001 + b"[" * 61):
        depth(hostile + b"[" * 61)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_in_one_way_only(data: bytes) -> None:
    for read in (bundles.decode_bundle, bundles.peek, capabilities, json_text):
        try:
            read(data)
        except SourceInvalid:
            continue


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "resourceType",
                "type",
                "total",
                "link",
                "entry",
                "rest",
                "issue",
                "fhirVersion",
                "software",
                "id",
                "subject",
            ]
        ),
        json_values,
    )
)
def test_structured_nonsense_is_refused_in_one_way_only(value: dict[str, object]) -> None:
    for kind in ("Bundle", "CapabilityStatement", "OperationOutcome", "MedicationRequest"):
        body = msgspec.json.encode({**value, "resourceType": kind}) if _plain(value) else b"{}"
        for read in (bundles.decode_bundle, capabilities):
            try:
                got = read(body)
            except SourceInvalid:
                continue
            if isinstance(got, bundles.Bundle):
                list(got.entries())
        issues(body)
        about.references(body)
        try:
            about.subjects(bundles.peek(body))
        except SourceInvalid:
            continue


def _plain(value: object) -> bool:
    """Whether msgspec can write it: its integers end at 64 bits."""
    try:
        msgspec.json.encode(value)
    except (OverflowError, msgspec.MsgspecError, UnicodeEncodeError):
        return False
    return True


NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Tue, 10 Mar 2026 12:00:30 GMT", 30.0),
        ("Tue, 10 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds
