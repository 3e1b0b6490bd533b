"""Flag: a standing risk that everybody who opens the record should know of.

Only medicines whose monitoring is a programme of its own, so that flags stay few: clozapine (blood
counts; FDA label), lithium (levels, kidney, thyroid; NICE CG185, 2014) and valproate in a woman who
may become pregnant (MHRA, 2024). Source: FHIR R4 Flag; IPS 2.0 alerts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from service.write import statement
from service.write.codes import DRUG_FLAG, RXNORM, SIGNED, Code, concept
from service.write.desk import Desk
from service.write.elements import compact, instant, meta, narrative, person
from service.write.identity import identifier

TYPE = "Flag"

_CLOZAPINE, _LITHIUM, _VALPROATE = "2626", "6448", "40254"
_RISKS = {
    _CLOZAPINE: "Takes clozapine: blood counts are monitored",
    _LITHIUM: "Takes lithium: levels, kidney and thyroid are monitored; mind NSAIDs and diuretics",
    _VALPROATE: "Takes valproate and may become pregnant: pregnancy prevention is needed",
}
_MAY_BE_PREGNANT = range(12, 56)


def risk(desk: Desk, medication: Mapping[str, Any]) -> str:
    """What stands on the flag of a medication that may be taken; "" where none is due."""
    for ingredient in medication["ingredients"]:
        if ingredient["rxcui"] in _RISKS and medication["state"] != "planned":
            if ingredient["rxcui"] == _VALPROATE and not _may_be_pregnant(desk.report):
                continue
            return _RISKS[ingredient["rxcui"]]
    return ""


def build(desk: Desk, medication: Mapping[str, Any]) -> dict[str, Any]:
    """The flag of one medication, on since it was signed."""
    words = risk(desk, medication)
    named = [
        Code(RXNORM, ingredient["rxcui"], ingredient["name"])
        for ingredient in medication["ingredients"]
        if ingredient["rxcui"] in _RISKS
    ]
    return compact(
        {
            "resourceType": TYPE,
            "meta": meta([SIGNED], statement.labels_of(medication)),
            "text": narrative(words),
            "identifier": [identifier(desk.standing_key(TYPE, medication["id"]))],
            "status": "active",
            "category": [concept(DRUG_FLAG)],
            "code": concept(*named, text=words),
            "subject": desk.patient_reference(),
            "period": {"start": instant(desk.signing.at)},
            "author": person(desk.signing.by),
        }
    )


def _may_be_pregnant(report: Mapping[str, Any]) -> bool:
    """A woman from 12 to 55 years; unknown sex or age is no reason to leave the flag out."""
    patient = report["patient"]
    born, sex = patient.get("birth_date"), patient.get("sex")
    if sex == "male":
        return False
    if not born:
        return True
    today, birth = date.fromisoformat(report["as_of"]), date.fromisoformat(born)
    years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    return years in _MAY_BE_PREGNANT
