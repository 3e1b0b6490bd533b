"""Settings: one file and the environment, checked whole."""

from pathlib import Path

import pytest

from service.errors import SettingsError
from service.model.source import Role
from service.settings import Settings, load, role_of, secret


def written(folder: Path, text: str) -> Path:
    file = folder / "concord.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}) == Settings()


def test_a_file_here_is_found_without_being_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "[read]\nstale_after_h = 3\n")
    assert load(None, {}).read.stale_after_h == 3


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[store]\nurl = "sqlite:///a.db"\n')
    assert load(file, {"CONCORD_STORE__URL": "sqlite:///b.db"}).store.url == "sqlite:///b.db"


def test_a_source_with_a_hyphen_is_reached_from_the_environment(tmp_path: Path) -> None:
    settings = load(
        written(tmp_path, ""),
        {
            "CONCORD_SOURCES__PRIMARY_CARE__BASE_URL": "https://gp.example/fhir",
            "CONCORD_SOURCES__PRIMARY_CARE__WRITE": "List,Task",
        },
    )
    assert settings.sources["primary-care"].base_url == "https://gp.example/fhir"
    assert settings.sources["primary-care"].write == ("List", "Task")


def test_variables_without_a_key_path_are_not_settings(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), {"CONCORD_TEST_SCALE": "full"}) == Settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[store]\nurll = 'x'\n", "urll"),
        ("[read]\ndeadline_s = 'soon'\n", "deadline_s"),
        ("[read]\ndeadline_s = 0\n", "deadline_s"),
        ("[sources.psychiatry]\nrole = 'wizard'\n", "role"),
        ("[sources.psychiatry.auth]\ntoken = 'plain'\n", "token"),
        ("[sources.Psych]\n", "Psych"),
        ("[store\n", "TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load(written(tmp_path, text), {})


def test_a_secret_in_the_file_is_refused_without_repeating_it(tmp_path: Path) -> None:
    file = written(tmp_path, "[sources.a.auth]\npassword = 'hunter2'\n")
    with pytest.raises(SettingsError) as refused:
        load(file, {})
    assert "hunter2" not in refused.value.message


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml"):
        load(tmp_path / "gone.toml", {})


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("secret\n", encoding="utf-8")
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        secret(f"file:{key}", {})
    key.chmod(0o600)
    assert secret(f"file:{key}", {}) == "secret"


def test_an_empty_environment_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="TOKEN"):
        secret("env:TOKEN", {})
    assert secret("env:TOKEN", {"TOKEN": "t"}) == "t"


def test_the_name_tells_the_role_where_the_configuration_does_not(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "[sources.clinic]\nrole = 'psychiatry'\n"), {})
    assert role_of("clinic", settings) is Role.PSYCHIATRY
    assert role_of("pharmacy", settings) is Role.PHARMACY
    assert role_of("village", settings) is Role.OTHER


def test_what_a_site_says_of_a_server_as_a_recipient_is_read_from_file_and_environment(
    tmp_path: Path,
) -> None:
    text = '[sources.a]\nbase_url = "https://a.example"\ncoordinate = ["CarePlan"]\n'
    text += 'idempotency_header = "x-amz-fhir-idempotency-key"\n'
    file = written(tmp_path, text)
    environment = {"CONCORD_SOURCES__A__PARTIES": "npi|1,b:Organization/2"}
    source = load(file, environment).sources["a"]
    assert source.coordinate == ("CarePlan",)
    assert not source.coordinate_unguarded
    assert source.idempotency_header == "x-amz-fhir-idempotency-key"
    assert source.parties == ("npi|1", "b:Organization/2")


def test_only_care_plans_of_others_can_be_added_to(tmp_path: Path) -> None:
    file = written(tmp_path, '[sources.a]\ncoordinate = ["MedicationRequest"]\n')
    with pytest.raises(SettingsError, match="coordinate"):
        load(file, {})
