"""Who may notify us, in which words, and what is never said or written down about it."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import SettingsError, SourceInvalid
from service.fhir.policy import Endpoint
from service.read.notice import MOST_EVENTS, Event, Kind, Notice, notice
from service.store import notices
from service.store.notices import Channel
from service.web.guard import LARGEST_BODY
from service.web.senders import sender
from tests.web.office import Office, in_office

SECRET = "a-secret-of-more-than-sixteen-characters"
HERE = "/api/notifications/psychiatry"
BASE = Endpoint.parse("https://ehr.example/fhir")
RIGHT = {"Authorization": f"Bearer {SECRET}"}
CANARY = "Zebulon-Canary-4711"


def with_senders(use: Callable[[Office], Awaitable[None]], header: str = "Authorization") -> None:
    in_office(
        use,
        senders={"psychiatry": sender(header, SECRET)},
        sources={"psychiatry": "https://ehr.example/fhir"},
    )


async def channel(office: Office, name: str = "") -> Channel | None:
    async with office.store.transaction() as tx:
        return await notices.channel(tx, "psychiatry", name)


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"Authorization": ""},
        {"Authorization": SECRET},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": "Bearer " + "é" * 40},
        {"X-Other": f"Bearer {SECRET}"},
    ],
)
def test_without_the_secret_nothing_is_taken(shown: dict[str, str]) -> None:
    async def use(office: Office) -> None:
        headers = {name: value.encode() for name, value in shown.items()}
        answer = await office.client.post(HERE, headers=headers)
        assert answer.status_code == 401
        assert SECRET not in answer.text
        assert await channel(office) is None

    with_senders(use)


def test_a_source_that_may_not_notify_is_as_unknown_as_one_that_is_none() -> None:
    async def use(office: Office) -> None:
        answers = [
            await office.client.post(f"/api/notifications/{name}", headers=RIGHT)
            for name in ("pharmacy", "no-such-source")
        ]
        assert [one.status_code for one in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()

    with_senders(use)


def test_the_secret_may_stand_in_a_header_of_its_own_and_change_without_a_gap() -> None:
    ours = sender("X-Secret", f"{SECRET}\n{SECRET[::-1]}\n")
    assert ours.is_right(SECRET, b"")
    assert ours.is_right(SECRET[::-1], b"")
    assert not ours.is_right(f"Bearer {SECRET}", b"")
    assert not ours.is_right(None, b"")

    async def use(office: Office) -> None:
        answer = await office.client.post(HERE, headers={"X-Secret": SECRET})
        assert answer.status_code == 200
        assert answer.content == b""

    with_senders(use, "X-Secret")


def test_a_signature_of_the_body_proves_the_sender_and_the_secret_never_travels() -> None:
    body = b'{"resourceType":"MedicationRequest","id":"1"}'
    # Worked out with openssl: printf '%s' BODY | openssl dgst -sha256 -hmac SECRET
    signature = "11d49c99865aa44bebdd53a2c02f2316e9dd9aa37403b845258f8771bf4f9280"

    async def use(office: Office) -> None:
        for shown, sent, status in (
            (signature, body, 200),
            (signature.upper(), body, 200),
            (signature, body + b" ", 401),
            (SECRET, body, 401),
            (f"Bearer {SECRET}", body, 401),
            ("", body, 401),
        ):
            answer = await office.client.post(HERE, headers={"X-Signature": shown}, content=sent)
            assert answer.status_code == status, shown
        assert (await office.client.post(HERE, content=body)).status_code == 401

    in_office(
        use,
        senders={"psychiatry": sender("X-Signature", SECRET, signed=True)},
        sources={"psychiatry": "https://ehr.example/fhir"},
    )


@pytest.mark.parametrize("weak", ["", "short", f"{SECRET}\nshort"])
def test_a_secret_that_could_be_guessed_is_refused_at_the_start(weak: str) -> None:
    with pytest.raises(SettingsError, match="16 characters"):
        sender("Authorization", weak)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b'{"resourceType": "Bundle"}',
        b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}',
        b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Parameters"}}]}',
        b"[" * 5000,
    ],
)
def test_what_is_no_notification_is_refused_and_not_repeated(body: bytes) -> None:
    async def use(office: Office) -> None:
        answer = await office.client.post(HERE, headers=RIGHT, content=body)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert await channel(office) is None

    with_senders(use)


def test_a_body_without_bounds_is_not_read() -> None:
    async def use(office: Office) -> None:
        answer = await office.client.post(HERE, headers=RIGHT, content=b" " * (LARGEST_BODY + 1))
        assert answer.status_code == 413

    with_senders(use)


def test_nothing_of_a_notification_is_logged_or_answered() -> None:
    written = io.StringIO()

    async def use(office: Office) -> None:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=written))
        body = {
            "resourceType": "MedicationRequest",
            "id": CANARY,
            "subject": {"reference": f"Patient/{CANARY}"},
            "note": [{"text": CANARY}],
        }
        for content in (json.dumps(body), "{" + CANARY):
            path = f"{HERE}/MedicationRequest/{CANARY}"
            answer = await office.client.put(path, headers=RIGHT, content=content.encode())
            assert CANARY not in answer.text
        assert CANARY not in (await office.client.get("/metrics")).text
        assert all(CANARY not in str(row) for row in await office.audited())

    try:
        with_senders(use)
    finally:
        structlog.reset_defaults()
    assert CANARY not in written.getvalue()


def test_channels_without_end_are_counted_in_one() -> None:
    from service.pipeline.notified import MOST_CHANNELS

    async def use(office: Office) -> None:
        for number in range(MOST_CHANNELS + 3):
            await office.client.post(
                HERE, headers=RIGHT, json=bundle("heartbeat", of=f"Subscription/s{number}")
            )
        async with office.store.read() as look:
            assert len(await notices.channels_of(look)) <= MOST_CHANNELS + 1
        rest = await channel(office)
        assert rest is not None
        assert rest.received == 3

    with_senders(use)


def bundle(
    kind: str, *events: dict[str, Any], of: str = "Subscription/s1", count: str = "2"
) -> dict[str, Any]:
    said = [
        {"name": "subscription", "valueReference": {"reference": of}},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": count},
        *({"name": "notification-event", **one} for one in events),
    ]
    first = {"resourceType": "Parameters", "parameter": said}
    return {"resourceType": "Bundle", "type": "history", "entry": [{"resource": first}]}


def told(number: int, *references: str) -> dict[str, Any]:
    names = ["focus", *["additional-context"] * (len(references) - 1)]
    part: list[dict[str, Any]] = [{"name": "event-number", "valueString": str(number)}]
    part += [
        {"name": name, "valueReference": {"reference": reference}}
        for name, reference in zip(names, references, strict=False)
    ]
    return {"part": part}


def read(body: dict[str, Any], path: str = "") -> Notice:
    return notice(json.dumps(body).encode(), BASE, path)


@pytest.mark.parametrize("kind", ["handshake", "heartbeat", "query-status"])
def test_what_tells_only_how_far_a_channel_came_names_no_event(kind: str) -> None:
    assert read(bundle(kind)) == Notice(Kind(kind), "s1", "active", 2)


def test_an_event_says_its_number_and_everything_that_it_refers_to_here() -> None:
    said = read(
        bundle(
            "event-notification",
            told(
                7,
                "https://ehr.example/fhir/MedicationRequest/9",
                "Patient/1",
                "https://elsewhere.example/fhir/Patient/2",
            ),
            of="https://ehr.example/fhir/Subscription/s1",
        )
    )
    assert said.channel == "s1"
    assert said.events == (Event(7, ("MedicationRequest/9", "Patient/1")),)


def test_the_status_as_a_resource_of_r4b_says_the_same() -> None:
    status = {
        "resourceType": "SubscriptionStatus",
        "subscription": {"reference": "Subscription/s1"},
        "status": "active",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": 7,
        "notificationEvent": [
            {
                "eventNumber": "7",
                "focus": {"reference": "MedicationRequest/9"},
                "additionalContext": [{"reference": "Patient/1"}],
            }
        ],
    }
    as_resource = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]}
    event = told(7, "MedicationRequest/9", "Patient/1")
    assert read(as_resource) == read(bundle("event-notification", event, count="7"))


def test_a_resource_that_comes_along_says_whom_it_is_about_and_nothing_else() -> None:
    body = bundle("event-notification", told(1, "MedicationRequest/9"))
    body["entry"] += [
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "9",
                "subject": {"reference": "Patient/1"},
                "status": CANARY,
            }
        },
        {
            "resource": {
                "resourceType": "MedicationRequest",
                "id": "10",
                "subject": {"reference": "Patient/2"},
            }
        },
        {"resource": "nonsense"},
    ]
    said = read(body)
    assert said.events == (Event(1, ("MedicationRequest/9", "Patient/1")),)
    assert CANARY not in repr(said)


def test_a_rest_hook_says_what_changed_by_its_address_or_its_body() -> None:
    assert notice(b"", BASE) == Notice(Kind.CHANGE, events=(Event(),))
    assert notice(b"", BASE, "Patient/1").events == (Event(None, ("Patient/1",)),)
    request = {
        "resourceType": "MedicationRequest",
        "id": "9",
        "subject": {"reference": "Patient/1"},
    }
    expected = (Event(None, ("MedicationRequest/9", "Patient/1")),)
    assert read(request).events == read(request, "MedicationRequest/9").events == expected
    assert notice(b"", BASE, "of/p-1").events == (Event(),)


def test_more_events_than_can_be_told_apart_concern_everybody() -> None:
    events = [told(number, f"Patient/{number}") for number in range(1, MOST_EVENTS + 5)]
    (event,) = read(bundle("event-notification", *events)).events
    assert event == Event(MOST_EVENTS + 4, ())


NAMES = ("resourceType", "entry", "resource", "parameter", "name", "part", "valueReference",
         "valueString", "valueCode", "reference", "type", "subject", "id")  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(
    ["Bundle", "Parameters", "SubscriptionStatus", "type", "event-notification", "Patient/1",
     "notification-event", "event-number", "focus", "subscription"]
)  # fmt: skip
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=30,
)


@settings(max_examples=300)
@given(trees, st.sampled_from(["", "Patient/1", "../x", "of/p"]))
def test_nonsense_is_read_or_refused_and_nothing_else(tree: Any, path: str) -> None:
    for body in (tree, {"resourceType": "Bundle", "entry": [{"resource": tree}]}):
        try:
            said = notice(json.dumps(body).encode(), BASE, path)
        except SourceInvalid:
            continue
        assert all("/" in one for event in said.events for one in event.references)
