"""Daily doses per ingredient, with the working."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model.concept import AdministrationClass, DrugConcept
from service.model.dosage import DailyDose, Dosage, Frequency, Quantity
from service.normalize.daily_dose import daily_doses, supplied_dose
from service.normalize.dosage_amount import DailyDoses
from tests.normalize.given import TODAY, drug, tables

D = Decimal
UNITS = tables().units
TABLET_50 = drug(("sertraline", "50", "mg", None))


def dosage(
    value: str, unit: str = "{tablet}", count: int | str = 1, period: int = 1, **more: object
) -> Dosage:
    frequency = Frequency(D(count), D(period))
    return Dosage(dose=Quantity(D(value), unit), frequency=frequency, **more)  # type: ignore[arg-type]


def doses(*dosages: Dosage, of: DrugConcept = TABLET_50, as_of: date = TODAY) -> DailyDoses:
    return daily_doses(dosages, of, UNITS, as_of, date(2026, 1, 1))


def only(found: DailyDoses) -> DailyDose:
    assert not found.problems
    (dose,) = found.doses
    return dose


@pytest.mark.parametrize(
    ("taken", "value", "working"),
    [
        (dosage("1", count=2), D(100), "2 x 50 mg"),
        (dosage("2"), D(100), "2 x 50 mg"),
        (dosage("0.5"), D(25), "0.5 x 50 mg"),
        (dosage("1", period=2), D(25), "1 x 50 mg every 2 days"),
        (dosage("100", "mg"), D(100), "1 x 100 mg"),
        (dosage("0.1", "g"), D(100), "1 x 100 mg"),
        (dosage("50000", "ug", 2), D(100), "2 x 50 mg"),
    ],
)
def test_doses_of_tablets_and_amounts_come_to_the_strengths_unit(
    taken: Dosage, value: Decimal, working: str
) -> None:
    found = only(doses(taken))
    assert (found.value, found.unit, found.working) == (value, "mg", working)


def test_a_liquid_counts_by_its_concentration() -> None:
    liquid = drug(("lithium", "60", "mg", "mL"), dose_form="Oral Solution")
    found = only(doses(dosage("5", "mL", 2), of=liquid))
    assert found.value == 600
    assert found.working == "2 x 5 mL x 60 mg/mL"


def test_a_patch_runs_all_day_however_rarely_it_is_changed() -> None:
    patch = drug(("fentanyl", "0.025", "mg", "h"), name="72 HR fentanyl", dose_form="Patch")
    found = doses(dosage("1", "{patch}", 1, 3), of=patch)
    assert only(found).value == D("0.6")
    assert found.interval_d is None


def test_a_patch_that_is_worn_nine_hours_gives_nine_hours() -> None:
    patch = drug(("methylphenidate", "1.1", "mg", "h"), name="9 HR methylphenidate 1.1 MG/HR")
    assert only(doses(dosage("1", "{patch}"), of=patch)).value == D("9.9")


def test_an_inhaler_counts_its_puffs() -> None:
    inhaler = drug(("albuterol", "0.09", "mg", "{actuat}"), dose_form="Metered Dose Inhaler")
    assert only(doses(dosage("2", "{puff}", 4), of=inhaler)).value == D("0.72")


def test_a_combination_has_a_dose_of_each_ingredient() -> None:
    both = drug(("amoxicillin", "875", "mg", None), ("clavulanate", "125", "mg", None))
    found = doses(dosage("1", count=2), of=both)
    assert [(dose.rxcui, dose.value) for dose in found.doses] == [
        ("amoxicillin", 1750),
        ("clavulanate", 250),
    ]


def test_an_amount_of_a_combination_counts_where_one_number_of_tablets_is_meant() -> None:
    both = drug(("amoxicillin", "875", "mg", None), ("clavulanate", "125", "mg", None))
    found = doses(dosage("875", "mg", 2), of=both)
    assert [dose.value for dose in found.doses] == [1750, 250]
    assert doses(dosage("400", "mg", 2), of=both).doses == ()


def test_a_depot_gives_the_dose_of_one_interval() -> None:
    depot = drug(
        ("paliperidone", "156", "mg", "mL"),
        name="1 ML paliperidone palmitate 156 MG/ML Prefilled Syringe",
        dose_form="Prefilled Syringe",
        administration=AdministrationClass.DEPOT,
        container_ml="1",
    )
    by_amount = doses(dosage("156", "mg", 1, 28), of=depot)
    by_syringe = doses(dosage("1", "{injection}", 1, 28), of=depot)
    assert only(by_amount).value == only(by_syringe).value == 156
    assert by_amount.interval_d == by_syringe.interval_d == 28


def test_a_weekly_drug_gives_the_dose_of_one_week() -> None:
    methotrexate = drug(("methotrexate", "2.5", "mg", None))
    found = doses(dosage("6", count=1, period=7), of=methotrexate)
    assert only(found).value == 15
    assert found.interval_d == 7


def test_three_days_a_week_is_a_mean_per_day() -> None:
    found = doses(dosage("1", count=3, period=7))
    assert only(found).value == D(150) / 7
    assert found.interval_d is None


def test_as_needed_is_a_maximum_and_no_dose() -> None:
    found = only(doses(dosage("1", count=3, as_needed=True)))
    assert (found.value, found.max) == (None, 150)


def test_a_stated_maximum_bounds_as_needed() -> None:
    most = Quantity(D(2), "{tablet}")
    found = only(doses(dosage("1", count=4, as_needed=True, max_per_day=most)))
    assert (found.value, found.max) == (None, 100)


def test_a_range_has_its_lower_end_as_value_and_its_upper_as_maximum() -> None:
    found = only(doses(dosage("1", count=2, dose_high=Quantity(D(2), "{tablet}"))))
    assert (found.value, found.max) == (100, 200)


def test_parts_of_a_day_are_added() -> None:
    found = only(doses(dosage("1"), dosage("2")))
    assert found.value == 150
    assert found.working == "1 x 50 mg + 2 x 50 mg"


def test_a_regular_part_and_one_as_needed_give_value_and_maximum() -> None:
    found = only(doses(dosage("2"), dosage("1", as_needed=True)))
    assert (found.value, found.max) == (100, 150)


@pytest.mark.parametrize(
    ("day", "value"),
    [(date(2026, 1, 1), 100), (date(2026, 1, 7), 100), (date(2026, 1, 8), 50), (TODAY, 50)],
)
def test_a_taper_gives_the_dose_of_the_day_asked(day: date, value: int) -> None:
    steps = (
        dosage("2", sequence=1, duration_d=D(7)),
        dosage("1", sequence=2),
    )
    assert only(doses(*steps, as_of=day)).value == value


def test_steps_without_any_time_give_no_dose_but_a_problem() -> None:
    found = doses(dosage("2", sequence=1), dosage("1", sequence=2))
    assert found.doses == ()
    assert found.problems


def test_numbered_parts_of_a_day_are_no_steps() -> None:
    morning = Frequency(D(1), D(1), None, ("MORN",))
    night = Frequency(D(1), D(1), None, ("HS",))
    one = Quantity(D(1), "{tablet}")
    found = doses(
        Dosage(sequence=1, dose=one, frequency=morning),
        Dosage(sequence=2, dose=one, frequency=night),
    )
    assert only(found).value == 100


def test_an_amount_that_contradicts_the_count_gives_no_dose() -> None:
    found = doses(dosage("1", amount=Quantity(D(15), "mg")))
    assert found.doses == ()
    assert "15 mg" in found.problems[0]


def test_a_dose_above_its_own_maximum_gives_no_dose() -> None:
    most = Quantity(D(1), "{tablet}")
    found = doses(dosage("2", max_per_day=most))
    assert found.doses == ()
    assert found.problems


def test_units_of_activity_are_no_mass() -> None:
    assert doses(dosage("100", "[iU]")).problems


@pytest.mark.parametrize(
    ("unit", "needed"),
    [("mg/kg", "body weight"), ("mg/kg/d", "body weight"), ("mg/m2", "body surface")],
)
def test_a_dose_by_body_size_is_told_as_a_problem_and_gives_no_dose(unit: str, needed: str) -> None:
    found = doses(dosage("5", unit))
    assert found.doses == ()
    assert found.problems == (f"a dose of 5 {unit} needs the {needed}, which is not known here",)


def test_eight_milliequivalents_of_lithium_are_300_mg_of_its_carbonate() -> None:
    liquid = drug(("6448", "1.6", "meq", "mL"))
    by_volume = only(doses(dosage("5", "mL", 3), of=liquid))
    assert (by_volume.value, by_volume.unit) == (900, "mg")
    assert by_volume.working == "3 x 5 mL x 1.6 meq/mL (300 mg)"
    tablet = drug(("6448", "300", "mg", None))
    for unit in ("meq", "mmol"):
        assert only(doses(dosage("8", unit), of=tablet)).value == 300
        assert only(doses(dosage("8", unit), of=liquid)).value == 300
    assert only(doses(dosage("300", "mg"), of=liquid)).value == 300


def test_milliequivalents_of_another_ion_are_not_milligrams() -> None:
    potassium = drug(("8591", "750", "mg", None))
    assert doses(dosage("10", "meq"), of=potassium).problems


def test_an_ingredient_without_strength_takes_amounts_only() -> None:
    bare = DrugConcept("1", TABLET_50.tty, "x", TABLET_50.ingredients)
    assert only(doses(dosage("75", "ug"), of=bare)).value == D("0.075")
    assert doses(dosage("1"), of=bare) == DailyDoses()


def test_quantity_and_days_supply_tell_the_dose_with_the_working() -> None:
    found = supplied_dose(Quantity(D(60), "{tablet}"), D(30), TABLET_50, UNITS)
    assert only(found).value == 100
    assert "60 supplied for 30 days" in only(found).working


def test_four_tablets_for_four_weeks_are_a_weekly_drug() -> None:
    weekly = supplied_dose(Quantity(D(4), "{tablet}"), D(28), TABLET_50, UNITS)
    assert (only(weekly).value, weekly.interval_d) == (50, 7)


@given(
    st.integers(1, 8), st.integers(1, 6), st.sampled_from(["5", "12.5", "25", "50", "100", "0.25"])
)
def test_count_times_strength_equals_the_amount_said_directly(
    count: int, times: int, strength: str
) -> None:
    product = drug(("x", strength, "mg", None))
    by_count = only(doses(dosage(str(count), count=times), of=product))
    by_amount = only(doses(dosage(str(count * D(strength)), "mg", times), of=product))
    assert by_count.value == by_amount.value == count * times * D(strength)
