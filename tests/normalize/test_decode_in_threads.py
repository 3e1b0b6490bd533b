"""Patients are read side by side: decoding does not depend on who decodes first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Lock, Thread
from time import sleep
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from service.normalize import decode
from service.normalize.wire.clinical import Appointment, Observation

THREADS = 4


def test_what_decodes_a_type_is_built_by_one_thread_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two at once end the process now and then: msgspec hands out structs that are half known."""
    busy, met = Lock(), []

    def slowly(kind: Any) -> SimpleNamespace:
        met.append(busy.acquire(blocking=False))
        sleep(0.01)
        if met[-1]:
            busy.release()
        return SimpleNamespace(decode=lambda body: (kind, body))

    monkeypatch.setattr(msgspec.json, "Decoder", slowly)
    build: Callable[[Any], object] = decode.decoder.__wrapped__
    together = Barrier(THREADS)

    def read(number: int) -> None:
        together.wait()
        build((Appointment, Observation)[number % 2])

    threads = [Thread(target=read, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [True] * THREADS
