"""The rules page: what is on, on whose word, how often it speaks and is set aside, and its text."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from service.mappings.rules import load_rules
from service.mappings.therapeutic import load_drug_classes
from service.model.review import User, UserRole
from service.store.rule_use import RuleUse, rule_use
from service.web.operations.rules import rules_page
from tests.web.office import Office, in_office, report

FOLDER = Path(__file__).parents[2] / "mappings"
RULE = "interaction/warfarin-nsaid"
IT = User("u-it", "Ida Tee", UserRole.IT)
TODAY = date(2026, 11, 15)


def test_every_rule_is_listed_once_and_narrowed_down_by_status_and_words() -> None:
    rules = tuple(load_rules(FOLDER))
    whole = rules_page(rules, {}, "", "", TODAY)
    listed = [row.id for rows in whole.groups.values() for row in rows]
    assert sorted(listed) == sorted(rule.id for rule in rules)
    off = rules_page(rules, {}, "off", "", TODAY)
    assert {row.status for rows in off.groups.values() for row in rows} == {"off"}
    found = rules_page(rules, {}, "", "warfarin NSAID", TODAY)
    assert RULE in [row.id for rows in found.groups.values() for row in rows]
    assert "no such words" not in str(rules_page(rules, {}, "", "no such words", TODAY).groups)


def test_how_often_a_rule_is_set_aside_and_why_is_said() -> None:
    said = RuleUse(3, Counter({"accept": 1, "override": 3}), Counter({"monitored": 2, "": 1}))
    use = {RULE: said, "reconcile/omission": RuleUse(9)}
    page = rules_page(tuple(load_rules(FOLDER)), use, "", "", TODAY)
    row = next(row for rows in page.groups.values() for row in rows if row.id == RULE)
    assert row.share == "3 of 4 set aside"
    assert row.reasons == [("It is monitored already", 2), ("in words only", 1)]
    assert page.told([row]) == "1 rule; 1 speaks now; 3 of 4 answers set a finding aside"
    (lists,) = page.groups["differences between lists"]
    assert (lists.title, lists.use.patients) == ("Omission", 9)


def test_the_newest_answer_to_a_finding_counts_and_one_taken_back_does_not() -> None:
    async def use(office: Office) -> None:
        patient = await office.patient()
        review = await office.review(patient)
        rule = next(f for f in report()["findings"] if f["id"] == "f-dose")["rule"]["id"]
        wanted = {"decision": "override", "reason_code": "tolerated"}

        async def counted() -> RuleUse:
            async with office.store.read() as look:
                return (await rule_use(look)).get(rule, RuleUse())

        await office.decide(review, "f-dose", {"decision": "accept"})
        await office.decide(review, "f-dose", wanted)
        assert (await counted()).decided == Counter(override=1)
        assert (await counted()).reasons == Counter(tolerated=1)
        await office.decide(review, "f-dose", {"decision": "undecided"})
        assert (await counted()).decided == Counter()
        await office.decide(review, "m-ser", {"decision": "continue"})
        assert (await counted()).decided == Counter()

    in_office(use)


def test_it_reads_a_rule_to_the_letter_and_no_patient() -> None:
    book = load_rules(FOLDER)

    def text(rule: str) -> str:
        return (FOLDER / "rules" / f"{rule}.toml").read_text(encoding="utf-8")

    async def use(office: Office) -> None:
        patient = await office.patient()
        page = await office.client.get(f"/rules/{RULE}", headers=office.bearer(IT))
        assert page.status_code == 200
        assert "topical diclofenac" in page.text
        assert "[[when]]" in page.text
        listed = await office.client.get("/rules", headers=office.bearer(IT))
        assert patient not in listed.text
        assert "Ada Invented" not in listed.text
        unknown = await office.client.get("/rules/interaction/none", headers=office.bearer(IT))
        assert unknown.status_code == 404

    in_office(use, rules=book, rule_text=text)


def test_an_ingredient_goes_by_its_narrowest_class_of_therapy() -> None:
    classes = load_drug_classes(FOLDER)
    assert classes["36437"] == "SSRIs"
    assert classes["2626"] == "Second-generation antipsychotics"
    assert classes["6448"] == "Mood stabilizers"
    assert "161" not in classes  # acetaminophen
