"""HAPI's instance validator as a child process: resources in, what it has against them out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.servers.process import talking


@dataclass(frozen=True)
class Issue:
    """One thing that the validator says of a resource."""

    severity: str
    location: str
    message: str


class Validator:
    """Validates one resource after the other."""

    def __init__(self, process: Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def issues(
        self, resource: Mapping[str, Any], profiles: Sequence[str] = ()
    ) -> tuple[Issue, ...]:
        """What it says of a resource, against its base definition and these profiles."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"profiles": list(profiles), "resource": resource})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text(encoding="utf-8")[-2000:]
        return tuple(
            Issue(one["severity"], one["location"], one["message"]) for one in json.loads(answer)
        )

    def errors(self, resource: Mapping[str, Any], profiles: Sequence[str] = ()) -> tuple[str, ...]:
        """Errors only, as "location: message"."""
        return tuple(
            f"{one.location}: {one.message}"
            for one in self.issues(resource, profiles)
            if one.severity in {"error", "fatal"}
        )


@contextmanager
def validating(
    command: Sequence[str], log: Path, package: Path | None = None
) -> Iterator[Validator]:
    """A running validator.

    Args:
        command: as `build.maven` gives it.
        package: an implementation guide (.tgz) that it knows beside R4.
    """
    whole = list(command)
    if package is not None:
        at = whole.index("-cp") + 1
        whole[at] = f"{whole[at]}{os.pathsep}{package.parent}"
        whole.append(package.name)
    with talking(whole, log) as process:
        yield Validator(process, log)
