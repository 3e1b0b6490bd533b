"""A server that strips versions from references has kept the rest; nothing else is let through."""

from __future__ import annotations

from typing import Any

import pytest

from service.write.compare import additions, differences

BASE = "https://ehr.example/fhir"
SEEN = "MedicationRequest/4/_history/2"
NAMED = {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"{BASE}/{SEEN}"}}
SENT = {"entity": [{"what": {"reference": SEEN, **NAMED}}]}


def kept(reference: str, **beside: object) -> dict[str, object]:
    return {"entity": [{"what": {"reference": reference, **(beside or NAMED)}}]}


@pytest.mark.parametrize("reference", [SEEN, "MedicationRequest/4", f"{BASE}/MedicationRequest/4"])
def test_a_reference_may_lose_its_version_where_an_identifier_keeps_it(reference: str) -> None:
    assert differences(SENT, kept(reference), BASE) == ()


@pytest.mark.parametrize(
    "reference", ["MedicationRequest/5", "MedicationRequest/4/_history/3", "Task/4", ""]
)
def test_a_reference_that_leads_elsewhere_is_a_difference(reference: str) -> None:
    assert differences(SENT, kept(reference), BASE) == ("entity[0].what.reference",)


def test_the_identifier_that_keeps_the_version_must_stand_there() -> None:
    other = {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"{BASE}/MedicationRequest/4"}}
    assert differences(SENT, kept("MedicationRequest/4", **other), BASE) == (
        "entity[0].what.identifier.value",
    )


def test_a_version_that_only_the_reference_names_may_not_be_lost() -> None:
    sent = {"basedOn": [{"reference": SEEN}]}
    held = {"basedOn": [{"reference": "MedicationRequest/4"}]}
    assert differences(sent, held, BASE) == ("basedOn[0].reference",)


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
OURS: dict[str, Any] = {
    "resourceType": "List",
    "meta": {"tag": [{"system": "s", "code": "ours"}]},
    "text": {"status": "generated", "div": DIV.format("<p>Lithium &amp; water</p>")},
    "status": "current",
    "entry": [{"item": {"reference": "MedicationStatement/1"}}],
}


@pytest.mark.parametrize(
    "by_itself",
    [
        {"id": "7"},
        {"meta": {"versionId": "1", "profile": ["p"], "tag": [{"system": "s", "code": "ours"}]}},
        {"text": {"status": "generated", "div": DIV.format("<p>Lithium\n &#38; water</p>")}},
    ],
)
def test_what_every_server_sets_by_itself_is_no_addition(by_itself: dict[str, object]) -> None:
    assert additions(OURS, OURS | by_itself) == ()


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("language", {"language": "fr"}),
        ("meta.tag", {"meta": {"tag": [*OURS["meta"]["tag"], {"code": "theirs"}]}}),
        ("text", {"text": {"status": "additional", "div": DIV.format("Call first")}}),
        ("_status", {"_status": {"extension": []}}),
        (
            "entry[0].item.display",
            {"entry": [{"item": {"reference": "MedicationStatement/1", "display": "Li"}}]},
        ),
    ],
)
def test_whatever_stands_there_and_was_not_sent_is_told_by_its_path(
    path: str, more: dict[str, object]
) -> None:
    assert additions(OURS, OURS | more) == (path,)
    assert differences(OURS, OURS | more) == ()
