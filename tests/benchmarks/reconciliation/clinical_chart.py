"""One well-kept patient around psychiatric drugs, on three servers: what E to H then break.

Everything the rules page asks for is there unless an injection leaves it out: tests in their
intervals (on either EHR, in either unit), visits kept and booked, a care team, scales.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.benchmarks.reconciliation.chart import EHRS, PRESCRIBER, PRIMARY, PSYCHIATRY, Chart, ago
from tests.benchmarks.reconciliation.directions import SNOMED, UCUM, Take
from tests.benchmarks.reconciliation.drugs import REASONS, Drug, drugs

LOINC = "http://loinc.org"
TESTS: Mapping[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "anc": ("751-8", "Neutrophils [#/volume] in Blood by Automated count",
            (("4.1", "10*9/L"), ("4100", "/uL"), ("4.1", "10*3/uL"))),
    "lithium": ("14334-7", "Lithium [Moles/volume] in Serum or Plasma",
                (("0.7", "mmol/L"), ("0.7", "meq/L"))),
    "egfr": ("98979-8", "GFR/1.73 sq M.predicted by Creatinine-based formula (CKD-EPI 2021)",
             (("92", "mL/min/{1.73_m2}"),)),
    "tsh": ("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma",
            (("2.1", "m[IU]/L"), ("2.1", "u[IU]/mL"))),
    "calcium": ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", (("9.4", "mg/dL"),)),
    "weight": ("29463-7", "Body weight", (("78", "kg"), ("171.96", "[lb_av]"))),
    "glucose": ("1558-6", "Fasting glucose [Mass/volume] in Serum or Plasma",
                (("88", "mg/dL"), ("4.9", "mmol/L"))),
    "lipids": ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", (("180", "mg/dL"),)),
    "bp": ("8480-6", "Systolic blood pressure", (("122", "mm[Hg]"),)),
    "pulse": ("8867-4", "Heart rate", (("74", "/min"),)),
    "height": ("8302-2", "Body height", (("174", "cm"),)),
    "alt": ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
            (("24", "U/L"),)),
    "platelets": ("777-3", "Platelets [#/volume] in Blood by Automated count",
                  (("240", "10*3/uL"), ("240", "10*9/L"))),
    "sodium": ("2951-2", "Sodium [Moles/volume] in Serum or Plasma",
               (("140", "mmol/L"), ("140", "meq/L"))),
    "qtc": ("8636-3", "Q-T interval corrected", (("412", "ms"),)),
    "phq9": ("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]",
             (("4", "{score}"),)),
    "gad7": ("70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]",
             (("3", "{score}"),)),
    "item9": ("44260-8",
              "Thoughts that you would be better off dead, or of hurting yourself in some way",
              (("0", "{score}"),)),
}  # fmt: skip
"""Test -> LOINC code, its name, normal values in the units that laboratories send."""

METABOLIC = {"weight": 60, "glucose": 150, "lipids": 150, "bp": 100}
KEPT: Mapping[str, Mapping[str, int]] = {
    "lithium": {"lithium": 60, "egfr": 100, "tsh": 100, "calcium": 100, "weight": 100,
                "sodium": 100},
    "valproate": {"alt": 100, "platelets": 100, "weight": 100},
    "carbamazepine": {"platelets": 60, "sodium": 60, "alt": 60},
    "clozapine": {"anc": 5, **METABOLIC},
    "stimulant": {"bp": 60, "pulse": 60, "weight": 60, "height": 60},
    "antipsychotic": METABOLIC,
    "lai": METABOLIC,
    "ssri-snri": {"phq9": 40, "sodium": 60, "gad7": 40},
    "tricyclic": {"phq9": 40, "qtc": 60},
    "other-antidepressant": {"phq9": 40},
}  # fmt: skip
"""Drug or group -> test -> days since the last one, inside every interval of the rules page."""

OUTPATIENT = ("Psychiatry follow-up", "Telehealth psychiatry visit")


@dataclass
class Kept:
    """A therapy as written: its order and what an injection may still need."""

    drug: Drug
    take: Take
    order: dict[str, Any]
    fills: list[dict[str, Any]] = field(default_factory=list)


class ClinicalChart(Chart):
    """Adds what is not medication; one injection a patient, so that labels do not meet."""

    def __init__(self, name: str, rng: random.Random) -> None:
        super().__init__(name, rng)
        self.skip: set[str] = set()
        """Hygiene that the injection leaves out: "team", "booked"."""
        for source in self.data.values():
            patient = source.resources[0]
            patient["birthDate"] = f"{rng.randint(1972, 1996)}{patient['birthDate'][4:]}"
        self.person(birth=self.patient(PSYCHIATRY)["birthDate"])

    def person(self, *, birth: str = "", sex: str = "") -> None:
        """The same birth date and sex on every server."""
        for source in self.data:
            found = self.patient(source)
            found["birthDate"] = birth or found["birthDate"]
            found["gender"] = sex or found["gender"]

    # --- resources

    def result(
        self,
        test: str,
        days: int,
        value: str = "",
        unit: str = "",
        *,
        source: str = "",
        status: str = "final",
    ) -> dict[str, Any]:
        """A laboratory result or score; a normal one where no value is given."""
        code, name, usual = TESTS[test]
        usual_value, usual_unit = self.rng.choice(usual)
        return self.observation(
            code,
            name,
            days,
            source=source,
            status=status,
            valueQuantity={
                "value": number(value or usual_value),
                "unit": unit or usual_unit,
                "system": UCUM,
                "code": unit or usual_unit,
            },
        )

    def observation(
        self, code: str, name: str, days: int, *, source: str = "", **more: Any
    ) -> dict[str, Any]:
        return self.add(
            source or self.rng.choice(EHRS),
            {
                "resourceType": "Observation",
                "id": self.id("ob"),
                "status": "final",
                "code": {"coding": [{"system": LOINC, "code": code, "display": name}]},
                "effectiveDateTime": f"{ago(days).isoformat()}T08:30:00-05:00",
                **more,
            },
        )

    def visit(
        self, days: int, status: str = "", *, service: str = "", source: str = PSYCHIATRY
    ) -> dict[str, Any]:
        """An Appointment; `days` below zero lie ahead."""
        text = service or self.rng.choice(OUTPATIENT)
        day = ago(days).isoformat()
        patient = {"reference": f"Patient/{self.patient(source)['id']}"}
        resource: dict[str, Any] = {
            "resourceType": "Appointment",
            "id": self.id("ap"),
            "meta": {"versionId": "1"},
            "status": status or ("booked" if days < 0 else "fulfilled"),
            "serviceType": [{"text": text}],
            "start": f"{day}T10:00:00-05:00",
            "end": f"{day}T10:30:00-05:00",
            "participant": [{"actor": patient, "status": "accepted"}],
        }
        self.data[source].resources.append(resource)
        return resource

    def condition(
        self,
        code: str,
        name: str,
        *,
        days: int = 900,
        verification: str = "confirmed",
        source: str = PRIMARY,
    ) -> dict[str, Any]:
        base = "http://terminology.hl7.org/CodeSystem/condition-"
        resource = {
            "resourceType": "Condition",
            "id": self.id("co"),
            "clinicalStatus": {"coding": [{"system": f"{base}clinical", "code": "active"}]},
            "verificationStatus": {
                "coding": [{"system": f"{base}ver-status", "code": verification}]
            },
            "category": [{"coding": [
                {"system": f"{base}category", "code": "problem-list-item"}]}],
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code,
                                 "display": name}], "text": name},
            "onsetDateTime": ago(days).isoformat(),
        }  # fmt: skip
        return self.add(source, resource)

    def allergy(
        self, rxcui: str, name: str, *, verification: str = "confirmed", source: str = PRIMARY
    ) -> dict[str, Any]:
        base = "http://terminology.hl7.org/CodeSystem/allergyintolerance-"
        coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": rxcui,
                  "display": name}  # fmt: skip
        resource = {
            "resourceType": "AllergyIntolerance",
            "id": self.id("al"),
            "clinicalStatus": {"coding": [{"system": f"{base}clinical", "code": "active"}]},
            "verificationStatus": {
                "coding": [{"system": f"{base}verification", "code": verification}]
            },
            "type": "allergy",
            "category": ["medication"],
            "criticality": "high",
            "code": {"coding": [coding], "text": name},
            "patient": {"reference": f"Patient/{self.patient(source)['id']}"},
            "meta": {"versionId": "1"},
        }
        self.data[source].resources.append(resource)
        return resource

    def task(self, days: int, about: str) -> None:
        """Somebody answered: a Task of that day."""
        patient = {"reference": f"Patient/{self.patient(PSYCHIATRY)['id']}"}
        self.data[PSYCHIATRY].resources.append(
            {
                "resourceType": "Task",
                "id": self.id("ta"),
                "meta": {"versionId": "1"},
                "status": "in-progress",
                "intent": "order",
                "description": about,
                "for": patient,
                "authoredOn": f"{ago(days).isoformat()}T12:00:00-05:00",
            }
        )

    def team(self, *names: str) -> None:
        self.add(
            PSYCHIATRY,
            {
                "resourceType": "CareTeam",
                "id": self.id("ct"),
                "status": "active",
                "participant": [
                    {"role": [{"text": "Physician"}], "member": {"display": name}} for name in names
                ],
            },
        )

    def plan(self, activities: Sequence[Mapping[str, Any]], *, source: str = PSYCHIATRY) -> None:
        self.add(
            source,
            {
                "resourceType": "CarePlan",
                "id": self.id("cp"),
                "status": "active",
                "intent": "plan",
                "title": "Treatment plan",
                "activity": [dict(activity) for activity in activities],
            },
        )

    # --- a whole therapy

    def choose(self, key: str) -> Drug:
        drug = drugs()[key]
        if drug.ingredients & self.ingredients or self.classes(drug) & self.groups:
            raise LookupError(f"{key} does not fit {self.name}")
        self.take_up(drug)
        return drug

    def mg(self, drug: Drug, amount: str) -> Take:
        """A take of that many mg a day, with the fewest units of one usual product."""
        if drug.group == "lai":
            return Take(drug.products[0], Decimal(1), 1, route="intramuscular", interval_d=28)
        day = Decimal(amount)
        for times in (drug.times, 1, 2, 3):
            for product in sorted(drug.usual, key=lambda p: -p.strengths[0]):
                count = day / times / product.strengths[0]
                if count in (1, 2, 3, 4):
                    return Take(product, count, times)
        raise LookupError(f"no {amount} mg of {drug.key}")

    def keep(
        self,
        key: str,
        mg: str,
        *,
        since: int = 300,
        last_fill: int = 6,
        every: int = 30,
        fills: bool = True,
        without: Collection[str] = (),
        statement: bool = True,
        owner: str = "",
        requester: str = "",
        injections: Sequence[int] = (10, 38, 66, 94, 122, 150),
        reviewed: bool = True,
        **more: Any,
    ) -> Kept:
        """The drug ordered, stated, filled, tested and seen as the rules page asks."""
        drug = self.choose(key)
        take = self.mg(drug, mg)
        owner = owner or (drug.home if drug.home in EHRS else PSYCHIATRY)
        order = self.request(owner, drug, take, authored=ago(since), reason=drug.reason,
                             requester=requester, **more)  # fmt: skip
        made = Kept(drug, take, order)
        if statement:
            other = PRIMARY if owner == PSYCHIATRY else PSYCHIATRY
            self.statement(other, drug, take, asserted=ago(min(since, 15)), start=ago(since))
        if drug.group == "lai":
            for day in injections:
                self.administration(drug, take, on=ago(day))
        elif fills:
            made.fills = self.filled(drug, take, since, last_fill, every)
        self.tests(drug, since, without)
        if reviewed and since <= 90:
            self.visit(since - 5)
            self.visit(max(since - 25, 1))
        return made

    def filled(
        self, drug: Drug, take: Take, since: int, last: int, every: int = 30, days: int = 30
    ) -> list[dict[str, Any]]:
        made = []
        day = last
        while day <= since:
            made.append(self.dispense(drug, take, on=ago(day), days=days))
            day += every
        if every == days and since not in range(day - every, day - every + 1) and since < 200:
            made.append(self.dispense(drug, take, on=ago(since), days=days))
        return made

    def tests(self, drug: Drug, since: int, without: Collection[str]) -> None:
        """Baseline where it began lately, then the last ones; some older and in other units."""
        due = KEPT.get(drug.key) or KEPT.get(drug.group, {})
        for test, days in due.items():
            if test in without:
                continue
            if since <= 120:
                self.result(test, since + self.rng.randint(1, 6))
            if since > 7:
                self.result(test, min(days, max(1, since - 1) if since < 30 else days))
            if test == "anc":
                for day in range(12, min(since, 400), 7):
                    self.result(test, day)
            elif test == "lithium":
                self.lithium_levels(since)
            elif test == "weight" and since <= 120:
                for day in range(since, 0, -25):
                    self.result(test, day)
        if drug.key == "ziprasidone":
            self.result("qtc", 60)

    def lithium_levels(self, since: int) -> None:
        """Weekly in the first four weeks, then every 80 days."""
        for day in (7, 14, 21, 28):
            if since - day > 0:
                self.result("lithium", since - day)
        for day in range(since - 100, 60, -80):
            self.result("lithium", day)

    def find(self, key: str) -> Drug:
        return drugs()[key]

    def raised(self, key: str, low: str, high: str, days: int) -> None:
        """Kept for a year; the dose was raised that long ago, on every list."""
        drug = self.choose(key)
        first, second = self.mg(drug, low), self.mg(drug, high)
        self.request(PSYCHIATRY, drug, first, authored=ago(400), end=ago(days),
                     status="completed", reason=drug.reason)  # fmt: skip
        self.request(PSYCHIATRY, drug, second, authored=ago(days), reason=drug.reason)
        self.statement(PRIMARY, drug, second, asserted=ago(5), start=ago(days))
        for day in range(days + 30, 400, 30):
            self.dispense(drug, first, on=ago(day))
        self.filled(drug, second, days, days % 30)
        self.tests(drug, 400, ())

    def stay(self, discharged: int, admitted: int) -> None:
        """An inpatient Encounter on psychiatry."""
        self.add(
            PSYCHIATRY,
            {
                "resourceType": "Encounter",
                "id": self.id("en"),
                "status": "finished",
                "class": {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                    "code": "IMP",
                    "display": "inpatient encounter",
                },
                "serviceType": {"text": "Inpatient psychiatry"},
                "period": {
                    "start": f"{ago(admitted).isoformat()}T09:00:00-05:00",
                    "end": f"{ago(discharged).isoformat()}T11:00:00-05:00",
                },
                "hospitalization": {"dischargeDisposition": {"text": "Home"}},
            },
        )

    def say(self, type_: str, *keys: str, allow: Sequence[str] = ()) -> None:
        """A label about these drugs, and what follows from the same facts by definition."""
        named = frozenset(i for key in keys for i in drugs()[key].ingredients)
        self.label(type_, named)
        for other in allow:
            self.allow(other, named, f"implied by {type_}", loose=True)

    def finish(self) -> None:
        """Team, visits and other drugs that no rule is about."""
        if "team" not in self.skip:
            self.team(*PRESCRIBER.values())
        if "visits" not in self.skip:
            self.visit(self.rng.randint(30, 80))
        if "booked" not in self.skip:
            self.visit(-self.rng.randint(3, 20))
        for key in self.rng.sample(("atorvastatin", "levothyroxine", "montelukast"), 2):
            drug = self.choose(key)
            take = self.mg(drug, "0.05") if key == "levothyroxine" else self.take(drug)
            self.write(self.therapy(drug, take, agreement="none"))


def number(value: str) -> int | float:
    found = Decimal(value)
    return int(found) if found == found.to_integral_value() else float(found)


__all__ = ["REASONS", "SNOMED", "ClinicalChart", "Kept"]
