"""Words: a message to somebody of the care team, and what stands for what a server does not take.

Communication tells a Task to its owner, or stands for it where the server takes none;
DocumentReference stands for the list and the plan. Nobody can answer or complete what only stands
for a Task, so that it says so. Source: FHIR R4 Communication (what needs an answer is a Task); what
servers document that they take (Oracle Health: Communication and DocumentReference, but no Task,
List or CarePlan).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from service.write.codes import NOTIFICATION, RECONCILED_LIST, SIGNED, WITHHELD, concept
from service.write.desk import Desk
from service.write.elements import compact, instant, meta, narrative, person
from service.write.identity import identifier

COMMUNICATION = "Communication"
DOCUMENT = "DocumentReference"


def instead(desk: Desk, task: Mapping[str, Any]) -> dict[str, Any]:
    """A message with the words of a Task that this server does not take."""
    added = "(This server takes no tasks: please answer to the sender.)"
    return _message(desk, task, "Message in place of a task", added, {})


def beside(desk: Desk, task: Mapping[str, Any]) -> dict[str, Any]:
    """A message to the owner of a Task, beside it: the answer belongs to the Task."""
    stands = desk.ours("Task", task["identifier"][0]["value"])
    linked = {
        "category": [concept(NOTIFICATION)],
        "basedOn": [stands],
        "about": [task["focus"]],
    }
    return _message(desk, task, "Message about a task", "(Please answer at the task.)", linked)


def _message(
    desk: Desk, task: Mapping[str, Any], title: str, added: str, linked: Mapping[str, Any]
) -> dict[str, Any]:
    at = instant(desk.signing.at)
    item = task["identifier"][0]["value"]
    owner = task.get("owner")
    return compact(
        {
            "resourceType": COMMUNICATION,
            "meta": task["meta"],
            "text": narrative(title, [task["description"]]),
            "identifier": [identifier(message_key(desk, item))],
            "status": "completed",
            **linked,
            "subject": desk.patient_reference(),
            "sent": at,
            "recipient": [owner] if owner else None,
            "sender": person(desk.signing.by),
            "payload": [{"contentString": f"{task['description']} {added}"}],
        }
    )


def document(
    desk: Desk, parts: Sequence[Mapping[str, Any]], labels: frozenset[str]
) -> dict[str, Any]:
    """The list and the plan as one page, where the server takes neither as a resource.

    As PDF where the site draws one, and as XHTML in any case.
    """
    at = instant(desk.signing.at)
    page = "".join(part["text"]["div"] for part in parts)
    titles = [str(part["title"]) for part in parts]
    html = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{page}</body></html>'
    tags = [SIGNED, WITHHELD] if desk.withheld else [SIGNED]
    pages = [("text/html", html.encode())]
    if desk.target.draws and (drawn := desk.target.draws(html)):
        pages.insert(0, ("application/pdf", drawn))
    return compact(
        {
            "resourceType": DOCUMENT,
            "meta": meta(tags, labels),
            "text": narrative("Document in place of: " + ", ".join(titles)),
            "identifier": [identifier(desk.standing_key(DOCUMENT))],
            "status": "current",
            "docStatus": "final",
            "type": concept(RECONCILED_LIST),
            "subject": desk.patient_reference(),
            "date": at,
            "author": [person(desk.signing.by)],
            "description": ", ".join(titles),
            "content": [
                {
                    "attachment": {
                        "contentType": kind,
                        "language": "en",
                        "data": b64encode(data).decode(),
                        "title": ", ".join(titles),
                        "creation": at,
                    }
                }
                for kind, data in pages
            ],
        }
    )


def message_key(desk: Desk, task_key: str) -> str:
    """The identifier of the message that stands for this Task."""
    return desk.event_key(COMMUNICATION, task_key)
