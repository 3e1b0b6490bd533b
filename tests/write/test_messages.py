"""Words to named people: by reference where the care team knows them, beside the task or for it."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

from service.fhir.release import check
from service.model.around import CareMember
from service.write import gate
from service.write.target import ORDER, WRITTEN
from tests.write.given import PSYCHIATRY, of, planned

GP = CareMember("psychiatry", "Practitioner/5", "Dr Gita Pract", "primary care")


def test_the_owner_of_a_task_is_a_reference_and_gets_a_message_about_it() -> None:
    writes = planned(members=(GP,))
    (task,) = [one for one in of(writes, "Task") if "owner" in one and one["status"] == "requested"]
    assert task["owner"] == {"reference": "Practitioner/5", "display": "Dr Gita Pract"}
    (message,) = of(writes, "Communication")
    assert message["recipient"] == [task["owner"]]
    assert message["basedOn"][0]["reference"].startswith("urn:uuid:")
    assert message["about"] == [task["focus"]]
    assert task["description"] in message["payload"][0]["contentString"]
    assert check(message) == ()
    assert gate.problems(writes) == ()


def test_somebody_of_another_server_is_named_by_identifier() -> None:
    member = replace(GP, source="primary-care")
    (message,) = of(planned(members=(member,)), "Communication")
    (recipient,) = message["recipient"]
    assert recipient["identifier"]["value"] == "https://pc.example/fhir/Practitioner/5"
    assert "reference" not in recipient


def test_two_people_of_one_name_are_no_reference_and_get_no_message() -> None:
    other = replace(GP, reference="Practitioner/6")
    writes = planned(members=(GP, other))
    assert of(writes, "Communication") == []
    assert {"display": "Dr Gita Pract"} in [one.get("owner") for one in of(writes, "Task")]


def test_a_server_without_tasks_gets_one_message_in_their_place() -> None:
    poor = replace(PSYCHIATRY, offered=frozenset(WRITTEN) - {"Task"})
    writes = planned(target=poor, members=(GP,))
    to_gp = [one for one in of(writes, "Communication") if "recipient" in one]
    assert [one["recipient"][0]["reference"] for one in to_gp] == ["Practitioner/5"]
    assert all("basedOn" not in one for one in to_gp)


def test_a_document_is_a_pdf_where_the_site_draws_one_and_a_page_in_any_case() -> None:
    poor = replace(PSYCHIATRY, offered=frozenset(WRITTEN) - {"List", "CarePlan"})
    (plain,) = of(planned(target=poor), "DocumentReference")
    assert [one["attachment"]["contentType"] for one in plain["content"]] == ["text/html"]
    drawn = replace(poor, draws=lambda html: b"%PDF of " + html[:5].encode())
    (document,) = of(planned(target=drawn), "DocumentReference")
    kinds = [one["attachment"]["contentType"] for one in document["content"]]
    assert kinds == ["application/pdf", "text/html"]
    assert b64decode(document["content"][0]["attachment"]["data"]) == b"%PDF of <html"
    assert check(document) == ()


def test_a_message_that_is_not_switched_on_is_said_to_be_left_out() -> None:
    quiet = replace(PSYCHIATRY, allowed=frozenset(ORDER))
    reasons = {w.type: w.skipped for w in planned(target=quiet, members=(GP,)) if w.skipped}
    assert "not switched on" in reasons["Communication"]
