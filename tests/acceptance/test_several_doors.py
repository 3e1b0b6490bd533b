"""Two `concord serve` behind one address on one store: whichever answers, it is one service."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.child import Child, serve, token
from tests.acceptance.hospital import Hospital, free_port, hospital
from tests.acceptance.kills import counts, never_lost_nor_doubled

SETTLED_S = 60.0


@dataclass
class Relay:
    """What stands before the doors: every connection goes to the one that the test chose."""

    doors: list[int]
    chosen: int = 0
    listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _listen(self) -> None:
        while True:
            try:
                person, _ = self.listener.accept()
            except OSError:
                return
            to = ("127.0.0.1", self.doors[self.chosen])
            threading.Thread(target=_carried, args=(person, to), daemon=True).start()


def _carried(person: socket.socket, to: tuple[str, int]) -> None:
    """What either side says, until both have ended."""
    with person, socket.create_connection(to) as door:
        answering = threading.Thread(target=_passed_on, args=(door, person), daemon=True)
        answering.start()
        _passed_on(person, door)
        answering.join()


def _passed_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while some := one.recv(65536):
            other.sendall(some)
        other.shutdown(socket.SHUT_WR)


@dataclass
class Browser:
    """A person's browser at the one address; `at` chooses who answers."""

    relay: Relay
    client: httpx.Client
    doors: list[Child] = field(default_factory=list)

    def at(self, door: int) -> httpx.Client:
        self.relay.chosen = door
        return self.client


@contextmanager
def two_doors(folder: Path, store_url: str) -> Iterator[tuple[Hospital, Browser]]:
    with ExitStack() as stack:
        built = stack.enter_context(hospital(folder, store_url=store_url))
        doors = []
        relay = Relay([])
        stack.callback(relay.listener.close)
        for number in range(2):
            own = folder / f"door-{number}"
            own.mkdir()
            door = replace(built, folder=own, port=free_port())
            door.write_config()
            text = door.config.read_text("utf-8")
            public = f'[web]\npublic_url = "{relay.address}"\n'
            door.config.write_text(text.replace("[web]\n", public), "utf-8")
            doors.append(door)
        built.prepare(1)
        open_doors = []
        for door in doors:
            open_doors.append(serve(door))
            stack.callback(open_doors[-1].kill)
            relay.doors.append(door.port)
        own_page = {"Origin": relay.address, "Sec-Fetch-Site": "same-origin", "Connection": "close"}
        client = stack.enter_context(
            httpx.Client(base_url=relay.address, headers=own_page, timeout=30, trust_env=False)
        )
        yield built, Browser(relay, client, open_doors)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + SETTLED_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_what_is_done_at_one_door_stands_at_the_other(store_url: str, tmp_path: Path) -> None:
    with two_doors(tmp_path, store_url) as (built, browser):
        (review,) = built.reviews
        signed_in = browser.at(0).post("/sign-in", data={"token": token(built)})
        assert signed_in.status_code == 303, signed_in.text

        state = browser.at(1).get(f"/api/reviews/{review}").json()
        patient, item = state["patient"], next(iter(state["decisions"]))
        seen = state["etags"][item]
        decided = _decide(browser.at(1), review, item, seen)
        assert decided.status_code == 200
        assert _decide(browser.at(0), review, item, seen).status_code == 412
        foreign = {"If-Match": decided.headers["ETag"], "Origin": "http://elsewhere.example"}
        for door in (0, 1):
            assert _decide(browser.at(door), review, item, "", **foreign).status_code == 403
        assert _decide(browser.at(0), review, item, decided.headers["ETag"]).status_code == 200

        report = browser.at(1).get(f"/api/patients/{patient}/report").headers["ETag"]
        signing = browser.at(0).post(
            f"/patients/{patient}/sign", data={"report": report, "scope": "all"}
        )
        assert signing.status_code == 303, signing.text
        assert browser.at(1).get(f"/api/reviews/{review}").json()["state"] == "signed"
        until(lambda: _settled(browser.at(1), review))
        page = browser.at(1).get(f"/patients/{patient}/deliveries")
        assert page.status_code == 200
        assert "written" in page.text

        asked = browser.at(0).post(f"/patients/{patient}/refresh")
        assert asked.status_code in {200, 303}
        assert "event: done" in _told(browser.at(1), f"/patients/{patient}/progress")

        assert browser.at(0).post("/sign-out").status_code in {200, 303}
        browser.client.cookies.set("concord-session", signed_in.cookies["concord-session"])
        for door in (0, 1):
            gone = browser.at(door).get(f"/patients/{patient}")
            assert (gone.status_code, gone.headers["location"]) == (303, "/sign-in")
        never_lost_nor_doubled(built, counts(built))


def test_a_door_that_closes_loses_nothing_that_was_signed_at_it(
    store_url: str, tmp_path: Path
) -> None:
    """The other one takes over what the first had begun."""
    with two_doors(tmp_path, store_url) as (built, browser):
        (review,) = built.reviews
        bearer = {"Authorization": f"Bearer {token(built)}"}
        address = f"/api/reviews/{review}"
        signing = browser.at(0).post(f"{address}/sign", json={"scope": "all"}, headers=bearer)
        assert signing.status_code == 202
        browser.doors[0].process.kill()
        until(lambda: _settled(browser.at(1), review, **bearer))
        never_lost_nor_doubled(built, counts(built))


def _decide(
    client: httpx.Client, review: str, item: str, etag: str, **headers: str
) -> httpx.Response:
    path = f"/api/reviews/{review}/decisions/{item}"
    word = {"decision": "continue" if item.startswith("m") else "accept"}
    return client.put(path, json=word, headers={"If-Match": etag} | headers)


def _settled(client: httpx.Client, review: str, **headers: str) -> bool:
    answer = client.get(f"/api/reviews/{review}/deliveries", headers=headers)
    rows: list[dict[str, Any]] = answer.json()["deliveries"]
    return bool(rows) and not {"planned", "sending"} & {row["state"] for row in rows}


def _told(client: httpx.Client, path: str) -> str:
    """Everything that a stream of events says until it ends."""
    said = ""
    with client.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        for text in answer.iter_text():
            said += text
    return said
