"""What is known beside a report when its writes are planned: consents, care teams, others' plans.

From the newest read of each source that answered, as a consent that was withdrawn since, or a care
plan that changed, may change nothing in the report; from the report's own read of one that did not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from service.model.review import DeliveryState
from service.model.source import SourceRead, State
from service.normalize.consent import consents, security_labels
from service.normalize.surroundings import foreign_plans, members, stays
from service.store import Connection, patient_words, reads, standing
from service.store.delivery import Delivery
from service.write.disclosure import Audience, Recipient
from service.write.known import Known, Put
from service.write.referring import missed_key, put_before
from service.write.target import WriteTarget
from service.write.withhold import Withholding, recipients, withholding

_TYPE = "CarePlan"


async def beside(
    look: Connection, key: bytes, patient: str, report: str, content: Mapping[str, Any]
) -> Known:
    """Consents, labels, care teams, stays and care plans of the patient's sources, and the
    patient's own words.

    Args:
        key: the store's secret for identifiers.
        report: its id, "" for the newest reads alone.
        content: the JSON report.
    """
    made_of = await _latest(look, patient, report)
    rows = await standing.of_type(look, patient, _TYPE)
    as_of = date.fromisoformat(content["as_of"])
    return Known(
        consents=tuple(one for read in made_of for one in consents(read)),
        labels={place: said for read in made_of for place, said in security_labels(read).items()},
        members=tuple(one for read in made_of for one in members(read, as_of)),
        stays=tuple(one for read in made_of for one in stays(read)),
        plans=tuple(
            one for read in made_of for one in foreign_plans(read, _records(content, read))
        ),
        put=_put(rows, key, patient),
        read_at={read.name: read.read_at for read in made_of if read.read_at},
        words=await patient_words.of_patient(look, patient),
    )


async def held_back(
    look: Connection,
    key: bytes,
    patient: str,
    content: Mapping[str, Any],
    targets: Sequence[WriteTarget],
    to: str,
    audience: Audience = Audience.OTHER,
) -> Withholding:
    """What of a report must not be told to somebody: the one filter of every print and export.

    Args:
        to: the name of a source or of a person; "" for somebody nobody has named.
        audience: the patient, or who is signed in here, in the place of somebody else.
    """
    known = await beside(look, key, patient, "", content)
    parties = [(target.name, target.parties) for target in targets]
    told = recipients(parties, to, audience)
    return withholding(content, told, known.consents, known.labels)


def held_back_once(
    reads: Sequence[SourceRead], content: Mapping[str, Any], recipient: Recipient
) -> Withholding:
    """The same filter where nothing is kept: the reads themselves say consents and labels."""
    known = [one for read in reads for one in consents(read)]
    labels = {place: said for read in reads for place, said in security_labels(read).items()}
    return withholding(content, recipient, known, labels)


async def _latest(look: Connection, patient: str, report: str) -> list[SourceRead]:
    made_of = await reads.of_report(look, report) if report else ()
    found = {read.name: read for read in made_of}
    for kept in await reads.newest(look, patient):
        if kept.state is not State.UNAVAILABLE:
            found[kept.source] = await reads.load(look, kept.id)
    return [found[name] for name in sorted(found)]


def _records(content: Mapping[str, Any], read: SourceRead) -> frozenset[str]:
    """The patient's certain records at a source."""
    return frozenset(
        record["reference"]
        for record in content["patient"]["records"]
        if record["source"] == read.name and record["grade"] == "certain"
    )


def _put(rows: Sequence[Delivery], key: bytes, patient: str) -> dict[tuple[str, str], Put]:
    """What of ours was put into care plans of others, and what of it was found taken out."""
    texts: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.state is DeliveryState.DONE and row.text:
            texts.setdefault((row.target, row.reference), []).append(row.text)
    said = {(row.target, row.key) for row in rows}
    found = {}
    for (target, reference), own in texts.items():
        ever = put_before(own, frozenset()).ever
        missed = frozenset(
            gone
            for gone in ever
            if (target, missed_key(key, patient, target, reference, gone)) in said
        )
        found[target, reference] = put_before(own, missed)
    return found
