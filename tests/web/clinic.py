"""A running service over three sandbox servers, for browsers of several people at once.

Everything is real but the clock, which a test may move, and the servers, which may be told to fail.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import uvicorn

from service import app
from service.demo import DAY, SERVERS
from service.house import House, open_house
from service.model.review import User, UserRole
from service.pipeline.refresh import ask
from service.sandbox.faults import Answer, Fault
from service.sandbox.manners import PRESETS
from service.sandbox.run import running
from service.sandbox.server import Sandbox, resources_of
from service.settings import Access, Settings, Source, Store, Web
from service.web.application import create_app
from service.web.people.auth import Issuer
from service.write.target import ORDER
from tests.web.demo import free_port

PATIENTS = Path(__file__).parents[2] / "fixtures/patients"
_START_S = 120.0
_END_S = 30.0


class _Server(uvicorn.Server):
    """uvicorn in a thread: it tells when it answers, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config, answers: threading.Event) -> None:
        super().__init__(config)
        self._answers = answers

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self._answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Clinic:
    """`servers` are the sandboxes by name, `patients` our ids by the name of the fixture."""

    url: str
    servers: Mapping[str, Sandbox]
    patients: dict[str, str] = field(default_factory=dict)
    ahead: timedelta = timedelta()
    faults: list[BaseException] = field(default_factory=list)
    _issuer: list[Issuer] = field(default_factory=list)

    def now(self) -> datetime:
        return app.now() + self.ahead

    def token(self, user: User) -> str:
        return self._issuer[0].token(user)

    def page(self, patient: str) -> str:
        return f"{self.url}/patients/{self.patients[patient]}"

    def down(self, source: str) -> None:
        """The server answers nothing but errors until `up`."""
        self.servers[source].faults.add(Fault(Answer(status=503), times=0))

    def up(self, source: str) -> None:
        self.servers[source].faults.clear()

    def ask(self, method: str, path: str, user: User, **more: object) -> httpx.Response:
        """One request of a script of this person."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False) as script:
            return script.request(method, path, timeout=30, **more)  # type: ignore[arg-type]


@contextmanager
def opened(
    folder: Path, patients: Sequence[str], *, only_related: Sequence[UserRole] = ()
) -> Iterator[Clinic]:
    """The clinic with these patients of the fixtures read and reconciled.

    Raises: TimeoutError when it does not start; what ended its thread, if something did.
    """
    with ExitStack() as stack:
        servers = {name: Sandbox(PRESETS[name]) for name in SERVERS}
        addresses = {}
        for name, server in servers.items():
            for patient in patients:
                server.load_folder(PATIENTS / patient / "sources" / name)
            addresses[name] = stack.enter_context(running(server))
        port = free_port()
        settings = Settings(
            store=Store(url=f"sqlite:///{folder / 'clinic.db'}"),
            sources={name: Source(base_url=at, write=ORDER) for name, at in addresses.items()},
            web=Web(port=port, access=Access(only_related=tuple(only_related))),
        )
        clinic = Clinic(f"http://127.0.0.1:{port}", servers)
        answers, leave = threading.Event(), threading.Event()

        def run() -> None:
            try:
                asyncio.run(_open(clinic, settings, patients, answers, leave))
            except BaseException as fault:
                clinic.faults.append(fault)
                answers.set()
                raise

        thread = threading.Thread(target=run, name="clinic", daemon=True)
        thread.start()
        try:
            if not answers.wait(_START_S) or clinic.faults:
                raise TimeoutError("the clinic did not open") from next(iter(clinic.faults), None)
            yield clinic
        finally:
            leave.set()
            thread.join(_END_S)


async def _open(
    clinic: Clinic,
    settings: Settings,
    patients: Sequence[str],
    answers: threading.Event,
    leave: threading.Event,
) -> None:
    async with open_house(settings, day=DAY) as house:
        for patient in patients:
            clinic.patients[patient] = await _read(house, clinic, patient)
        async with house.working() as jobs:
            issuer = Issuer(house.store.key, clinic.now)
            clinic._issuer.append(issuer)
            services = replace(house.services(jobs, ("127.0.0.1",)), now=clinic.now, issuer=issuer)
            config = uvicorn.Config(
                create_app(services),
                port=settings.web.port,
                http="h11",
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
            server = _Server(config, answers)
            serving = asyncio.create_task(server.serve())
            await asyncio.to_thread(leave.wait)
            server.should_exit = True
            await serving


async def _read(house: House, clinic: Clinic, patient: str) -> str:
    """Asks for the patient by the record in psychiatry."""
    (reference,) = (
        f"Patient/{resource['id']}"
        for resource in resources_of(PATIENTS / patient / "sources/psychiatry")
        if resource["resourceType"] == "Patient"
    )
    asked = {"source": "psychiatry", "reference": reference}
    at = clinic.now()
    known = await ask(house.store, asked, User("u-0", "Rita Reader", UserRole.PHARMACIST), at=at)
    await house.reconcile(known)
    return known
