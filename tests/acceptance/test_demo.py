"""`concord demo` as a newcomer meets it: it says what it does, serves the page, ends on Ctrl-C."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

MOST_S = 120


@dataclass
class Demo:
    """A running demo: its process, what it said until it was ready, and its page."""

    process: subprocess.Popen[str]
    page: str
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "demo", "--port", str(port)],
        cwd=tmp_path_factory.mktemp("empty"),
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(MOST_S, process.kill)
    watchdog.start()
    running = Demo(process, f"http://127.0.0.1:{port}")
    assert process.stderr is not None
    for line in process.stderr:
        running.said.append(line.strip())
        if "Ctrl-C" in line:
            break
    yield running
    if process.poll() is None:
        process.kill()
    process.communicate()
    watchdog.cancel()


def test_it_says_its_servers_its_patients_and_its_page(demo: Demo) -> None:
    said = "\n".join(demo.said)
    assert len(re.findall(r"http://127\.0\.0\.1:\d+/fhir", said)) == 3
    assert len([line for line in demo.said if line.startswith("Patient/")]) >= 12
    assert demo.page in said


def test_the_pharmacist_is_signed_in_and_sees_everybody(demo: Demo) -> None:
    with httpx.Client(base_url=demo.page, follow_redirects=True) as browser:
        worklist = browser.get("/")
        assert worklist.status_code == 200
        patients = set(re.findall(r'href="(/patients/p-[0-9a-f]+)"', worklist.text))
        assert len(patients) >= 12
        for patient in sorted(patients)[:3]:
            page = browser.get(patient)
            assert page.status_code == 200
            assert "Proposed line" in page.text


def test_without_a_session_the_api_answers_401(demo: Demo) -> None:
    answer = httpx.get(f"{demo.page}/api/patients")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_listens_beyond_loopback(demo: Demo) -> None:
    port = int(demo.page.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        outer = probe.getsockname()[0]
    if outer.startswith("127."):
        pytest.skip("this machine has no address beyond loopback")
    with socket.socket() as caller:
        caller.settimeout(2)
        assert caller.connect_ex((outer, port)) != 0


def test_ctrl_c_ends_it_cleanly(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGINT)
    _, rest = demo.process.communicate(timeout=30)
    assert demo.process.returncode == 0
    assert "Traceback" not in rest
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", int(demo.page.rpartition(":")[2]))) != 0
