"""The closed set of checks, by the name that a rule file uses. A rule is not a program."""

from __future__ import annotations

from service.assess.abrupt_stop import AbruptStop
from service.assess.allergy import AllergyConflict
from service.assess.class_duplication import ClassDuplication
from service.assess.concurrent import Concurrent
from service.assess.drug_condition import AgeRisk, DrugCondition
from service.assess.followup import FollowUp
from service.assess.lab_threshold import LabThreshold
from service.assess.long_acting_injection import LongActingInjection
from service.assess.maximum_dose import MaximumDose
from service.assess.monitoring_due import BaselineMissing, MonitoringDue
from service.assess.pregnancy import Pregnancy
from service.assess.rule import Check
from service.assess.supply import AdherenceGap, NeverFilled, ReportedNonAdherence
from service.assess.titration import Titration
from service.assess.unanswered import AbnormalUnanswered, NoShow, TooLong
from service.assess.washout import Washout

CHECKS: dict[str, type[Check]] = {
    "abnormal-unanswered": AbnormalUnanswered,
    "abrupt-stop": AbruptStop,
    "adherence-gap": AdherenceGap,
    "age-risk": AgeRisk,
    "allergy": AllergyConflict,
    "baseline-missing": BaselineMissing,
    "class-duplication": ClassDuplication,
    "concurrent": Concurrent,
    "drug-condition": DrugCondition,
    "follow-up": FollowUp,
    "lab-threshold": LabThreshold,
    "long-acting-injection": LongActingInjection,
    "maximum-dose": MaximumDose,
    "monitoring-due": MonitoringDue,
    "never-filled": NeverFilled,
    "no-show": NoShow,
    "pregnancy": Pregnancy,
    "reported-non-adherence": ReportedNonAdherence,
    "titration": Titration,
    "too-long": TooLong,
    "washout": Washout,
}
