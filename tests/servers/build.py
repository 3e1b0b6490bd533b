"""Builds the servers of this folder once, in the user's cache, and says how each is started.

Packages come through npm and Maven as they are set up on the machine. What is missing has a name:
the test is then skipped with it, and fails under `--no-skips`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
MEMORY = ("-Xmx700m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For every JVM: small, and quick to start rather than fast in the long run."""

_BUILD_S = 1200.0
_NODE = (22, 18)


class Missing(Exception):
    """A tool or its packages are not to be had here; the message says which."""


def medplum() -> list[str]:
    """The command that serves Medplum's router; its argument is the port. Raises: Missing."""
    npm = _tool("npm")
    source = HERE / "medplum"
    home = _home(source)
    if not (home / "node_modules").is_dir():
        with _fresh(home) as making:
            for name in ("package.json", "server.mjs"):
                shutil.copy(source / name, making / name)
            _run([npm, "install", "--no-package-lock", "--no-audit", "--no-fund"], making)
    return [_node(home), str(home / "server.mjs")]


def maven(name: str, main_class: str) -> list[str]:
    """The command that runs a Maven project of this folder. Raises: Missing."""
    java, build = _tool("java"), _tool("mvn")
    source = HERE / name
    home = _home(source)
    if not _whole(home):
        with _fresh(home) as making:
            goals = ["compile", "dependency:build-classpath"]
            where = [f"-Dout={making}", f"-Dmdep.outputFile={making / 'classpath'}"]
            _run([build, "-B", "-q", *where, *goals], source)
    classpath = f"{home / 'classes'}{os.pathsep}{(home / 'classpath').read_text().strip()}"
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [java, *MEMORY, quiet, "-cp", classpath, main_class]


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


def _home(source: Path) -> Path:
    """Where this very version of a project is built."""
    digest = sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "concord-tests" / f"{source.name}-{digest.hexdigest()[:16]}"


def _whole(home: Path) -> bool:
    """Whether it was built, and the packages that it was built with are still there."""
    listed = home / "classpath"
    if not listed.is_file():
        return False
    return all(Path(jar).is_file() for jar in listed.read_text().strip().split(os.pathsep))


class _fresh:
    """A folder beside the final one that takes its place when all went well."""

    def __init__(self, home: Path) -> None:
        self.home, self.making = home, home.with_name(f"{home.name}.{os.getpid()}")

    def __enter__(self) -> Path:
        self.making.mkdir(parents=True)
        return self.making

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            shutil.rmtree(self.home, ignore_errors=True)
            self.making.rename(self.home)
        else:
            shutil.rmtree(self.making, ignore_errors=True)


def _run(command: Sequence[str], folder: Path) -> None:
    """Runs one step of a build. Raises: Missing with the end of what it said."""
    try:
        done = subprocess.run(
            ["nice", *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{Path(command[0]).name} did not end within {_BUILD_S:.0f} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        if "COMPILATION ERROR" in said:
            raise AssertionError(said)
        raise Missing(f"{Path(command[0]).name} could not build {folder.name}: {said[-600:]}")


def _node(home: Path) -> str:
    """A Node that Medplum's packages accept: the one that came with them, else the machine's."""
    seen = []
    for node in (home / "node_modules" / "node" / "bin" / "node", shutil.which("node")):
        if node is None or not Path(node).is_file():
            continue
        asked = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, timeout=30, check=False
        )
        version = asked.stdout.strip().removeprefix("v")
        numbers = version.split(".")
        if len(numbers) > 2 and (int(numbers[0]), int(numbers[1])) >= _NODE:
            return str(node)
        seen.append(version or "none that runs")
    raise Missing(f"Node 22.18 or newer is needed; found: {', '.join(seen) or 'none'}")
