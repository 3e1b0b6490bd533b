"""The closed set of checks, by the name that a rule file uses. A rule is not a program."""

from __future__ import annotations

from service.assess.abrupt_stop import AbruptStop
from service.assess.allergy import AllergyConflict
from service.assess.care import CareTeamGap, PlanDrift
from service.assess.class_duplication import ClassDuplication
from service.assess.combination import InsideCombination
from service.assess.concurrent import Concurrent
from service.assess.coverage import AdherenceGap, DaysCovered
from service.assess.dispensed import DispensedNotAsOrdered
from service.assess.drug_condition import AgeRisk, DrugCondition
from service.assess.followup import DischargeReconciliation, FollowUp
from service.assess.injection_start import LoadingDose, OralCover
from service.assess.lab_change import LabRise
from service.assess.lab_threshold import LabThreshold
from service.assess.long_acting_injection import LongActingInjection
from service.assess.maximum_dose import MaximumDose
from service.assess.monitoring_due import BaselineMissing, MonitoringDue
from service.assess.no_show import NoShow
from service.assess.pharmacogenomic import Pharmacogenomic
from service.assess.preference import AgainstPreference, PreviouslyIneffective
from service.assess.pregnancy import Pregnancy
from service.assess.rule import Check
from service.assess.scale import ScaleNoResponse, ScreenMissing
from service.assess.smoking import SmokingChange
from service.assess.supply import EarlyRefill, NeverFilled, ReportedNonAdherence
from service.assess.titration import StartingDose, Titration
from service.assess.too_long import LowDoseStay, TooLong
from service.assess.unanswered import AbnormalUnanswered
from service.assess.washout import Washout

CHECKS: dict[str, type[Check]] = {
    "abnormal-unanswered": AbnormalUnanswered,
    "abrupt-stop": AbruptStop,
    "adherence-gap": AdherenceGap,
    "against-preference": AgainstPreference,
    "age-risk": AgeRisk,
    "allergy": AllergyConflict,
    "baseline-missing": BaselineMissing,
    "care-team-gap": CareTeamGap,
    "class-duplication": ClassDuplication,
    "concurrent": Concurrent,
    "days-covered": DaysCovered,
    "discharge-reconciliation": DischargeReconciliation,
    "dispensed-not-as-ordered": DispensedNotAsOrdered,
    "drug-condition": DrugCondition,
    "early-refill": EarlyRefill,
    "follow-up": FollowUp,
    "inside-combination": InsideCombination,
    "lab-rise": LabRise,
    "lab-threshold": LabThreshold,
    "loading-dose": LoadingDose,
    "long-acting-injection": LongActingInjection,
    "low-dose-stay": LowDoseStay,
    "maximum-dose": MaximumDose,
    "monitoring-due": MonitoringDue,
    "never-filled": NeverFilled,
    "no-show": NoShow,
    "oral-cover": OralCover,
    "pharmacogenomic": Pharmacogenomic,
    "plan-drift": PlanDrift,
    "pregnancy": Pregnancy,
    "previously-ineffective": PreviouslyIneffective,
    "reported-non-adherence": ReportedNonAdherence,
    "scale-no-response": ScaleNoResponse,
    "screen-missing": ScreenMissing,
    "smoking-change": SmokingChange,
    "starting-dose": StartingDose,
    "titration": Titration,
    "too-long": TooLong,
    "washout": Washout,
}
