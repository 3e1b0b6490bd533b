"""Whether one server can be read as it is configured, step by step, without reading a patient.

Each step says in words what was tried and what came of it, so that an IT team sees which side has
to act: the network, the credentials, what the server offers, or what it grants us.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from service.errors import SourceError, SourceRefused
from service.fhir.capability import Capabilities
from service.fhir.client import FhirClient
from service.fhir.scopes import Grant
from service.model.source import State
from service.read.pull import SEARCHED_TYPES

NOBODY: Final = "concord-connection-test"
"""An id that no patient has: the search must be answered, with nobody in the answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `fine` is None for what is worth knowing and no fault."""

    tried: str
    fine: bool | None
    words: str


async def connection(client: FhirClient) -> tuple[Step, ...]:
    """The steps up to the first that fails. Never raises for what the server does wrong."""
    deadline = asyncio.get_running_loop().time() + client.limits.deadline_s
    try:
        known = await client.capabilities(deadline=deadline)
    except SourceError as error:
        tried = "It lets us sign in" if isinstance(error, SourceRefused) else "It answers"
        return (Step(tried, False, error.message),)
    steps = [_statement(known)]
    try:
        shown = await client.credentials.header(client.http, client.endpoint)
    except SourceError as error:
        return (*steps, Step("It lets us sign in", False, error.message))
    signed_in = "our credential is ready" if shown else "no sign-in is configured for it"
    steps.append(Step("It lets us sign in", True if shown else None, signed_in))
    steps.append(_offered(known))
    steps.append(_granted(client))
    asked = await client.search("Patient", (("_id", NOBODY),), deadline=deadline)
    certificate = asked.certificate
    answered = certificate.state in {State.COMPLETE, State.PARTIAL, State.STALE}
    words = "; ".join(certificate.reasons) or "a search was answered, with nobody in it as it must"
    return (*steps, Step("It answers a search", answered, words))


def _statement(known: Capabilities) -> Step:
    if not known.known:
        return Step("It answers", None, known.reason)
    parts = (f"FHIR {known.fhir_version}" if known.fhir_version else "", known.software)
    return Step("It answers", True, ", ".join(part for part in parts if part) or "yes")


def _offered(known: Capabilities) -> Step:
    missing = [kind for kind in SEARCHED_TYPES if not known.offers(kind)]
    if missing:
        return Step("It offers what we read", None, f"not offered: {', '.join(missing)}")
    return Step("It offers what we read", True, "every resource type that is read")


def _granted(client: FhirClient) -> Step:
    closed = [kind for kind in SEARCHED_TYPES if client.credentials.grants(kind) is not Grant.WHOLE]
    if closed:
        return Step("It grants what we read", False, f"not, or not wholly: {', '.join(closed)}")
    return Step("It grants what we read", True, "nothing is held back by the token's scopes")
