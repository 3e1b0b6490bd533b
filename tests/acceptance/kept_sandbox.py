"""A sandbox server that finds everything again after a kill: each write is in a file before it is
answered.

    python -m tests.acceptance.kept_sandbox strict PORT FILE

One line of JSON is one write, or one transaction; a line that was cut short never happened.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from service.sandbox.exchange import decode, encode
from service.sandbox.manners import PRESETS
from service.sandbox.run import running
from service.sandbox.server import Sandbox
from service.sandbox.storage import Storage, Version


class KeptStorage(Storage):
    """A storage with its versions in a file too."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._unwritten: list[Version] = []
        for line in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
            if line.endswith(b"\n"):
                for one in decode(line):
                    version = Version(**one | {"at": datetime.fromisoformat(one["at"])})
                    self._types.setdefault(version.type, {}).setdefault(version.id, []).append(
                        version
                    )
        self._file = file.open("ab", buffering=0)

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        try:
            with super().all_or_nothing():
                yield
        except BaseException:
            self._unwritten.clear()
            raise
        self._write()

    def _append(self, versions: list[Version], version: Version) -> None:
        super()._append(versions, version)
        self._unwritten.append(version)
        if self._journal is None:
            self._write()

    def _write(self) -> None:
        if self._unwritten:
            self._file.write(encode([_plain(one) for one in self._unwritten]) + b"\n")
            self._unwritten.clear()


def _plain(version: Version) -> dict[str, Any]:
    return {
        "type": version.type,
        "id": version.id,
        "number": version.number,
        "at": version.at.isoformat(),
        "method": version.method,
        "resource": version.resource,
        "loaded": version.loaded,
    }


def main(name: str, port: str, file: str) -> None:
    with running(Sandbox(PRESETS[name], KeptStorage(Path(file))), int(port)) as base_url:
        print(f"ready {base_url.split(':')[2].split('/')[0]}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
