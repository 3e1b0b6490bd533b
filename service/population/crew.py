"""Worker processes that each know the plan and load the tables once.

Processes are started anew (spawn), not forked: nothing of the caller's threads or files comes
along. One worker is no process at all: the work is done here.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from service.errors import ServiceError
from service.pipeline.reconcile import Knowledge
from service.population.partition import Partition
from service.population.people import Roster
from service.population.work import Plan

_R = TypeVar("_R")
_WAITING = 4
"""Tasks handed over ahead, for each worker."""


class WorkerLost(ServiceError):
    """A worker process ended before its work did (out of memory?); run the same command again: what
    is finished is kept."""


@dataclass
class Worker:
    """What one process keeps between its tasks."""

    plan: Plan
    load: Callable[[], Knowledge]

    @cached_property
    def knowledge(self) -> Knowledge:
        loaded = self.load()
        gc.collect()
        gc.freeze()
        return loaded

    @cached_property
    def roster(self) -> Roster:
        return Roster(self.plan.path("roster"), self.plan.path("offsets"))

    @cached_property
    def partition(self) -> Partition:
        return Partition(self.plan)


Task = Callable[..., _R]
_here: Worker | None = None


def _start(plan: Plan, load: Callable[[], Knowledge]) -> None:
    global _here  # noqa: PLW0603 - one worker a process, as the pool's initializer has it
    _here = Worker(plan, load)
    # Ctrl-C reaches the whole group: the caller alone answers it. A caller that was killed answers
    # nothing, and its workers would wait for ever.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller() -> None:
    caller = multiprocessing.parent_process()
    if caller is not None:
        caller.join()
        os._exit(1)


def _run(task: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    assert _here is not None  # noqa: S101 - `_start` ran first
    return task(_here, *arguments)


class Crew:
    """Runs tasks, each `task(worker, *arguments)`, in `workers` processes; use it with `with`."""

    def __init__(self, plan: Plan, load: Callable[[], Knowledge], workers: int) -> None:
        self._own = Worker(plan, load)
        self._workers = workers
        self._pool = (
            ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (plan, load))
            if workers > 1
            else None
        )

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def knowledge(self) -> Knowledge:
        """The tables, in this process."""
        return self._own.knowledge

    @property
    def roster(self) -> Roster:
        """All patient records, in this process."""
        return self._own.roster

    def each(self, task: Task[_R], tasks: Iterable[tuple[Any, ...]]) -> Iterator[_R]:
        """The results, in the order in which they are ready.

        Raises: WorkerLost when a process was ended from outside; what a task raises.
        """
        if self._pool is None:
            for arguments in tasks:
                yield task(self._own, *arguments)
            return
        waiting: set[Future[_R]] = set()
        try:
            for arguments in tasks:
                waiting.add(self._pool.submit(_run, task, arguments))
                if len(waiting) >= self._workers * _WAITING:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise WorkerLost() from None
