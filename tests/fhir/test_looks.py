"""What is looked up in the bytes of a resource is what its whole tree says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir import about, release
from service.fhir import bundle as bundles

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["reference", '"reference":"Patient/1"', "Medication/7", "a\\/b", "\u00e9", ""]
    ),
)
_TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.just("reference"), _TEXTS), inner, max_size=3),
    ),
    max_leaves=12,
)


def walked(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("reference"), str):
            yield tree["reference"]
        for one in tree.values():
            yield from walked(one)
    elif isinstance(tree, list):
        for one in tree:
            yield from walked(one)


@given(_TREES, st.booleans(), st.sampled_from([None, 2]))
@settings(max_examples=300)
def test_references_are_those_of_the_tree_however_it_is_written(
    tree: object, ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps({"resourceType": "Basic", "x": tree}, ensure_ascii=ascii_only, indent=indent)
    try:
        encoded = body.encode()
        msgspec.json.decode(encoded)
    except (UnicodeEncodeError, msgspec.DecodeError):  # half a character, which no server can send
        return
    assert about.references(encoded) == set(walked(tree))


@pytest.mark.parametrize("kind", sorted({*release._STU3_KEYS, *release._TELLING, "Patient"}))
@given(
    st.sets(
        st.sampled_from(
            sorted(
                {"medication", "patient", "subject", "substance", "code", "id"}.union(
                    *release._STU3_KEYS.values(), *release._R4_KEYS.values()
                )
            )
        ),
        max_size=4,
    ),
    st.sets(st.sampled_from(["encounter", "taken", "context", "patient"]), max_size=2),
    st.booleans(),
)
@settings(max_examples=60)
def test_a_shape_is_told_by_the_names_at_the_top(
    kind: str, names: set[str], deeper: set[str], escaped: bool
) -> None:
    content = {
        "resourceType": kind,
        **{name: {} for name in names},
        "note": dict.fromkeys(deeper, 1),
    }
    body = json.dumps(content).encode()
    if escaped:
        body = body.replace(b'"context"', b'"\\u0063ontext"')
    assert bundles.shape_of(kind, body) is release.shape(kind, {*content}, body)
