"""Breaking the glass: opening a patient whom one has nothing to do with, for a reason, for hours.

The reason is kept with who, when and whom; an alert stands for the privacy officer (role admin),
who sees the coded reason and opaque ids, never the words, which may name the patient.
Sources: 45 CFR 164.312(a)(2)(ii) (emergency access procedure); 42 CFR 2.51 (what is recorded).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.errors import DecisionNotAllowed, NotKept
from service.model.review import User
from service.store import access, audit, patients
from service.web.api.body import body_of
from service.web.people.access import Auditor, Reviewer, services_of
from service.web.services import Services
from service.web.templating import render

router = APIRouter()
log = structlog.get_logger()

REASONS: Final = {
    "emergency": "A medical emergency",
    "covering": "I cover for a colleague",
    "called": "The patient or a relative asked for help",
    "other": "Another reason",
}
OPEN_FOR: Final = timedelta(hours=4)
_SHORTEST: Final = 10
_LONGEST: Final = 2_000


@router.get("/emergency", include_in_schema=False)
async def emergency_page(request: Request, user: Reviewer) -> Response:
    """The form: whom, and why."""
    services = services_of(request)
    return render(
        request,
        "emergency.html",
        reasons=REASONS,
        hours=OPEN_FOR.seconds // 3600,
        confined=user.role in services.only_related,
        sources=sorted(services.sources),
    )


@router.post("/emergency", include_in_schema=False)
async def emergency(
    request: Request,
    user: Reviewer,
    patient: Annotated[str, Form()],
    reason_code: Annotated[str, Form()],
    reason: Annotated[str, Form()],
) -> Response:
    opened, _ = await break_glass(request, user, patient, reason_code, reason)
    return RedirectResponse(f"/patients/{opened}", HTTPStatus.SEE_OTHER)


@router.post("/api/break-glass", status_code=HTTPStatus.CREATED)
async def break_glass_by_api(request: Request, user: Reviewer) -> dict[str, str]:
    """`{"patient", "reason_code", "reason"}` -> until when it is open; patient as on the page."""
    body = await body_of(request)
    given = [body.get(key) for key in ("patient", "reason_code", "reason")]
    if body.keys() != {"patient", "reason_code", "reason"} or not all(
        isinstance(one, str) for one in given
    ):
        raise DecisionNotAllowed("Give patient, reason_code and reason, each as a text.")
    opened, until = await break_glass(request, user, *map(str, given))
    return {"id": opened, "until": until.isoformat()}


@router.get("/api/alerts")
async def alerts(request: Request, _user: Auditor) -> dict[str, Any]:
    """Who broke the glass, newest first: opaque ids and the coded reason."""
    async with services_of(request).store.read() as look:
        found = await access.alerts(look)
    return {
        "alerts": [
            {
                "number": grant.number,
                "patient": grant.patient,
                "who": grant.who,
                "reason_code": grant.reason_code,
                "at": grant.at.isoformat(),
                "until": grant.until.isoformat() if grant.until else None,
                "seen_by": grant.seen_by or None,
                "seen_at": grant.seen_at.isoformat() if grant.seen_at else None,
            }
            for grant in found
        ]
    }


@router.get("/alerts", include_in_schema=False)
async def alerts_page(request: Request, _user: Auditor) -> Response:
    """The same as a page, with what was done by that person while it was open."""
    services = services_of(request)
    async with services.store.read() as look:
        found = await access.alerts(look)
        looks = {
            grant.number: await audit.acts_between(
                look, grant.who, grant.patient, grant.at, grant.until or services.now()
            )
            for grant in found
        }
    now = services.now()
    return render(
        request,
        "alerts.html",
        alerts=found,
        looks=looks,
        reasons=REASONS,
        waiting=sum(not grant.seen_by for grant in found),
        open_now={g.number for g in found if g.until is not None and g.until > now},
    )


@router.post("/alerts/{alert}/seen", include_in_schema=False)
async def see_alert(request: Request, user: Auditor, alert: int) -> Response:
    """The privacy officer has looked at it."""
    services = services_of(request)
    at = services.now()
    async with services.store.transaction() as tx:
        await access.see_alert(tx, alert, user, at=at)
        await audit.record(tx, user, "see-alert", str(alert), at=at)
    return RedirectResponse("/alerts", HTTPStatus.SEE_OTHER)


async def break_glass(
    request: Request, user: User, patient: str, reason_code: str, reason: str
) -> tuple[str, datetime]:
    """Opens the patient for this person; gives our id and until when.

    Raises: DecisionNotAllowed without a reason; NotKept for a patient who is not here.
    """
    services = services_of(request)
    if reason_code not in REASONS or not _SHORTEST <= len(reason.strip()) <= _LONGEST:
        raise DecisionNotAllowed(
            "Say why: one of {reasons}, and {least} to {most} characters.",
            reasons=", ".join(REASONS),
            least=str(_SHORTEST),
            most=str(_LONGEST),
        )
    at = services.now()
    correlation = str(request.scope.get("correlation", ""))
    found = await _found(services, patient.strip())
    async with services.store.transaction() as tx:
        if found:
            await access.grant(
                tx,
                found,
                user.id,
                access.How.BREAK_GLASS,
                reason_code=reason_code,
                reason=reason.strip(),
                at=at,
                until=at + OPEN_FOR,
            )
        await audit.record(
            tx,
            user,
            "break-glass",
            reason_code,
            patient=found,
            outcome="alert" if found else "refused-patient",
            correlation=correlation,
            at=at,
        )
    if not found:
        raise NotKept
    log.warning("glass_broken", patient=found, correlation=correlation, reason_code=reason_code)
    return found, at + OPEN_FOR


async def _found(services: Services, wanted: str) -> str:
    """Our id of "p-..." or "source:Patient/ID", "" where nobody is kept under it."""
    source, colon, reference = wanted.partition(":")
    async with services.store.read() as look:
        if not colon:
            return await access.patient_of(look, "patient", wanted) or ""
        known = await patients.holding(look, source, reference)
    return known[0] if known else ""
