"""The closed set of checks, by the name that a rule file uses. A rule is not a program."""

from __future__ import annotations

from service.assess.abrupt_stop import AbruptStop
from service.assess.allergy import AllergyConflict
from service.assess.class_duplication import ClassDuplication
from service.assess.concurrent import Concurrent
from service.assess.followup import FollowUp
from service.assess.lab_threshold import LabThreshold
from service.assess.long_acting_injection import LongActingInjection
from service.assess.maximum_dose import MaximumDose
from service.assess.monitoring_due import BaselineMissing, MonitoringDue
from service.assess.pregnancy import Pregnancy
from service.assess.rule import Check

CHECKS: dict[str, type[Check]] = {
    "abrupt-stop": AbruptStop,
    "allergy": AllergyConflict,
    "baseline-missing": BaselineMissing,
    "class-duplication": ClassDuplication,
    "concurrent": Concurrent,
    "follow-up": FollowUp,
    "lab-threshold": LabThreshold,
    "long-acting-injection": LongActingInjection,
    "maximum-dose": MaximumDose,
    "monitoring-due": MonitoringDue,
    "pregnancy": Pregnancy,
}
