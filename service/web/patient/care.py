"""The care plan beside the drugs: what is due, asked, booked, agreed and taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.report.plan_words import ACTIVITY_WORDS
from service.web.over_time.monitoring import calendar
from service.web.patient.screen import page_of
from service.web.people.access import Reviewer, services_of
from service.web.templating import render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Care:
    """What the page shows; every list is empty where the sources hold nothing of it."""

    calendar: Sequence[Mapping[str, Any]]
    questions: Sequence[Mapping[str, Any]]
    activities: Sequence[Mapping[str, Any]]
    goals: Sequence[Mapping[str, Any]]
    preferences: Sequence[Mapping[str, Any]]
    education: Sequence[Mapping[str, Any]]
    booked: Sequence[Mapping[str, Any]]
    clinicians: Sequence[Mapping[str, Any]]


def care(content: Mapping[str, Any]) -> Care:
    """The plan of a report in the words and order of the page."""
    plan = content.get("plan", {})
    names = {m["id"]: m["display"] for m in content["medications"]}
    titles = {f["id"]: f["title"] for f in content["findings"]}
    visits = content.get("context", {}).get("visits", ())
    goals = plan.get("goals", ())
    return Care(
        calendar=calendar(content),
        questions=[
            {**asked, "about": titles.get(asked["finding"], "")}
            for asked in plan.get("questions", ())
        ],
        activities=[
            {**one, "words": ACTIVITY_WORDS.get(one["kind"], one["kind"].replace("-", " "))}
            for one in plan.get("activities", ())
        ],
        goals=[goal for goal in goals if goal["kind"] != "preference"],
        preferences=[goal for goal in goals if goal["kind"] == "preference"],
        education=[
            {**taught, "drugs": [names[m] for m in taught["medications"] if m in names]}
            for taught in plan.get("education", ())
        ],
        booked=[visit for visit in visits if visit["date"] >= content["as_of"]],
        clinicians=_clinicians(content),
    )


def _clinicians(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who orders what, by name: whose each drug is."""
    orders: dict[tuple[str, str], set[str]] = {}
    for medication in content["medications"]:
        for line in medication["lines"]:
            if line["requester"] and line["kind"] == "request" and line["state"] != "stopped":
                orders.setdefault((line["requester"], line["source"]), set()).add(
                    medication["display"]
                )
    return [
        {"name": name, "source": source, "drugs": sorted(drugs)}
        for (name, source), drugs in sorted(orders.items())
    ]


@router.get("/patients/{patient}/care")
async def care_page(request: Request, user: Reviewer, patient: str) -> Response:
    """Monitoring, visits, therapy, goals, questions and education of one patient."""
    page = await page_of(services_of(request), user, patient)
    return render(request, "care.html", page=page, care=care(page.content))
