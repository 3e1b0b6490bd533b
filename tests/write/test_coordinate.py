"""Our references in somebody else's care plan: every other character stays as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.write.codes import IDENTIFIER_SYSTEM
from service.write.coordinate import Ours, coordinated, keys_in, placed
from service.write.json_text import Span, Unreadable

KEYS = [f"{number:032x}" for number in range(6)]


def ours(element: str, key: str, place: str = "Task/1") -> Ours:
    identifier = {"system": IDENTIFIER_SYSTEM, "value": key}
    return Ours(element, key, {"reference": place, "identifier": identifier, "display": "Ask"})


def outside(text: str, spans: tuple[Span, ...]) -> str:
    """The text without what was inserted."""
    parts, at = [], 0
    for start, end in spans:
        parts.append(text[at:start])
        at = end
    return "".join([*parts, text[at:]])


SPACE = st.text(alphabet=" \t\n\r", max_size=2)
NUMBERS = st.sampled_from(["0", "-0", "1.10", "1.0e+2", "100000000000000000000.50", "-7", "3E-5"])
STRINGS = st.sampled_from(
    ['"a"', '"\\u0041\\u00e9"', '"é ☃ 𝄞"', '"\\ud834\\udd1e"', '"x\\/y\\n"', '"]},{\\""', '""']
)
NAMES = st.sampled_from(['"x"', '"_y"', '"\\u0065xtension"', '"value"', '"activity"', '"a b"'])


@st.composite
def _object(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    names = draw(st.lists(NAMES, unique_by=json.loads, max_size=3))
    parts = [f"{draw(SPACE)}{n}{draw(SPACE)}:{draw(SPACE)}{draw(inner)}" for n in names]
    return "{" + ",".join(f"{part}{draw(SPACE)}" for part in parts) + draw(SPACE) + "}"


@st.composite
def _array(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(inner, max_size=3))
    return "[" + ",".join(f"{draw(SPACE)}{part}{draw(SPACE)}" for part in parts) + "]"


VALUES: st.SearchStrategy[str] = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["true", "false", "null"])),
    lambda inner: st.one_of(_object(inner), _array(inner)),
    max_leaves=8,
)


@st.composite
def plans(draw: st.DrawFn) -> str:
    """A resource's text in any spelling; `activity` and `supportingInfo` are arrays or absent."""
    entries = [('"resourceType"', '"CarePlan"')]
    for name, values in (
        ('"extension"', VALUES),
        ('"activity"', _array(VALUES)),
        ('"title"', VALUES),
        ('"supportingInfo"', _array(VALUES)),
        ('"note"', VALUES),
    ):
        if draw(st.booleans()):
            entries.append((name, draw(values)))
    entries = draw(st.permutations(entries))
    body = ",".join(
        f"{draw(SPACE)}{n}{draw(SPACE)}:{draw(SPACE)}{v}{draw(SPACE)}" for n, v in entries
    )
    return f"{draw(SPACE)}{{{body}}}{draw(SPACE)}"


WANTED = st.lists(
    st.builds(
        ours,
        st.sampled_from(["activity", "supportingInfo"]),
        st.sampled_from(KEYS),
        st.sampled_from(["Task/1", "Task/2", "urn:uuid:00000000-0000-4000-8000-000000000001"]),
    ),
    max_size=4,
    unique_by=lambda one: one.key,
)


@given(plans(), WANTED)
def test_nothing_outside_what_was_inserted_changes(text: str, wanted: list[Ours]) -> None:
    made = coordinated(text, wanted)
    assert outside(made.text, made.spans) == text
    assert keys_in(made.text) == {one.key for one in wanted}
    for start, end in made.spans:
        assert IDENTIFIER_SYSTEM in made.text[start:end]


@given(plans(), WANTED, WANTED)
def test_a_second_signing_replaces_ours_alone_and_a_third_takes_all_of_it_away(
    text: str, first: list[Ours], second: list[Ours]
) -> None:
    ever = frozenset(one.key for one in first)
    once = coordinated(text, first)
    twice = coordinated(once.text, second, ever=ever)
    assert keys_in(twice.text) == {one.key for one in second}
    gone = coordinated(twice.text, [], ever=frozenset(KEYS))
    expected = json.loads(text)
    for element in ("activity", "supportingInfo"):
        if not expected.get(element) and element not in json.loads(gone.text):
            expected.pop(element, None)
    assert json.loads(gone.text) == expected


@given(plans(), WANTED)
def test_signing_the_same_again_changes_no_character(text: str, wanted: list[Ours]) -> None:
    made = coordinated(text, wanted)
    again = coordinated(made.text, wanted, ever=frozenset(KEYS), missed=frozenset(KEYS))
    assert (again.text, again.spans, again.taken_out) == (made.text, (), ())


@given(plans(), st.sampled_from(KEYS), st.sampled_from(KEYS))
def test_what_somebody_took_out_is_not_put_back(text: str, missed: str, new: str) -> None:
    wanted = [ours("activity", missed), ours("supportingInfo", new, "CarePlan/9")]
    wanted = wanted if missed != new else wanted[:1]
    made = coordinated(text, wanted, ever=frozenset({missed}), missed=frozenset({missed}))
    assert made.taken_out == (missed,)
    assert keys_in(made.text) == {one.key for one in wanted} - {missed}


def test_another_installations_references_are_not_ours() -> None:
    theirs = json.dumps(dict(ours("activity", "f" * 32).value))
    text = f'{{"resourceType":"CarePlan","activity":[ {theirs} ]}}'
    made = coordinated(text, [ours("activity", KEYS[0])], ever=frozenset(KEYS))
    assert f"[ {theirs},{{" in made.text


def test_progress_that_somebody_noted_at_our_activity_stays() -> None:
    noted = dict(ours("activity", KEYS[0]).value) | {"progress": [{"text": "done"}]}
    text = json.dumps({"resourceType": "CarePlan", "activity": [noted]})
    assert coordinated(text, [], ever=frozenset(KEYS)).text == text
    assert coordinated(text, [ours("activity", KEYS[0], "Task/9")]).text == text


def test_places_are_filled_in_where_they_were_announced() -> None:
    place = "urn:uuid:00000000-0000-4000-8000-000000000001"
    text = '{"resourceType":"CarePlan","x":1.10}'
    made = coordinated(text, [ours("activity", KEYS[0], place)])
    filled = placed(made.text, {place: "Task/77"})
    assert filled == coordinated(text, [ours("activity", KEYS[0], "Task/77")]).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"resourceType":"CarePlan"} {}',
        '{"resourceType":"CarePlan","activity":{}}',
        '{"resourceType":"CarePlan","activity":[1,]}',
        '{"resourceType":"CarePlan","activity":[],"\\u0061ctivity":[]}',
        '{"resourceType":"CarePlan",}',
        '{"resourceType":"CarePlan" "x":1}',
        '{"resourceType":NaN}',
        '{"resourceType":"CarePlan","x":' + "[" * 100_000,
    ],
)
def test_what_cannot_be_edited_without_doubt_is_left_alone(text: str) -> None:
    with pytest.raises(Unreadable):
        coordinated(text, [ours("activity", KEYS[0])])


def test_one_more_activity_is_one_comma_and_one_element() -> None:
    text = '{ "resourceType" : "CarePlan", "activity" : [ {"detail":{"status":"scheduled"}} ] }\n'
    made = coordinated(text, [ours("activity", KEYS[0])])
    element: dict[str, Any] = dict(ours("activity", KEYS[0]).value)
    inserted = "," + json.dumps(element, separators=(",", ":"))
    (span,) = made.spans
    assert made.text[span.start : span.end] == inserted
