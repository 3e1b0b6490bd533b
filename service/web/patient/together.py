"""Two people on one patient: what the other decided meanwhile appears where it belongs."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.web.patient.screen import page_of
from service.web.people.access import Reviewer, services_of
from service.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/patients/{patient}/others")
async def others(
    request: Request, user: Reviewer, patient: str, seen: str = "", shown: str = ""
) -> Response:
    """Decisions of others since `seen` (an instant) on the list `shown` (start of its digest).

    Nothing (204) while there is nothing new; what this person decided is on the page already.
    """
    page = await page_of(services_of(request), user, patient)
    newer = shown != page.digest
    changed = [
        item
        for id_, decided in sorted(page.decisions.items())
        if decided.at > seen and decided.by_id != user.id and (item := page.item(id_)) is not None
    ]
    if not changed and not newer:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return render(request, "others.html", page=page, changed=changed, newer=newer)
