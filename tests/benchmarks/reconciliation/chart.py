"""One patient's records on every server, written resource by resource, with the labels."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.benchmarks.reconciliation.directions import ROUTES, SNOMED, Take, dosage, words
from tests.benchmarks.reconciliation.drugs import REASONS, Drug, drugs
from tests.benchmarks.reconciliation.gold import Case, Gold, SourceData
from tests.benchmarks.reconciliation.spelling import spell

AS_OF = date(2026, 3, 10)
PSYCHIATRY, PRIMARY, PHARMACY, PATIENT = "psychiatry", "primary-care", "pharmacy", "patient"
EHRS = (PSYCHIATRY, PRIMARY)
PRESCRIBER = {PSYCHIATRY: "Dr. Miriam Okafor", PRIMARY: "Dr. Paul Lindqvist"}
COVERING = "Dr. Helen Strand"
STORE, OTHER_STORE = "Riverside Pharmacy #0412", "Main Street Drugs"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


def ago(days: int) -> date:
    """The day that many days before the day asked."""
    return AS_OF - timedelta(days=days)


@dataclass
class Therapy:
    """One drug as every server holds it: what is taken, and whether the brand is written."""

    drug: Drug
    owner: str
    takes: dict[str, Take]
    brands: dict[str, bool]
    agreement: str = "required"
    """Whether the patient's labels say that the holders agree: required, allowed or none."""
    since: int = 0
    """Days since it began."""
    statements: int = 0
    """Days since other lists were last asked about it."""
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ingredients(self) -> frozenset[str]:
        return self.drug.ingredients

    def holders(self, left_out: Collection[str] = ()) -> frozenset[str]:
        return frozenset(self.takes) - frozenset(left_out)

    @property
    def agreeing(self) -> str:
        """What the catalogue calls this agreement: A2 where a brand or the strength differs."""
        takes = self.takes.values()
        same = len({t.product.strengths for t in takes}) == 1 and len({*self.brands.values()}) == 1
        return "confirmed-match" if same else "equivalent-product"


class Chart:
    """Writes one patient; draws everything from `rng`."""

    def __init__(self, name: str, rng: random.Random) -> None:
        self.name, self.rng = name, rng
        roles = [PSYCHIATRY, PRIMARY, PHARMACY] + ([PATIENT] if rng.random() < 0.25 else [])
        self.data = {role: SourceData(role, role) for role in roles}
        self.gold: list[Gold] = []
        self.story: list[str] = []
        self.therapies: list[Therapy] = []
        self.groups: set[str] = set()
        self.ingredients: set[str] = set()
        self.doubtful: set[str] = set()
        self.clean = True
        self._number = 0
        self._people()

    def _people(self) -> None:
        rng = self.rng
        family = rng.choice(("Reyes", "Nowak", "Haddad", "Oduya", "Larsen", "Chen", "Whitfield"))
        given = rng.choice(("Elena", "Marcus", "Tove", "Amara", "Jonas", "Priya", "Walter"))
        birth = date(rng.randint(1962, 1998), rng.randint(1, 12), rng.randint(13, 28)).isoformat()
        sex = rng.choice(("female", "male"))
        phone = f"555-01{rng.randint(10, 99)}"
        for source in self.data:
            patient = {
                "resourceType": "Patient",
                "id": f"{source}-{self.name}",
                "identifier": [
                    {"system": f"https://{source}.example/mrn", "value": f"{source[:2]}{self.name}"}
                ],
                "name": [{"use": "official", "family": family, "given": [given]}],
                "gender": sex,
                "birthDate": birth,
                "telecom": [{"system": "phone", "value": phone}],
            }
            self.data[source].resources.append(patient)

    def patient(self, source: str) -> dict[str, Any]:
        return self.data[source].resources[0]

    # --- which drug

    def pick(
        self,
        *,
        keys: Collection[str] = (),
        groups: Collection[str] = (),
        want: Callable[[Drug], bool] = lambda _: True,
    ) -> Drug:
        """A drug of these keys or groups that this patient does not have, nor one of its class."""
        usual = groups or {g for d in drugs().values() for g in [d.group]} - {
            "course",
            "otc",
            "lai",
        }
        fit = [
            drug
            for drug in drugs().values()
            if (drug.key in keys if keys else drug.group in usual)
            and not drug.ingredients & self.ingredients
            and not self.classes(drug) & self.groups
            and want(drug)
        ]
        if not fit:
            raise LookupError(f"no drug left for {self.name}: {sorted(keys) or sorted(usual)}")
        drug = self.rng.choice(fit)
        self.take_up(drug)
        return drug

    @staticmethod
    def classes(drug: Drug) -> set[str]:
        """Classes of which a patient without injected duplication has one drug at most.

        `dry` are the strong anticholinergics (AGS Beers Criteria 2023): the catalogue counts two of
        them as therapeutic duplication, whatever else they are.
        """
        one = {"antipsychotic", "ssri-snri", "benzodiazepine-z", "stimulant", "tricyclic"}
        found = {"antipsychotic", "ssri-snri"} if drug.key == "olanzapine-fluoxetine" else set()
        found |= {"antipsychotic"} if drug.group == "lai" else {drug.group} & one
        dry = {"paroxetine", "olanzapine", "olanzapine-fluoxetine", "clozapine", "hydroxyzine"}
        if drug.key in dry or drug.group in ("tricyclic", "anticholinergic"):
            found.add("dry")
        return found

    def take_up(self, drug: Drug) -> None:
        self.ingredients |= drug.ingredients
        self.groups |= self.classes(drug)

    def take(self, drug: Drug, *, as_needed: str = "") -> Take:
        """A usual way to take a drug."""
        product = self.rng.choice(drug.usual)
        if drug.group == "lai":
            return Take(drug.products[0], Decimal(1), 1, route="intramuscular", interval_d=28)
        count = Decimal(self.rng.choices((1, 2), (4, 1))[0])
        bedtime = drug.times == 1 and drug.key in (
            "quetiapine", "mirtazapine", "trazodone", "prazosin", "zolpidem", "olanzapine"
        )  # fmt: skip
        return Take(product, count, drug.times, "HS" if bedtime else "", as_needed)

    # --- resources

    def id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number}"

    def _medication(
        self, source: str, drug: Drug, take: Take, brand: bool, spelled: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        if spelled is not None:
            return dict(spelled)
        server = "ehr" if source in EHRS else source
        found = spell(drug, take.product, brand, server, self.id("m"), self.rng)
        if found.beside:
            self.data[source].resources.append(found.beside)
        return dict(found.element)

    def add(self, source: str, resource: dict[str, Any]) -> dict[str, Any]:
        resource.setdefault("meta", {"versionId": str(self.rng.randint(1, 5))})
        patient = {"reference": f"Patient/{self.patient(source)['id']}"}
        resource.setdefault("subject", patient)
        self.data[source].resources.append(resource)
        return resource

    def request(
        self,
        source: str,
        drug: Drug,
        take: Take,
        *,
        authored: date,
        status: str = "active",
        brand: bool = False,
        requester: str = "",
        reason: str = "",
        end: date | None = None,
        directions: Sequence[dict[str, Any]] | None = None,
        spelled: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A MedicationRequest; `end` becomes the end of the directions' bounds."""
        found = [dict(d) for d in directions or [dosage(take, self.rng)]]
        if end:
            bounds = {"start": authored.isoformat(), "end": end.isoformat()}
            for one in found:
                timed = one.setdefault("timing", {})
                timed["repeat"] = {**timed.get("repeat", {}), "boundsPeriod": bounds}
        resource = {
            "resourceType": "MedicationRequest",
            "id": self.id("rx"),
            "status": status,
            "intent": "order",
            **self._medication(source, drug, take, brand, spelled),
            "authoredOn": authored.isoformat(),
            "requester": {"display": requester or PRESCRIBER[source]},
            "dosageInstruction": found,
            **more,
        }
        if reason:
            resource["reasonCode"] = [coded_reason(reason)]
        return self.add(source, resource)

    def statement(
        self,
        source: str,
        drug: Drug,
        take: Take,
        *,
        asserted: date,
        start: date,
        status: str = "active",
        brand: bool = False,
        reason: str = "",
        end: date | None = None,
        directions: Sequence[dict[str, Any]] | None = None,
        spelled: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A MedicationStatement: what this list says somebody else ordered, or nobody."""
        period = {"start": start.isoformat(), **({"end": end.isoformat()} if end else {})}
        resource = {
            "resourceType": "MedicationStatement",
            "id": self.id("ms"),
            "status": status,
            **self._medication(source, drug, take, brand, spelled),
            "effectivePeriod": period,
            "dateAsserted": asserted.isoformat(),
            "dosage": [dict(d) for d in directions or [dosage(take, self.rng)]],
            **more,
        }
        if reason:
            resource["reasonCode"] = [coded_reason(reason)]
        return self.add(source, resource)

    def dispense(
        self,
        drug: Drug,
        take: Take,
        *,
        on: date,
        days: int = 30,
        brand: bool = False,
        store: str = STORE,
        label: bool | None = None,
    ) -> dict[str, Any]:
        """A fill: as much as the directions need for `days`."""
        quantity = take.count * take.times * days
        resource: dict[str, Any] = {
            "resourceType": "MedicationDispense",
            "id": self.id("rd"),
            "status": "completed",
            **self._medication(PHARMACY, drug, take, brand, None),
            "performer": [{"actor": {"display": store}}],
            "quantity": {"value": int(quantity), "unit": take.product.unit},
            "daysSupply": {"value": days, "unit": "days", "code": "d",
                           "system": "http://unitsofmeasure.org"},
            "whenHandedOver": on.isoformat(),
        }  # fmt: skip
        if take.as_needed or (self.rng.random() < 0.6 if label is None else label):
            resource["dosageInstruction"] = [{"text": words(take, "plain").upper()}]
        return self.add(PHARMACY, resource)

    def administration(self, drug: Drug, take: Take, *, on: date) -> dict[str, Any]:
        code, display = ROUTES[take.route]
        route = {"coding": [{"system": SNOMED, "code": code, "display": display}]}
        dose = {"value": int(take.per_day[0]), "unit": "mg", "code": "mg",
                "system": "http://unitsofmeasure.org"}  # fmt: skip
        return self.add(
            PSYCHIATRY,
            {
                "resourceType": "MedicationAdministration",
                "id": self.id("ma"),
                "status": "completed",
                **self._medication(PSYCHIATRY, drug, take, False, None),
                "effectiveDateTime": f"{on.isoformat()}T10:15:00-05:00",
                "dosage": {"route": route, "dose": dose},
            },
        )

    # --- whole therapies

    def therapy(
        self,
        drug: Drug,
        take: Take,
        *,
        agreement: str = "required",
        takes: Mapping[str, Take] | None = None,
        skip: Collection[str] = (),
        brands: Mapping[str, bool] | None = None,
        owner: str = "",
    ) -> Therapy:
        """A therapy with its holders and days drawn; nothing is written yet."""
        owner = owner or (drug.home if drug.home in EHRS else PSYCHIATRY)
        held = [s for s in self.data if s not in skip]
        if drug.group == "lai":
            held = [s for s in held if s != PHARMACY]
        chance = 0.25 if drug.branded(take.product) else 0.0
        found = Therapy(
            drug,
            owner,
            {s: (takes or {}).get(s, take) for s in held},
            {s: self.rng.random() < chance for s in held},
            agreement,
            since=self.rng.randint(90, 320),
            statements=self.rng.randint(10, 80),
        )
        for source, brand in (brands or {}).items():
            found.brands[source] = brand
        for source, one in found.takes.items():
            found.brands[source] &= drug.branded(one.product)
        self.therapies.append(found)
        return found

    def write(
        self,
        therapy: Therapy,
        *,
        but: Collection[str] = (),
        reasons: Mapping[str, str] | None = None,
        last_fill: int | None = None,
        every: int = 30,
    ) -> Therapy:
        """The order on the owner's server, what the other lists say, and the fills up to now."""
        drug, owner = therapy.drug, therapy.owner
        if reasons is None:
            reasons = {owner: drug.reason}
            if self.rng.random() < 0.5:
                reasons = dict.fromkeys(EHRS, drug.reason)
        for source in [s for s in therapy.takes if s not in but and s != PHARMACY]:
            take, brand = therapy.takes[source], therapy.brands[source]
            reason = reasons.get(source, "")
            if source == owner:
                day = ago(therapy.since)
                therapy.requests[source] = self.request(
                    source, drug, take, authored=day, brand=brand, reason=reason
                )
            else:
                therapy.requests[source] = self.statement(
                    source,
                    drug,
                    take,
                    asserted=ago(therapy.statements),
                    start=ago(therapy.since),
                    brand=brand,
                    reason=reason,
                )
        if PHARMACY in therapy.takes and PHARMACY not in but:
            self.fills(therapy, last=last_fill, every=every)
        if drug.group == "lai":
            for number in range(3):
                self.administration(drug, therapy.takes[PSYCHIATRY], on=ago(9 + 28 * number))
        return therapy

    def fills(
        self,
        therapy: Therapy,
        *,
        last: int | None = None,
        until: int = 0,
        every: int = 30,
        take: Take | None = None,
        since: int | None = None,
        brand: bool | None = None,
    ) -> None:
        """Fills of 30 days, the last one `last` days ago, back to the start of the therapy."""
        day = last if last is not None else self.rng.randint(2, 22)
        start = therapy.since if since is None else since
        while day <= start and day >= until:
            therapy.fills.append(
                self.dispense(
                    therapy.drug,
                    take or therapy.takes[PHARMACY],
                    on=ago(day),
                    brand=therapy.brands[PHARMACY] if brand is None else brand,
                )
            )
            day += every

    def everywhere(self, drug: Drug | None = None, **options: Any) -> Therapy:
        """A therapy that every server holds alike."""
        drug = drug or self.pick()
        return self.write(self.therapy(drug, self.take(drug), **options))

    # --- labels

    def label(self, type_: str, drugs_: Collection[str], *sources: str, **more: Any) -> None:
        """A label that a contestant has to find."""
        self.clean = False
        self.gold.append(Gold((type_,), frozenset(drugs_), frozenset(sources), **more))

    def allow(self, type_: str, drugs_: Collection[str], why: str, *, loose: bool = False) -> None:
        """A finding that follows from what was put in, and may be said or not."""
        self.gold.append(Gold((type_,), frozenset(drugs_), required=False, loose=loose, why=why))

    def case(self) -> Case:
        """The patient, with a label for each therapy on which the lists agree."""
        for therapy in self.therapies:
            holders = therapy.holders(self.doubtful)
            if therapy.agreement == "none" or len(holders) < 2:
                continue
            kept = Therapy(
                therapy.drug,
                therapy.owner,
                {s: therapy.takes[s] for s in holders},
                {s: therapy.brands[s] for s in holders},
            )
            if therapy.agreement == "required":
                self.gold.append(Gold((kept.agreeing,), therapy.ingredients, holders))
            else:
                for type_ in ("confirmed-match", "equivalent-product"):
                    self.allow(type_, therapy.ingredients, "the lists agree on all but the finding")
        for one in self.data.values():
            self.rng.shuffle(one.resources)
        return Case(self.name, AS_OF, list(self.data.values()), self.gold, self.clean, self.story)


def coded_reason(code: str) -> dict[str, Any]:
    """An ICD-10-CM diagnosis as reasonCode."""
    name = REASONS[code]
    return {"coding": [{"system": ICD10, "code": code, "display": name}], "text": name}
