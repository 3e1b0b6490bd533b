"""The patient over time: the picture, the monitoring calendar, and both in words."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.web.over_time.monitoring import calendar
from service.web.over_time.timeline import MONTHS, timeline
from service.web.patient.screen import page_of
from service.web.people.access import Reviewer, services_of
from service.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/patients/{patient}/timeline")
async def over_time(
    request: Request, user: Reviewer, patient: str, months: int = MONTHS[1]
) -> Response:
    """Exposures, contacts and results on one axis; `months` back, one of MONTHS."""
    page = await page_of(services_of(request), user, patient)
    return render(
        request,
        "timeline.html",
        page=page,
        line=timeline(page.content, months if months in MONTHS else MONTHS[1]),
        calendar=calendar(page.content),
        spans=MONTHS,
    )
