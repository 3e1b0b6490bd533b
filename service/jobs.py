"""Durable work: a job is a row first, then a workflow of the same name; the only import of DBOS.

DBOS keeps which step a workflow has reached, in SQLite beside the store or in the same PostgreSQL.
Its steps happen at least once, so every piece of work here is idempotent by itself. It is given
ids only, as JSON, a fixed application version and a stable executor id: an upgraded worker goes on
with what the one before it began.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from service.errors import After, ServiceError, UsageError
from service.store import Store, leases
from service.store import jobs as rows
from service.store.jobs import Job, JobState
from service.store.subsecond import Subsecond

VERSION = "1"
"""Raised only when a workflow's steps change, never with a release."""

ALIVE_S = 20.0
"""A worker that has not been heard of for so long is dead; others take its jobs over."""

_QUEUE = "concord"
_BY_ITSELF = "concord-sync"
"""The queue of what nobody waits for: a source that hangs there holds no person's job up."""

_POLL_S = 0.25
_TRIES = 5

Work = Callable[[str], Awaitable[None]]
"""Does one kind of job for the row with this id; safe to call again at any time."""


@dataclass(slots=True)
class Jobs:
    """Starts jobs and, where `works` says so, does them.

    Args:
        store: where the rows are.
        database: DBOS's own address: "sqlite:///FILE" or "postgresql://...".
        works: what each kind does ("reconcile", "deliver", "pull", "sync"); empty only queues.
        worker: stable name of this process among its kind.
        clock: the moment now, aware.
        at_once: how many jobs one process does at a time.
        syncs_at_once: how many sources one process reads by itself at a time, beside those jobs.
    """

    store: Store
    database: str
    works: Mapping[str, Work]
    worker: str
    clock: Callable[[], datetime]
    at_once: int = 4
    syncs_at_once: int = 4
    _home: asyncio.AbstractEventLoop = field(init=False, repr=False)
    _workflow: Callable[..., Any] = field(init=False, repr=False)
    _pulse: asyncio.Task[None] | None = field(init=False, default=None, repr=False)

    async def launch(self) -> None:
        """Begin: take up what a row asks for and nobody finished, this worker's own first."""
        from dbos import DBOS

        self._home = asyncio.get_running_loop()
        embedded = self.database.startswith("sqlite")
        DBOS(
            config={
                "name": "concord",
                "system_database_url": self.database,
                "application_version": VERSION,
                "executor_id": self.worker,
                "serializer": _json(),
                "log_level": "ERROR",
                "enable_otlp": False,
                "sys_db_pool_size": 4,
                "db_engine_kwargs": {"connect_args": {"factory": Subsecond}} if embedded else {},
                "max_executor_threads": 4,
            }
        )
        at_home = self._at_home

        async def job_of(kind: str, job: str) -> str:
            return await DBOS.run_step_async({"name": kind}, at_home, kind, job)

        self._workflow = DBOS.workflow(name="job")(job_of)
        if not self.works:
            DBOS.listen_queues([])
        await asyncio.to_thread(DBOS.launch)
        await DBOS.register_queue_async(
            _QUEUE, worker_concurrency=self.at_once, polling_interval_sec=_POLL_S
        )
        await DBOS.register_queue_async(
            _BY_ITSELF, worker_concurrency=self.syncs_at_once, polling_interval_sec=_POLL_S
        )
        async with self.store.read() as look:
            unfinished = await rows.unfinished(look)
        for job in unfinished:
            await self.start(job.kind, job.id)
        if self.works:
            self._pulse = asyncio.create_task(self._stay_alive())

    async def queue(self, kind: str, subject: str) -> str:
        """A new job of this kind about this row; gives the job's id."""
        job = f"{kind}-{uuid4().hex}"
        async with self.store.transaction() as tx:
            await rows.add(tx, job, kind, subject, at=self.clock())
        await self.start(kind, job)
        return job

    async def start(self, kind: str, job: str) -> None:
        """Let the job of this row be done; starting it twice is starting it once."""
        from dbos import DBOS, SetWorkflowID

        with SetWorkflowID(job):
            queue = _BY_ITSELF if kind == "sync" else _QUEUE
            await DBOS.enqueue_workflow_async(queue, self._workflow, kind, job)

    async def forget(self, jobs: Sequence[str]) -> None:
        """Delete what DBOS kept of jobs whose rows are gone."""
        from dbos import DBOS

        if jobs:
            await DBOS.delete_workflows_async(list(jobs))

    async def status(self, job: str) -> Job:
        """Where the job stands. Raises: NotKept."""
        async with self.store.read() as look:
            return await rows.get(look, job)

    async def take_over(self) -> int:
        """Queue again what dead workers had begun; gives how many jobs that were."""
        from dbos import DBOS

        at = self.clock()
        async with self.store.read() as look:
            held = await leases.named(look, "worker/")
        alive = [lease.name.removeprefix("worker/") for lease in held if lease.until > at]
        dead = [lease.name.removeprefix("worker/") for lease in held if lease.until <= at]
        dead = [worker for worker in dead if worker not in alive and worker != self.worker]
        if not dead:
            return 0
        begun = await DBOS.list_workflows_async(
            status="PENDING", executor_id=dead, load_input=False, load_output=False
        )
        for workflow in begun:
            queue = workflow.queue_name or _QUEUE
            await DBOS.resume_workflow_async(workflow.workflow_id, queue_name=queue)
        return len(begun)

    async def close(self, *, seconds: int = 8) -> None:
        """End within `seconds`; what is not finished goes on after the next launch."""
        from dbos import DBOS

        if self._pulse is not None:
            self._pulse.cancel()
            await asyncio.gather(self._pulse, return_exceptions=True)
        await asyncio.to_thread(
            DBOS.destroy, destroy_registry=True, workflow_completion_timeout_sec=seconds
        )

    async def _at_home(self, kind: str, job: str) -> str:
        """The one step, on the event loop that the store and the clients belong to."""
        done = asyncio.run_coroutine_threadsafe(self._do(kind, job), self._home)
        return await asyncio.wrap_future(done)

    async def _do(self, kind: str, job: str) -> str:
        """Do the work and keep in the row how it ended; only what may pass by is tried again."""
        work = self.works.get(kind)
        if work is None:
            await self._ended(job, JobState.FAILED, str(UsageError(f"no such job: {kind}")))
            return JobState.FAILED.value
        async with self.store.transaction() as tx:
            row = await rows.get(tx, job)
            if row.state in {JobState.DONE, JobState.FAILED}:
                return row.state.value
            await rows.move(tx, job, JobState.RUNNING, at=self.clock())
        for attempt in range(1, _TRIES + 1):
            try:
                await work(row.subject)
            except ServiceError as error:
                if error.after is After.RETRY and attempt < _TRIES:
                    await asyncio.sleep(2.0 ** (attempt - 1))
                    continue
                await self._ended(job, JobState.FAILED, error.message)
                return JobState.FAILED.value
            break
        await self._ended(job, JobState.DONE, "")
        return JobState.DONE.value

    async def _ended(self, job: str, state: JobState, reason: str) -> None:
        async with self.store.transaction() as tx:
            await rows.move(tx, job, state, at=self.clock(), reason=reason)

    async def _stay_alive(self) -> None:
        """Tell the others that this worker lives, and look after those that do not."""
        name = f"worker/{self.worker}"
        while True:
            async with self.store.transaction() as tx:
                await leases.renew(tx, name, self.worker, seconds=ALIVE_S, at=self.clock())
            await self.take_over()
            await asyncio.sleep(ALIVE_S / 4)


def _json() -> Any:
    """DBOS's serializer, in JSON: its default is pickle, which runs what it reads."""
    from dbos import Serializer

    class Json(Serializer):
        """Ids and states only; an error is kept by its class and message."""

        def serialize(self, data: Any) -> str:
            return json.dumps(data, default=_plain)

        def deserialize(self, serialized_data: str) -> Any:
            return json.loads(serialized_data)

        def name(self) -> str:
            return "json"

    return Json()


def _plain(value: object) -> object:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return list(value) if isinstance(value, tuple | set | frozenset) else repr(type(value))
