"""The image and the compose file: what they say, and their very commands run as they run there.

No container engine is needed: the commands run as a user who owns nothing, without a capability of
the kernel, in a mount namespace of their own in which only the image's volume can be written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from service.cli import main
from service.run import GRACE_S
from tests.acceptance.hospital import free_port
from tests.acceptance.targets import sandbox

ROOT: Final = Path(__file__).parents[2]
NAMED: Final = re.compile(r"[a-z]+:(\d+\.\d+(\.\d+)?(-[a-z]+)*|[\w.-]+@sha256:[0-9a-f]{64})\Z")
USER: Final = "10001"
READY_S: Final = 60.0
SECRET: Final = re.compile(r"(?i)(password|secret|token|private|key)\b")


def dockerfile() -> list[tuple[str, str]]:
    """Every instruction with its words, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines]


def last_stage() -> dict[str, str]:
    """What holds for the image that is run."""
    said = dockerfile()
    start = max(number for number, (word, _) in enumerate(said) if word == "FROM")
    return dict(said[start:])


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return found


def ours() -> dict[str, dict[str, Any]]:
    return {name: one for name, one in compose()["services"].items() if "build" in one}


def test_every_base_is_named_by_its_version() -> None:
    stages = [words.split()[0] for word, words in dockerfile() if word == "FROM"]
    assert stages
    assert [one for one in stages if not NAMED.match(one)] == []
    bases = [one["image"] for one in compose()["services"].values() if "build" not in one]
    assert [one for one in bases if not NAMED.match(one)] == []


def test_the_image_runs_as_a_number_that_owns_nothing_and_stops_when_it_is_told() -> None:
    stage = last_stage()
    assert stage["USER"] == f"{USER}:{USER}"
    assert stage["STOPSIGNAL"] == "SIGTERM"
    assert stage["VOLUME"] == stage["WORKDIR"]
    assert "--chown=root:root" in stage["COPY"]
    assert "chmod a-s" in stage["RUN"]


def test_no_secret_is_built_into_the_image_or_written_into_the_compose_file() -> None:
    for word, words in dockerfile():
        assert word != "ADD"
        assert not (word in {"ENV", "ARG"} and SECRET.search(words)), words
        assert not (word == "COPY" and words.split()[-2] in {".", "./"}), words
    for name, one in compose()["services"].items():
        for key, value in one.get("environment", {}).items():
            assert not SECRET.search(key) or str(value).startswith("/run/secrets/"), (name, key)
    for name, one in compose()["secrets"].items():
        assert set(one) == {"file"}, name


def test_the_engine_is_sent_what_is_copied_and_nothing_else_of_a_checkout() -> None:
    wanted = {
        name.removeprefix("./")
        for word, words in dockerfile()
        if word == "COPY" and not words.startswith("--from")
        for name in words.split()[:-1]
    }
    rules = [
        rule
        for rule in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if rule and not rule.startswith("#")
    ]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == wanted
    assert all((ROOT / name).exists() for name in wanted)


def test_every_process_of_ours_is_confined_and_waits_for_a_healthy_database() -> None:
    assert {one["command"][0] for one in ours().values()} == {"serve", "work"}
    assert sum(one["command"][0] == "work" for one in ours().values()) == 2
    for name, one in ours().items():
        assert one["user"] == f"{USER}:{USER}", name
        assert one["read_only"] is True, name
        assert [mount.partition(":")[0] for mount in one["tmpfs"]] == ["/tmp"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert one["depends_on"] == {"db": {"condition": "service_healthy"}}, name
        assert int(one["stop_grace_period"].removesuffix("s")) > GRACE_S, name
        assert {"pids_limit", "mem_limit"} <= one.keys(), name
        assert all(volume.endswith(":ro") for volume in one["volumes"]), name
        assert not one.get("healthcheck", {}).get("disable"), name
    database = compose()["services"]["db"]
    assert database["healthcheck"]["test"][0] == "CMD-SHELL"
    assert compose()["networks"]["inside"]["internal"] is True
    assert set(database["networks"]) == {"inside"}
    assert "ports" not in database


def test_every_command_that_is_named_is_one_of_concords(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    commands = [one["command"] for one in ours().values()]
    commands += [one["healthcheck"]["test"][2:] for one in ours().values() if "healthcheck" in one]
    for command in commands:
        words = [missing if word.endswith(".toml") else word for word in command]
        assert main(words) == 2, words


def health_of_the_image() -> list[str]:
    """The HEALTHCHECK's command, as the engine runs it."""
    words = last_stage()["HEALTHCHECK"]
    found: list[str] = json.loads(words[words.index("[") :])
    return found


class Confined:
    """Runs commands as the image would: USER, no capability, everything but `state` read-only."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.script = "\n".join(["set -e", *_readable(state), *_read_only(state), 'exec "$@"'])

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        drop = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
        user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *drop]
        space = ["unshare", "--mount", "--propagation", "private", "sh", "-c", self.script, "sh"]
        home = {"HOME": str(self.state), "PATH": os.environ["PATH"], "TMPDIR": str(self.state)}
        with (self.state / "said").open("ab") as out:
            return subprocess.Popen(
                [*space, *user, *command],
                cwd=self.state,
                env=home | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def run(self, *command: str) -> int:
        return self.start(*command).wait(READY_S)

    @property
    def said(self) -> str:
        return (self.state / "said").read_text("utf-8", "replace")


def _readable(state: Path) -> list[str]:
    """Where only root reads the interpreter's folder, everybody does inside the namespace."""
    prefix = Path(sys.base_prefix)
    closed = [one for one in reversed(prefix.parents) if not one.stat().st_mode & 0o001]
    if not closed:
        return []
    aside = state / "interpreter"
    return [
        f"mkdir -p {aside}",
        f"mount --bind {prefix} {aside}",
        f"mount -t tmpfs -o mode=755 tmpfs {closed[0]}",
        f"mkdir -p {prefix}",
        f"mount --bind {aside} {prefix}",
    ]


def _read_only(state: Path) -> list[str]:
    return [f"mount --bind {state} {state}", "mount -o remount,ro,bind /"]


@pytest.fixture
def confined() -> Iterator[Confined]:
    """A volume in a folder that everybody may enter, and nothing else that can be written."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        pytest.skip("runs as root with unshare and setpriv (util-linux)")
    with TemporaryDirectory(prefix="concord-image-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "volume"
        state.mkdir()
        os.chown(state, int(USER), int(USER))
        space = Confined(state)
        if space.run("true"):
            pytest.skip("no mount namespace may be made here")
        yield space


@contextmanager
def running(space: Confined, command: str, config: Path, says: str) -> Iterator[None]:
    """A command of ours until the block ends; then it is told to stop, and does."""
    process = space.start(sys.executable, "-m", "service", command, "--config", str(config))
    try:
        until = time.monotonic() + READY_S
        while says not in space.said:
            assert process.poll() is None, space.said[-2000:]
            assert time.monotonic() < until, space.said[-2000:]
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(GRACE_S + 12)
    assert ended == 0, space.said[-2000:]


def test_the_images_commands_run_read_only_as_a_user_who_owns_nothing(confined: Confined) -> None:
    assert confined.run("touch", str(ROOT / "service" / "written")) != 0
    assert confined.run("touch", str(confined.state / "written")) == 0
    port = free_port()
    config = confined.state.parent / "concord.toml"
    with sandbox("strict") as server:
        config.write_text(
            f'[store]\nurl = "sqlite:///{confined.state / "concord.db"}"\n[web]\nport = {port}\n'
            f'[sources.psychiatry]\nbase_url = "{server.base_url}"\n',
            "utf-8",
        )
        check = [
            sys.executable if word == "python" else word.replace("8080", str(port))
            for word in health_of_the_image()
        ]
        alive = [sys.executable, "-m", "service", "alive", "--config", str(config)]
        assert confined.run(*check) != 0
        assert confined.run(*alive) == 1
        with running(confined, "serve", config, "Concord listens"):
            assert confined.run(*check) == 0
            assert confined.run(*alive) == 0
        assert confined.run(*check) != 0
        with running(confined, "work", config, "Concord works"):
            assert confined.run(*alive) == 0
    left = {path.name.partition("-")[0] for path in confined.state.iterdir()}
    assert left <= {"concord.db", "concord", "said", "written", "interpreter"}
