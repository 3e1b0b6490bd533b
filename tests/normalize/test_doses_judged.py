"""Orders as charts write them, each with the daily dose that a pharmacist works out by hand.

A row: drug, directions (words, or parts of a FHIR Dosage), dose. Doses are written

    name 50 mg          taken every day         name 156 mg / 28 d  one interval's dose
    name <= 4 mg        as needed, at most      name 50 to 100 mg   a range
    -                   no dose follows         !                   text and structure disagree

several ingredients joined by +. What a row comes to is worked out in its comment.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.normalize.came_to import came_to
from tests.normalize.given import entry, instruction, request

Json = dict[str, Any]
Row = tuple[str, str | Json, str]


def repeat(**elements: Any) -> Json:
    return {"repeat": elements}


def dose(value: float, unit: str) -> list[Json]:
    return [{"doseQuantity": {"value": value, "unit": unit, "code": unit}}]


PATCHES: list[Row] = [
    # 25 ug/h x 24 h; how rarely it is changed changes nothing
    ("fentanyl 25 mcg/hr patch", "apply 1 patch every 72 hours", "fentanyl 0.6 mg"),
    ("fentanyl 25 mcg/hr patch", "Place 1 patch on the skin every third day", "fentanyl 0.6 mg"),
    ("fentanyl 25 mcg/hr patch", "change patch every 72 hours", "fentanyl 0.6 mg"),
    ("fentanyl 25 mcg/hr patch", "apply 2 patches every 72 hours", "fentanyl 1.2 mg"),
    ("fentanyl 25 mcg/hr patch", "25 mcg/hr every 72 hours", "fentanyl 0.6 mg"),
    ("fentanyl 25 mcg/hr patch", "1 patch (25 mcg/hr) every 72 hours", "fentanyl 0.6 mg"),
    ("fentanyl 25 mcg/hr patch", instruction(25, "ug/h", 1, 3), "fentanyl 0.6 mg"),
    ("fentanyl 25 mcg/hr patch", instruction(1, "{patch}", 1, 72, "h"), "fentanyl 0.6 mg"),
    # The patch gives 25, the direction says 50: which one is meant is a person's question
    ("fentanyl 25 mcg/hr patch", "1 patch (50 mcg/hr) every 72 hours", "-"),
    ("nicotine 21 mg/24 hr patch", "apply 1 patch daily", "nicotine 21 mg"),
    (
        "nicotine 14 mg/24hr transdermal patch",
        "1 patch onto the skin every 24 hours",
        "nicotine 13.992 mg",
    ),
    ("NICODERM CQ 21 mg/24 hr", "1 patch daily", "nicotine 21 mg"),
    # 0.396 mg/h as RxNorm rounds 9.5 mg in 24 h
    ("rivastigmine 9.5 mg/24 hr patch", "apply 1 patch once daily", "rivastigmine 9.504 mg"),
    ("Exelon 4.6 mg/24 hours patch", instruction(1, "{patch}", 1), "rivastigmine 4.608 mg"),
    # worn nine hours: 2.22 mg/h x 9 h
    ("methylphenidate 20 mg/9 hr patch", "1 patch every morning", "methylphenidate 19.98 mg"),
    (
        "methylphenidate 20 mg/9 hr patch",
        "1 patch daily, remove after 6 hours",
        "methylphenidate 13.32 mg",
    ),
    (
        "Daytrana 10 mg/9hr patch",
        "1 patch every morning, remove after 9 hours",
        "methylphenidate 9.99 mg",
    ),
    # a week's patch gives its daily rate every day
    ("clonidine 0.1 mg/24 hr weekly patch", "apply 1 patch every week", "clonidine 0.10008 mg"),
    ("clonidine 0.2 mg/24hr patch", instruction(1, "{patch}", 1, 1, "wk"), "clonidine 0.19992 mg"),
    ("buprenorphine 10 mcg/hr patch", "apply 1 patch every 7 days", "buprenorphine 0.24 mg"),
    ("selegiline 6 mg/24 hr patch", "apply 1 patch daily", "selegiline 6 mg"),
    ("Emsam 9 mg/24hr", "1 patch daily", "selegiline 9 mg"),
    ("rotigotine 4 mg/24 hr patch", "1 patch daily", "rotigotine 4.008 mg"),
    ("estradiol 0.05 mg/24 hr patch", "1 patch twice a week", "estradiol 0.04992 mg"),
    # no such product in the table: what the text states, 3.8 mg in 24 h
    ("asenapine 3.8 mg/24 hr patch", "apply 1 patch daily", "asenapine 3.8 mg"),
    # acts where it is stuck: no daily dose
    ("lidocaine 5 % patch", "apply 1 patch daily", "-"),
]

INHALED_AND_NASAL: list[Row] = [
    (
        "albuterol 90 mcg/actuation inhaler",
        "2 puffs every 4 hours as needed",
        "albuterol <= 1.08 mg",
    ),
    # at most every 4 h: 6 x 2 x 90 ug
    ("albuterol HFA 90 mcg inhaler", "2 puffs q4-6h prn wheezing", "albuterol <= 1.08 mg"),
    ("fluticasone propionate 110 mcg/actuation HFA inhaler", "2 puffs bid", "fluticasone 0.44 mg"),
    (
        "budesonide-formoterol 160-4.5 mcg/actuation inhaler",
        "inhale 2 puffs twice daily",
        "budesonide 0.64 mg + formoterol 0.018 mg",
    ),
    (
        "Symbicort 160-4.5 mcg inhaler",
        instruction(2, "{puff}", 2),
        "budesonide 0.64 mg + formoterol 0.018 mg",
    ),
    (
        "fluticasone-salmeterol 250-50 mcg/dose diskus",
        "1 inhalation bid",
        "fluticasone 0.5 mg + salmeterol 0.1 mg",
    ),
    (
        "tiotropium 18 mcg inhalation capsule",
        "inhale contents of 1 capsule daily",
        "tiotropium 0.018 mg",
    ),
    # two nostrils: 2 x 2 x 50 ug
    (
        "fluticasone propionate 50 mcg/actuation nasal spray",
        "2 sprays in each nostril daily",
        "fluticasone 0.2 mg",
    ),
    ("fluticasone propionate 50 mcg/actuation nasal spray", "1 spray daily", "fluticasone 0.05 mg"),
    # the structure counts both nostrils already
    (
        "fluticasone propionate 50 mcg/actuation nasal spray",
        instruction(4, "{spray}", 1, text="2 sprays in each nostril daily"),
        "fluticasone 0.2 mg",
    ),
    ("Spravato 84 mg", "84 mg intranasally twice a week", "esketamine 24 mg"),  # 2 x 84 / 7
    (
        "esketamine 28 mg nasal spray",
        instruction(3, "{device}", 1, 1, "wk"),
        "esketamine 84 mg / 7 d",
    ),
]

LIQUIDS_AND_DROPS: list[Row] = [
    ("timolol 0.5 % ophthalmic solution", "1 drop in both eyes bid", "-"),
    # a drop has no volume of its own
    ("haloperidol 2 mg/mL oral concentrate", "5 drops tid", "-"),
    ("haloperidol 2 mg/mL oral concentrate", "0.5 mL bid", "haloperidol 2 mg"),
    ("haloperidol 2 mg/mL oral concentrate", ".5 mL bid", "haloperidol 2 mg"),
    ("escitalopram 5 mg/5 mL oral solution", "10 mL daily", "escitalopram 10 mg"),
    ("fluoxetine 20 mg/5 mL solution", "take 2.5 mL daily", "fluoxetine 10 mg"),
    ("sertraline 20 mg/mL oral concentrate", "1.25 mL daily", "sertraline 25 mg"),
    ("risperidone 1 mg/mL oral solution", "0.5 mL at bedtime", "risperidone 0.5 mg"),
    (
        "clozapine 50 mg/mL oral suspension",
        "2 mL in the morning and 4 mL at bedtime",
        "clozapine 300 mg",
    ),
    ("methadone 10 mg/mL oral concentrate", "8 mL daily", "methadone 80 mg"),
    ("valproic acid 250 mg/5 mL oral solution", "10 mL bid", "valproate 1000 mg"),
    ("Depakene 250 mg/5 mL syrup", "2 teaspoons three times daily", "valproate 1500 mg"),
    (
        "valproate sodium 250 mg/5 mL oral solution",
        "15 mL (750 mg) twice a day",
        "valproate 1500 mg",
    ),
    # the text's own amount contradicts the bottle's concentration
    ("valproic acid 250 mg/5 mL oral solution", "take 10 mL (250 mg) twice a day", "-"),
    ("diphenhydramine 12.5 mg/5 mL liquid", "10 mL q6h prn", "diphenhydramine <= 100 mg"),
    ("lithium citrate 300 mg/5 mL solution", "10 ml twice daily", "lithium 1200 mg"),
    # 8 mEq in 5 mL are 300 mg of carbonate (label)
    ("lithium 8 mEq/5 mL solution", "5 mL tid", "lithium 900 mg"),
    ("lithium citrate 8 mEq/5 mL oral solution", instruction(5, "mL", 3), "lithium 900 mg"),
    ("lithium 8 mEq/5 mL solution", instruction(8, "meq", 3), "lithium 900 mg"),
    ("lithium 8 mEq/5 mL solution", instruction(24, "mmol", 1), "lithium 900 mg"),
    ("lithium 8 mEq/5 mL solution", instruction(300, "mg", 3), "lithium 900 mg"),
    ("lithium carbonate 300 mg capsule", "1 capsule three times daily", "lithium 900 mg"),
    (
        "insulin glargine 100 units/mL",
        "20 units subcutaneously at bedtime",
        "insulin glargine 20 [iU]",
    ),
]

INJECTED: list[Row] = [
    (
        "paliperidone palmitate 156 mg/mL injection",
        "156 mg IM every 4 weeks",
        "paliperidone 156 mg / 28 d",
    ),
    (
        "Invega Sustenna 234 mg/1.5 mL",
        "234 mg intramuscularly once a month",
        "paliperidone 234 mg / 30 d",
    ),
    (
        "Invega Trinza 819 mg/2.63 mL",
        instruction(819, "mg", 1, 3, "mo"),
        "paliperidone 819 mg / 90 d",
    ),
    (
        "Invega Hafyera 1,560 mg/5 mL syringe",
        "1560 mg every 6 months",
        "paliperidone 1560 mg / 180 d",
    ),
    ("Aristada 882 mg/3.2 mL", "882 mg IM every 6 weeks", "aripiprazole 882 mg / 42 d"),
    # 3.9 mL x 273 mg/mL, what one syringe of the stated volume holds
    (
        "aripiprazole lauroxil 1064 mg/3.9 mL",
        "1 syringe every 2 months",
        "aripiprazole 1064.7 mg / 60 d",
    ),
    ("Abilify Maintena 400 mg", "inject 400 mg IM q28 days", "aripiprazole 400 mg / 28 d"),
    ("Abilify Asimtufii 960 mg", "960 mg IM every 2 months", "aripiprazole 960 mg / 60 d"),
    ("haloperidol decanoate 100 mg/mL", "1.5 mL IM every 4 weeks", "haloperidol 150 mg / 28 d"),
    ("haloperidol decanoate 100 mg/mL", instruction(150, "mg", 1, 28), "haloperidol 150 mg / 28 d"),
    ("fluphenazine decanoate 25 mg/mL", "25 mg IM q2 weeks", "fluphenazine 25 mg / 14 d"),
    ("Risperdal Consta 37.5 mg", "37.5 mg IM every 2 weeks", "risperidone 37.5 mg / 14 d"),
    ("Perseris 120 mg", "120 mg subcut monthly", "risperidone 120 mg / 30 d"),
    ("Uzedy 100 mg/0.28 mL", "100 mg subq every 2 months", "risperidone 100 mg / 60 d"),
    ("Vivitrol 380 mg", "380 mg IM every 4 weeks", "naltrexone 380 mg / 28 d"),
    ("Sublocade 300 mg/1.5 mL", "300 mg SC once monthly", "buprenorphine 300 mg / 30 d"),
    ("Brixadi 24 mg weekly", "24 mg subcutaneously weekly", "buprenorphine 24 mg / 7 d"),
    ("Zyprexa Relprevv 300 mg", "300 mg IM every 2 weeks", "olanzapine 300 mg / 14 d"),
    (
        "medroxyprogesterone 150 mg/mL",
        "150 mg IM every 12 weeks",
        "medroxyprogesterone 150 mg / 84 d",
    ),
    ("testosterone cypionate 200 mg/mL", "0.5 mL IM every 2 weeks", "testosterone 100 mg / 14 d"),
    ("cyanocobalamin 1000 mcg/mL", "1 mL IM monthly", "vitamin B12 1 mg / 30 d"),
    ("vancomycin 1 g injection", "15 mg/kg IV q12h", "-"),  # nobody told the weight
]

HALVES_AND_DAYS: list[Row] = [
    ("sertraline 100 mg tablet", "take 1 1/2 tablets daily", "sertraline 150 mg"),
    ("lamotrigine 25 mg tablet", "take 1/2 tablet every other day", "lamotrigine 6.25 mg"),
    ("prednisone 10 mg tablet", "1 tablet every 48 hours", "prednisone 5 mg"),
    ("haloperidol 0.5 mg tablet", "take .5 mg bid", "haloperidol 1 mg"),
    # 3 x 50 + 4 x 75 ug in seven days
    (
        "levothyroxine 50 mcg tablet",
        "1 tablet on Mon Wed Fri and 1.5 tablets on Tue Thu Sat Sun",
        "levothyroxine 0.0642857 mg",
    ),
    (
        "warfarin 5 mg tablet",
        "take 1 tablet daily except 1/2 tablet on Tuesdays",
        "warfarin 4.64286 mg",
    ),  # (6 x 5 + 2.5) / 7
    (
        "warfarin 5 mg tablet",
        "1 tablet mon, wed, fri; 0.5 tablet all other days",
        "warfarin 3.57143 mg",
    ),  # (3 x 5 + 4 x 2.5) / 7
    ("warfarin 2.5 mg tablet", "2.5 mg every other day alternating with 5 mg", "warfarin 3.75 mg"),
    ("warfarin 5 mg tablet", "1 tablet mon-fri", "warfarin 3.57143 mg"),  # 5 x 5 / 7
    (
        "naltrexone 50 mg tablet",
        "100 mg on Monday and Wednesday, 150 mg on Friday",
        "naltrexone 50 mg",
    ),  # (200 + 150) / 7
    (
        "methotrexate 2.5 mg tablet",
        "take 6 tablets once weekly on Monday",
        "methotrexate 15 mg / 7 d",
    ),
    (
        "methotrexate 2.5 mg tablet",
        instruction(6, "{tablet}", 1, 1, "wk", timing=repeat(dayOfWeek=["mon"])),
        "methotrexate 15 mg / 7 d",
    ),
    ("alendronate 70 mg tablet", "1 tablet once a week", "alendronate 70 mg / 7 d"),
    ("fluoxetine 90 mg weekly capsule", "1 capsule every 7 days", "fluoxetine 90 mg / 7 d"),
    # twice on each of three days: 6 x 5 / 7
    (
        "haloperidol 5 mg tablet",
        instruction(1, "{tablet}", 2, timing=repeat(dayOfWeek=["mon", "wed", "fri"])),
        "haloperidol 4.28571 mg",
    ),
    (
        "haloperidol 5 mg tablet",
        instruction(1, "{tablet}", 1, timing=repeat(dayOfWeek=["mon", "wed", "fri"])),
        "haloperidol 2.14286 mg",
    ),
    ("clonazepam 0.5 mg tablet", "0.5 tab qam, 0.5 tab at noon, 1 tab qhs", "clonazepam 1 mg"),
    ("clonazepam 0.5 mg tablet", "1 qAM 2 qHS", "clonazepam 1.5 mg"),
    ("clozapine 100 mg tablet", "1 tab am 2.5 tabs pm", "clozapine 350 mg"),
    (
        "gabapentin 300 mg capsule",
        "1 capsule in the morning, 1 capsule at noon and 2 capsules at bedtime",
        "gabapentin 1200 mg",
    ),
    ("melatonin 3 mg tablet", "2 tablets 1 hour before bed", "melatonin 6 mg"),
    ("haloperidol 5 mg tablet", "1 tablet at 0800 and 2000", "haloperidol 10 mg"),
    (
        "haloperidol 5 mg tablet",
        {"doseAndRate": dose(1, "{tablet}"), "timing": repeat(when=["CM", "CD", "CV"])},
        "haloperidol 15 mg",
    ),
    (
        "haloperidol 5 mg tablet",
        {"doseAndRate": dose(1, "{tablet}"), "timing": repeat(timeOfDay=["08:00:00", "20:00:00"])},
        "haloperidol 10 mg",
    ),
    # with meals, but nobody says how many
    (
        "haloperidol 5 mg tablet",
        {"doseAndRate": dose(1, "{tablet}"), "timing": repeat(when=["C"])},
        "-",
    ),
]

RANGES_AND_NEED: list[Row] = [
    ("sertraline 50 mg tablet", "1-2 tablets daily", "sertraline 50 to 100 mg"),
    ("sertraline 50 mg tablet", "take 25-50 mg daily", "sertraline 25 to 50 mg"),
    ("buspirone 10 mg tablet", "1 tab 2-3 times daily", "buspirone 20 to 30 mg"),
    (
        "haloperidol 5 mg tablet",
        instruction(
            1, "{tablet}", timing=repeat(frequency=1, period=8, periodUnit="h", periodMax=12)
        ),
        "haloperidol 10 to 15 mg",
    ),
    (
        "haloperidol 5 mg tablet",
        {
            "doseAndRate": [
                {
                    "doseRange": {
                        "low": {"value": 1, "unit": "tablet"},
                        "high": {"value": 2, "unit": "tablet"},
                    }
                }
            ],
            "timing": repeat(frequency=2, period=1, periodUnit="d"),
        },
        "haloperidol 10 to 20 mg",
    ),
    # an upper end alone is a maximum
    (
        "haloperidol 5 mg tablet",
        {
            "doseAndRate": [{"doseRange": {"high": {"value": 10, "unit": "mg", "code": "mg"}}}],
            "timing": repeat(frequency=2, period=1, periodUnit="d"),
        },
        "haloperidol <= 20 mg",
    ),
    ("quetiapine 25 mg tablet", "25-50 mg qhs prn sleep", "quetiapine <= 50 mg"),
    (
        "trazodone 50 mg tablet",
        "1/2 to 1 tablet at bedtime as needed for sleep",
        "trazodone <= 50 mg",
    ),
    (
        "trazodone 50 mg tablet",
        "0.5-1 tablets (25-50 mg total) by mouth nightly as needed for sleep.",
        "trazodone <= 50 mg",
    ),
    # the lower of what the times and what the stated maximum allow
    ("lorazepam 0.5 mg tablet", "1 tab bid prn anxiety, max 3 tabs/day", "lorazepam <= 1 mg"),
    (
        "lorazepam 0.5 mg tablet",
        "1-2 tabs q6h prn anxiety; not to exceed 2 mg per day",
        "lorazepam <= 2 mg",
    ),
    (
        "lorazepam 1 mg tablet",
        instruction(
            1,
            "mg",
            3,
            1,
            asNeededBoolean=True,
            maxDosePerPeriod={
                "numerator": {"value": 2, "unit": "mg", "code": "mg"},
                "denominator": {"value": 24, "unit": "h", "code": "h"},
            },
        ),
        "lorazepam <= 2 mg",
    ),
    (
        "lorazepam 1 mg tablet",
        instruction(
            1,
            "{tablet}",
            asNeededBoolean=True,
            maxDosePerPeriod={
                "numerator": {"value": 14, "unit": "tablet"},
                "denominator": {"value": 1, "unit": "wk", "code": "wk"},
            },
        ),
        "lorazepam <= 2 mg",
    ),
    # how often is left to need alone: no maximum is known
    ("lorazepam 1 mg tablet", "1 tablet as needed for anxiety", "lorazepam <= ?"),
    (
        "propranolol 10 mg tablet",
        "1 tablet up to three times daily as needed",
        "propranolol <= 30 mg",
    ),
    (
        "hydrocodone-acetaminophen 5-325 mg tablet",
        "1-2 tablets q6h prn pain, max 6 per day",
        "acetaminophen <= 1950 mg + hydrocodone <= 30 mg",
    ),
]

COMBINED: list[Row] = [
    ("carbidopa-levodopa 25-100 mg tablet", "1 tablet tid", "carbidopa 75 mg + levodopa 300 mg"),
    ("Sinemet 25-100", "1.5 tablets 4 times daily", "carbidopa 150 mg + levodopa 600 mg"),
    (
        "carbidopa/levodopa 25/250",
        instruction(1, "{tablet}", 3),
        "carbidopa 75 mg + levodopa 750 mg",
    ),
    # 20 mg is the sum of four salts of 5 mg
    (
        "Adderall XR 20 mg capsule",
        "1 capsule every morning",
        "amphetamine 10 mg + dextroamphetamine 10 mg",
    ),
    (
        "amphetamine-dextroamphetamine XR 30 mg",
        instruction(30, "mg", 1),
        "amphetamine 15 mg + dextroamphetamine 15 mg",
    ),
    (
        "dextroamphetamine-amphetamine 10 mg tablet",
        "1 tablet bid",
        "amphetamine 10 mg + dextroamphetamine 10 mg",
    ),
    ("Symbyax 6-25 mg", "1 capsule in the evening", "fluoxetine 25 mg + olanzapine 6 mg"),
    ("olanzapine-fluoxetine 12-50 mg capsule", "1 cap qhs", "fluoxetine 50 mg + olanzapine 12 mg"),
    (
        "buprenorphine-naloxone 8-2 mg film",
        "2 films sublingually daily",
        "buprenorphine 16 mg + naloxone 4 mg",
    ),
    ("Suboxone 8-2 mg film", "1 film SL bid", "buprenorphine 16 mg + naloxone 4 mg"),
    # 16 mg of buprenorphine are two films; of no other count
    (
        "buprenorphine-naloxone 8-2 mg SL tablet",
        instruction(16, "mg", 1),
        "buprenorphine 16 mg + naloxone 4 mg",
    ),
    ("Suboxone 8 mg-2 mg", "16 mg daily", "buprenorphine 16 mg + naloxone 4 mg"),
    ("Auvelity 45-105 mg", "1 tablet bid", "bupropion 210 mg + dextromethorphan 90 mg"),
    ("Contrave 8-90 mg ER tablet", "2 tablets bid", "bupropion 360 mg + naltrexone 32 mg"),
    ("Nuedexta 20-10 mg", "1 capsule q12h", "dextromethorphan 40 mg + quinidine 20 mg"),
    (
        "perphenazine-amitriptyline 4-25 mg tablet",
        "1 tablet qid",
        "amitriptyline 100 mg + perphenazine 16 mg",
    ),
    (
        "chlordiazepoxide-amitriptyline 5-12.5 mg",
        "1 tab tid",
        "amitriptyline 37.5 mg + chlordiazepoxide 15 mg",
    ),
    (
        "lisinopril-hydrochlorothiazide 20-12.5 mg tablet",
        "2 tablets daily",
        "hydrochlorothiazide 25 mg + lisinopril 40 mg",
    ),
]

TEXT_AND_STRUCTURE: list[Row] = [
    (
        "sertraline 50 mg tablet",
        instruction(100, "mg", 1, text="Take 2 tablets (100 mg total) daily"),
        "sertraline 100 mg",
    ),
    (
        "lithium carbonate 300 mg capsule",
        instruction(300, "mg", 3, text="1 capsule tid"),
        "lithium 900 mg",
    ),
    (
        "lithium carbonate 300 mg capsule",
        instruction(1, "{capsule}", 3, text="2 capsules tid"),
        "!",
    ),
    ("sertraline 50 mg tablet", instruction(1, "{tablet}", 1, text="Take 2 tablets daily"), "!"),
    ("sertraline 50 mg tablet", instruction(2, "{tablet}", 1, text="1 tablet twice daily"), "!"),
    ("haloperidol 5 mg tablet", instruction(5, "mg", 2, text="take .5 mg twice daily"), "!"),
    (
        "sertraline 50 mg tablet",
        instruction(1, "{tablet}", 1, text="do not take"),
        "sertraline 50 mg",
    ),
    (
        "sertraline 50 mg tablet",
        instruction(1, "{tablet}", 1, text="1 tablet daily as needed"),
        "sertraline <= 50 mg",
    ),
]

UNREADABLE: list[Row] = [
    ("sertraline 50 mg tablet", instruction(-1, "{tablet}", 1), "-"),
    ("sertraline 50 mg tablet", instruction(1000, "{tablet}", 1), "-"),
    ("sertraline 50 mg tablet", instruction(1, "{tablet}", 1, 0), "-"),
    ("sertraline 50 mg tablet", instruction(1, "furlong", 1), "-"),
    ("sertraline 50 mg tablet", "as directed", "-"),
    ("sertraline 50 mg tablet", "1 tablet daily, hold if drowsy", "-"),
    # an extended-release drug of 12 or 24 hours: which is not said, what is taken is
    ("bupropion ER 150 mg tablet", "1 tablet daily", "bupropion 150 mg"),
]

GROUPS = {
    "patches": PATCHES,
    "inhaled": INHALED_AND_NASAL,
    "liquids": LIQUIDS_AND_DROPS,
    "injected": INJECTED,
    "days": HALVES_AND_DAYS,
    "ranges": RANGES_AND_NEED,
    "combined": COMBINED,
    "conflicts": TEXT_AND_STRUCTURE,
    "unreadable": UNREADABLE,
}
ROWS = [
    pytest.param(*row, id=f"{name}: {row[0]}, {row[1] if isinstance(row[1], str) else 'structure'}")
    for name, rows in GROUPS.items()
    for row in rows
]


@pytest.mark.parametrize(("drug", "directions", "expected"), ROWS)
def test_an_order_comes_to_the_dose_worked_out_by_hand(
    drug: str, directions: str | Json, expected: str
) -> None:
    dosage = {"text": directions} if isinstance(directions, str) else directions
    found = entry(request(medicationCodeableConcept={"text": drug}, dosageInstruction=[dosage]))
    assert came_to(found) == expected
    assert all(dose.working for dose in found.daily_doses)
