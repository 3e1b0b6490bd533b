"""Whom a resource is about, by asking its own server: nothing else of it is looked at or kept."""

from __future__ import annotations

from service.fhir import about
from service.fhir import bundle as bundles
from service.fhir.body import json_text
from service.fhir.client import FhirClient


async def subjects_of(client: FhirClient, reference: str) -> tuple[str, ...]:
    """References ("Patient/17") to whom a resource of this server is about; () where it is gone.

    Raises: SourceUnavailable, SourceRefused, SourceInvalid.
    """
    answer = await client.read(reference)
    if answer.status != 200:
        return ()
    whom = about.subjects(bundles.peek(json_text(answer.body))).references
    here = (client.endpoint.relative(one) for one in whom)
    return tuple(one for one in here if one and one.startswith("Patient/"))
