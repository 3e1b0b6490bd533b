"""The patient's own questions and wishes, noted beside the list and taken back before it counts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import DecisionNotAllowed
from service.store import audit, patient_words
from service.web.people.access import Decider, services_of

router = APIRouter(include_in_schema=False)

_LONGEST: Final = 2_000


@router.post("/patients/{patient}/words")
async def note(
    request: Request,
    user: Decider,
    patient: str,
    kind: Annotated[str, Form()],
    text: Annotated[str, Form()],
) -> Response:
    """One question or wish. Raises: DecisionNotAllowed for an empty one or another kind."""
    if kind not in patient_words.KINDS or not 0 < len(text.strip()) <= _LONGEST:
        raise DecisionNotAllowed(
            "Write a question or a wish, up to {most} characters.", most=str(_LONGEST)
        )
    services = services_of(request)
    at = services.now()
    async with services.store.transaction() as tx:
        await patient_words.note(tx, patient, kind, text.strip(), user, at=at)
        await audit.record(tx, user, f"note-{kind}", patient, patient=patient, at=at)
    return RedirectResponse(f"/patients/{patient}#words", HTTPStatus.SEE_OTHER)


@router.post("/patients/{patient}/words/{word}/back")
async def take_back(request: Request, user: Decider, patient: str, word: int) -> Response:
    """It was noted in error; it stays in the store and is shown no more. Raises: NotKept."""
    services = services_of(request)
    at = services.now()
    async with services.store.transaction() as tx:
        await patient_words.take_back(tx, patient, word, user, at=at)
        await audit.record(tx, user, "take-back-word", str(word), patient=patient, at=at)
    return RedirectResponse(f"/patients/{patient}#words", HTTPStatus.SEE_OTHER)
