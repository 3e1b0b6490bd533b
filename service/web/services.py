"""What the web application is given: built by `app`, asked by pages and API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from service.assess.rule import RuleBook
from service.model.review import User, UserRole
from service.read.connection import Step
from service.store import Store
from service.web.language import LOCALES
from service.web.operations.meter import Meter
from service.web.people.auth import Issuer
from service.web.people.issuers import Launches, OpenId
from service.web.people.tries import Tries
from service.web.senders import Sender
from service.write.target import WriteTarget


async def _not_read_again(_review: str) -> None:
    """For an application without sources of its own: what is kept is all there is."""


async def _no_connection(_source: str) -> Sequence[Step]:
    """For an application without sources of its own."""
    return ()


def _no_text(_rule: str) -> str:
    """For an application without a folder of rules."""
    return ""


def _no_certificates() -> Mapping[str, datetime]:
    """For an application without sources of its own."""
    return {}


def _no_keys() -> Mapping[str, object]:
    return {"keys": []}


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the routes.

    `queue` starts a job ("reconcile" of a patient, "deliver" of a signature) and gives its id;
    `targets` are the servers as recipients; `unchanged` reads the sources again before a review is
    signed and raises ReviewStale when they say something else by now. `sources` are base URLs of
    servers by name, for links.
    `demo_user` is signed in without asking, on loopback only; None everywhere but in the demo.
    `origin` is how browsers reach us ("https://concord.example"), "" where it is as we listen.
    `only_related` are roles that see only patients whom they have to do with. `openid` is where
    people sign in, `launches` the EHRs they come from; `public_keys` are our own, as a JWK Set.
    `senders` are the sources that may notify us, by name. What was read longer ago than
    `stale_after` is shown as stale; `every` is how often a source is read by itself.
    `metrics_token` opens `/metrics` from elsewhere; `meter` and `tries` count in this process.
    `rules` are in force here, `rule_text` gives the file of one; `drug_classes` is the therapeutic
    class of an ingredient by RxCUI. `connection` tries one source, step by step; `certificates`
    are the ends of those that sources showed when they were asked last. `locales` is the
    folder of the catalogues, one file for each language.
    """

    store: Store
    issuer: Issuer
    queue: Callable[[str, str], Awaitable[str]]
    targets: Callable[[], Awaitable[Sequence[WriteTarget]]]
    now: Callable[[], datetime]
    unchanged: Callable[[str], Awaitable[None]] = _not_read_again
    sources: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    demo_user: User | None = None
    origin: str = ""
    only_related: frozenset[UserRole] = frozenset()
    openid: OpenId | None = None
    launches: Launches | None = None
    public_keys: Callable[[], Mapping[str, object]] = _no_keys
    senders: Mapping[str, Sender] = field(default_factory=dict)
    stale_after: timedelta = timedelta(hours=24)
    every: Mapping[str, timedelta] = field(default_factory=dict)
    metrics_token: str = ""
    rules: RuleBook = field(default_factory=lambda: RuleBook(()))
    rule_text: Callable[[str], str] = _no_text
    drug_classes: Mapping[str, str] = field(default_factory=dict)
    connection: Callable[[str], Awaitable[Sequence[Step]]] = _no_connection
    certificates: Callable[[], Mapping[str, datetime]] = _no_certificates
    meter: Meter = field(default_factory=Meter)
    tries: Tries = field(default_factory=Tries)
    locales: Path = LOCALES
