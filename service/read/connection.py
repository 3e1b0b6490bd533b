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
from service.read.profile import SourceProfiles
from service.read.pull import SEARCHED_TYPES

NOBODY: Final = "concord-connection-test"
"""An id that no patient has: the search must be answered, with nobody in the answer."""


TRIED: Final = (
    "It answers",
    "It lets us sign in",
    "It offers what we read",
    "It grants what we read",
    "It answers a search",
)
ANSWERS, SIGNS_IN, OFFERS, GRANTS, SEARCHES = TRIED
SAID: Final = (
    "our credential is ready",
    "no sign-in is configured for it",
    "a search was answered, with nobody in it as it must",
    "not offered: {types}",
    "every resource type that is read",
    "not, or not wholly: {types}",
    "nothing is held back by the token's scopes",
)
"""What steps say besides what a server said: phrases of the page."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `fine` is None for what is worth knowing and no fault.

    `words` are one of SAID, with `types` in it, or what the server or the connection said.
    """

    tried: str
    fine: bool | None
    words: str
    types: str = ""


async def connection(
    client: FhirClient, profiles: SourceProfiles | None = None, vendor: str = "auto"
) -> tuple[Step, ...]:
    """The steps up to the first that fails. Never raises for what the server does wrong.

    Args:
        profiles: with `vendor`, how the server is asked: which profile that is, and what of it no
            page of the vendor itself tells, stands beside what the server is.
    """
    deadline = asyncio.get_running_loop().time() + client.limits.deadline_s
    try:
        known = await client.capabilities(deadline=deadline)
    except SourceError as error:
        tried = SIGNS_IN if isinstance(error, SourceRefused) else ANSWERS
        return (Step(tried, False, error.message),)
    steps = [_statement(known, profiles, vendor)]
    try:
        shown = await client.credentials.header(client.http, client.endpoint)
    except SourceError as error:
        return (*steps, Step(SIGNS_IN, False, error.message))
    signed_in = SAID[0] if shown else SAID[1]
    steps.append(Step(SIGNS_IN, True if shown else None, signed_in))
    steps.append(_offered(known))
    steps.append(_granted(client))
    asked = await client.search("Patient", (("_id", NOBODY),), deadline=deadline)
    certificate = asked.certificate
    answered = certificate.state in {State.COMPLETE, State.PARTIAL, State.STALE}
    words = "; ".join(certificate.reasons) or SAID[2]
    return (*steps, Step(SEARCHES, answered, words))


def _statement(known: Capabilities, profiles: SourceProfiles | None, vendor: str) -> Step:
    if not known.known:
        return Step(ANSWERS, None, known.reason)
    parts = [f"FHIR {known.fhir_version}" if known.fhir_version else "", known.software]
    if profiles is not None:
        profile = profiles.chosen(vendor, known.software, known.publisher)
        parts.append(f"asked as {profile.title}")
        parts += [f"unverified: {reason}" for reason in profile.unverified]
    return Step(ANSWERS, True, ", ".join(part for part in parts if part) or "yes")


def _offered(known: Capabilities) -> Step:
    missing = [kind for kind in SEARCHED_TYPES if not known.offers(kind)]
    if missing:
        return Step(OFFERS, None, SAID[3], ", ".join(missing))
    return Step(OFFERS, True, SAID[4])


def _granted(client: FhirClient) -> Step:
    closed = [kind for kind in SEARCHED_TYPES if client.credentials.grants(kind) is not Grant.WHOLE]
    if closed:
        return Step(GRANTS, False, SAID[5], ", ".join(closed))
    return Step(GRANTS, True, SAID[6])
