"""Sandbox servers in a process of their own, as servers of other houses are.

The child ends when its parent does, however that ends: it waits on a pipe that only the parent
holds open. An interrupt from the terminal reaches both; the child leaves it to the parent.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from service.errors import SetupError
from service.sandbox.manners import PRESETS
from service.sandbox.run import serving
from service.sandbox.server import Sandbox

_END_S = 5.0


class SandboxNotStarted(SetupError):
    """The sandbox servers did not start; run the command again."""


@dataclass(frozen=True, slots=True)
class Running:
    """One sandbox server that answers: its FHIR base URL, and how many resources it was given."""

    base_url: str
    resources: int


@contextmanager
def apart(folders: Mapping[str, Sequence[Path]]) -> Iterator[Mapping[str, Running]]:
    """Serves each named preset with the resources of its folders; yields what answers.

    Raises: SandboxNotStarted.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, dict(folders)), name="sandbox")
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    except EOFError:
        raise SandboxNotStarted from None
    finally:
        ours.close()
        process.join(_END_S)
        if process.is_alive():
            process.kill()


def _serve(pipe: Connection, folders: Mapping[str, Sequence[Path]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve_all(pipe, folders))


async def _serve_all(pipe: Connection, folders: Mapping[str, Sequence[Path]]) -> None:
    async with AsyncExitStack() as stack:
        running = {}
        for name, given in folders.items():
            sandbox = Sandbox(PRESETS[name])
            loaded = sum(sandbox.load_folder(folder) for folder in given)
            address = await stack.enter_async_context(serving(sandbox))
            running[name] = Running(address, loaded)
        pipe.send(running)
        left = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), left.set)
        await left.wait()
