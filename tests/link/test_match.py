"""Records of two servers: one person, perhaps, or surely not."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import MappingError
from service.link.grade import grade
from service.link.match import links, survivor
from service.mappings.matching import load_weights
from service.model.evidence import Origin
from service.model.patient import Identifier, MatchGrade, PatientRecord

MAPPINGS = Path(__file__).parents[2] / "mappings"
WEIGHTS = load_weights(MAPPINGS)
SSN, MRN = "http://hl7.org/fhir/sid/us-ssn", "urn:oid:1.2.3.4.5"


def person(source: str = "primary-care", id_: str = "9", **more: object) -> PatientRecord:
    base = PatientRecord(
        origin=Origin(source, f"Patient/{id_}", "1"),
        family=("larsen",),
        given=("maria",),
        birth_date=date(1980, 5, 4),
        sex="female",
        phones=("+1 555 010 2030",),
        postal_code="04101",
        address_line="12 harbor st",
    )
    return replace(base, **more)


ASKED = person("psychiatry", "17")


def graded(**more: object) -> MatchGrade:
    return grade(ASKED, person(**more), WEIGHTS).grade


def identifiers(*pairs: tuple[str, str]) -> tuple[Identifier, ...]:
    return tuple(Identifier(system, value) for system, value in pairs)


def test_the_asked_record_itself_is_certain() -> None:
    link = grade(ASKED, ASKED, WEIGHTS)
    assert (link.grade, link.evidence) == (MatchGrade.CERTAIN, ("asked",))


def test_name_birth_date_and_sex_with_nothing_against_them_are_certain() -> None:
    link = grade(ASKED, person(), WEIGHTS)
    assert link.grade is MatchGrade.CERTAIN
    assert {"birthdate", "family", "given", "sex"} <= set(link.evidence)


def test_the_same_name_and_birth_date_under_another_number_is_never_certain() -> None:
    asked = replace(ASKED, identifiers=identifiers((SSN, "900-00-0001")))
    link = grade(asked, person(identifiers=identifiers((SSN, "900-00-0002"))), WEIGHTS)
    assert link.grade is MatchGrade.POSSIBLE
    assert f"not identifier {SSN}" in link.evidence


def test_twins_are_never_linked_by_themselves() -> None:
    assert graded(given=("marta",)) in (MatchGrade.PROBABLE, MatchGrade.POSSIBLE)
    assert graded(given=("sofia",)) is MatchGrade.POSSIBLE


def test_twins_who_share_a_number_by_mistake_are_never_linked_by_themselves() -> None:
    shared = identifiers((SSN, "900000001"), (MRN, "77"))
    asked = replace(ASKED, identifiers=shared)
    assert grade(asked, person(given=("sofia",), identifiers=shared), WEIGHTS).grade is (
        MatchGrade.POSSIBLE
    )


@pytest.mark.parametrize(
    "against",
    [{"sex": "male"}, {"deceased": True}, {"birth_date": date(1980, 4, 5)}],
    ids=["sex", "deceased", "birth date"],
)
def test_sex_death_and_birth_date_speak_against_even_two_identifiers(
    against: dict[str, object],
) -> None:
    both = identifiers((SSN, "900000001"), (MRN, "77"))
    asked = replace(ASKED, identifiers=both)
    assert grade(asked, person(identifiers=both), WEIGHTS).grade is MatchGrade.CERTAIN
    assert grade(asked, person(identifiers=both, **against), WEIGHTS).grade is MatchGrade.POSSIBLE


def test_a_married_name_is_certain_by_a_trusted_number_and_only_probable_by_another() -> None:
    for system, expected in ((SSN, MatchGrade.CERTAIN), (MRN, MatchGrade.PROBABLE)):
        number = identifiers((system, "900-00-0001"))
        asked = replace(ASKED, identifiers=number)
        link = grade(asked, person(family=("okafor",), identifiers=number), WEIGHTS)
        assert link.grade is expected


def test_a_family_number_proves_nothing() -> None:
    family = (Identifier("urn:insurer", "F-1", "MB"),)
    asked = replace(ASKED, identifiers=family, given=())
    link = grade(asked, person(identifiers=family, given=("maria",)), WEIGHTS)
    assert link.grade is not MatchGrade.CERTAIN


def test_the_same_name_at_another_address_and_phone_is_only_probable() -> None:
    elsewhere = {"phones": ("555 999 8877",), "postal_code": "99501", "address_line": "1 ice rd"}
    assert graded(**elsewhere) is MatchGrade.PROBABLE
    assert graded(**{**elsewhere, "phones": ASKED.phones}) is MatchGrade.CERTAIN


def test_a_stranger_is_certainly_not_the_person() -> None:
    assert (
        graded(family=("okafor",), given=("peter",), birth_date=date(1951, 11, 30), sex="male")
        is MatchGrade.CERTAINLY_NOT
    )


def test_a_misspelt_name_goes_to_a_person() -> None:
    assert graded(family=("larson",)) is MatchGrade.PROBABLE


def test_a_persons_word_wins_over_everything() -> None:
    both = identifiers((SSN, "900000001"), (MRN, "77"))
    asked = replace(ASKED, identifiers=both)
    same = person(identifiers=both)
    stranger = person(family=("okafor",), given=("peter",), sex="male")
    assert grade(asked, same, WEIGHTS, word=False).grade is MatchGrade.CERTAINLY_NOT
    assert grade(asked, stranger, WEIGHTS, word=True).grade is MatchGrade.CERTAIN
    assert grade(asked, same, WEIGHTS, word=False).decided_by


def test_a_merged_record_is_the_one_that_replaced_it() -> None:
    merged = person("psychiatry", "16", family=("old",), replaced_by="Patient/17", active=False)
    assert grade(ASKED, merged, WEIGHTS).evidence == ("replaced-by",)
    elsewhere = person("pharmacy", "16", family=("old",), sex="male", replaced_by="Patient/17")
    assert grade(ASKED, elsewhere, WEIGHTS).grade is not MatchGrade.CERTAIN


def test_a_chain_of_merges_is_followed_to_its_end_and_a_circle_ends() -> None:
    a = person("s", "a", replaced_by="Patient/b")
    b = person("s", "b", replaced_by="Patient/c")
    c = person("s", "c")
    assert survivor(a, (a, b, c)) == c
    circle = replace(c, replaced_by="Patient/a")
    assert survivor(a, (a, b, circle)) == circle


def test_two_records_of_one_source_that_fit_by_name_alone_are_both_doubtful() -> None:
    found = links(ASKED, [person(id_="1"), person(id_="2")], WEIGHTS)
    assert [link.grade for link in found if link.record.source == "primary-care"] == (
        [MatchGrade.PROBABLE] * 2
    )


def test_a_certain_record_lends_its_number_to_the_rest() -> None:
    number = identifiers((SSN, "900-00-0001"))
    clinic = person("primary-care", "1", identifiers=number)
    pharmacy = person(
        "pharmacy", "5", family=("okafor",), phones=(), postal_code="", address_line="",
        identifiers=number,
    )  # fmt: skip
    assert grade(ASKED, pharmacy, WEIGHTS).grade is not MatchGrade.CERTAIN
    by_source = {
        link.record.source: link.grade for link in links(ASKED, [pharmacy, clinic], WEIGHTS)
    }
    assert by_source["pharmacy"] is MatchGrade.CERTAIN


def test_what_one_certain_record_contradicts_is_certain_through_no_other() -> None:
    clinic = person("primary-care", "1", identifiers=identifiers((SSN, "900-00-0001")))
    other = person("pharmacy", "5", identifiers=identifiers((SSN, "900-00-0002")))
    graded_links = {x.record.source: x.grade for x in links(ASKED, [clinic, other], WEIGHTS)}
    assert graded_links["psychiatry"] is MatchGrade.CERTAIN
    assert graded_links["primary-care"] is MatchGrade.PROBABLE
    assert graded_links["pharmacy"] is MatchGrade.PROBABLE


def test_a_decided_record_stays_decided_among_many() -> None:
    said = {Origin("primary-care", "Patient/9"): False}
    found = links(ASKED, [person()], WEIGHTS, said)
    assert found[0].grade is MatchGrade.CERTAINLY_NOT


records = st.builds(
    person,
    source=st.sampled_from(["primary-care", "pharmacy"]),
    id_=st.sampled_from(["1", "2", "3"]),
    family=st.sampled_from([("larsen",), ("okafor",), ()]),
    given=st.sampled_from([("maria",), ("sofia",), ("m",)]),
    birth_date=st.sampled_from([date(1980, 5, 4), date(1980, 5, 5), None]),
    sex=st.sampled_from(["female", "male", "unknown"]),
    identifiers=st.sampled_from([(), identifiers((SSN, "1")), identifiers((SSN, "2"))]),
    deceased=st.booleans(),
)


@given(records)
def test_a_grade_is_the_same_from_both_sides(candidate: PatientRecord) -> None:
    there, back = grade(ASKED, candidate, WEIGHTS), grade(candidate, ASKED, WEIGHTS)
    assert (there.grade, there.score) == (back.grade, back.score)


@given(st.lists(records, max_size=4, unique_by=lambda r: r.origin), st.randoms())
def test_links_do_not_depend_on_the_order_of_records(
    candidates: list[PatientRecord], random: object
) -> None:
    mixed = list(candidates)
    random.shuffle(mixed)
    assert links(ASKED, candidates, WEIGHTS) == links(ASKED, mixed, WEIGHTS)


@given(records)
def test_nothing_that_contradicts_is_ever_certain(candidate: PatientRecord) -> None:
    link = grade(ASKED, candidate, WEIGHTS)
    if candidate.deceased or candidate.sex == "male" or candidate.given == ("sofia",):
        assert link.grade is not MatchGrade.CERTAIN


def test_weights_that_cannot_be_used_name_file_and_key(tmp_path: Path) -> None:
    text = (MAPPINGS / "matching.toml").read_text(encoding="utf-8")
    (tmp_path / "matching.toml").write_text(text.replace("probable = 16.0", "probable = 1.0"))
    with pytest.raises(MappingError, match=r"matching\.toml: grades\.possible"):
        load_weights(tmp_path)
