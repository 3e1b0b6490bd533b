"""A token never leaves scheme, host, port and base path, whatever an answer names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import SettingsError, SourceRefused
from service.fhir.auth import Bearer
from service.fhir.outgoing import http_client
from service.fhir.policy import Endpoint, literal
from service.fhir.wire import Limits, Wire

BASE = Endpoint.parse("https://ehr.example/fhir/r4")

ASTRAY = [
    "https://evil.example/fhir/r4/Patient",
    "https://ehr.example.evil.example/fhir/r4/Patient",
    "https://evil-ehr.example/fhir/r4/Patient",
    "https://ehr.example:8443/fhir/r4/Patient",
    "https://ehr.example:443:443/fhir/r4/Patient",
    "http://ehr.example/fhir/r4/Patient",
    "//evil.example/fhir/r4/Patient",
    "///evil.example/fhir/r4",
    "\\\\evil.example\\fhir",
    "https:\\\\evil.example/fhir/r4",
    "https://ehr.example\\@evil.example/fhir/r4",
    "https://ehr.example@evil.example/fhir/r4/Patient",
    "https://user:pass@ehr.example/fhir/r4/Patient",
    "https://ehr.example%40evil.example/fhir/r4",
    "https://ehr.example#@evil.example/fhir/r4",
    "https://ehr.exаmple/fhir/r4/Patient",
    "https://ehr.example。evil.example/fhir/r4",
    "https://ehr.example/fhir/r4/../admin",
    "https://ehr.example/fhir/r4/%2e%2e/admin",
    "https://ehr.example/fhir/r4/..%2fadmin",
    "https://ehr.example/fhir/r4%00/Patient",
    "https://ehr.example/fhir/r4evil/Patient",
    "https://ehr.example/fhir",
    "https://ehr.example/",
    "/admin",
    "../admin",
    "https://[::1]/fhir/r4",
    "https://0x7f000001/fhir/r4",
    "https://2130706433/fhir/r4",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:169.254.169.254]/",
    "https://ehr.example:0/fhir/r4/Patient",
    "https://ehr.example:99999/fhir/r4",
    "file:///etc/passwd",
    "gopher://ehr.example/fhir/r4",
    "javascript:alert(1)",
    "data:text/plain,x",
    "https://ehr.example/fhir/r4\r\nHost: evil.example",
    " https://evil.example/fhir/r4",
    "\thttps://evil.example/fhir/r4",
    "https:/evil.example/fhir/r4",
    "https:evil.example",
    "HTTPS://EVIL.EXAMPLE/fhir/r4",
]


@pytest.mark.parametrize("url", ASTRAY)
def test_an_address_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        BASE.admit(url)


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("Patient/1", "https://ehr.example/fhir/r4/Patient/1"),
        (
            "?_getpages=a&_getpagesoffset=2",
            "https://ehr.example/fhir/r4?_getpages=a&_getpagesoffset=2",
        ),
        ("/fhir/r4/Patient?x=1", "https://ehr.example/fhir/r4/Patient?x=1"),
        ("https://EHR.example:443/fhir/r4?page=2", "https://ehr.example/fhir/r4?page=2"),
        (
            "MedicationRequest?identifier=http://a.example/%7C1",
            "https://ehr.example/fhir/r4/MedicationRequest?identifier=http://a.example/%7C1",
        ),
    ],
)
def test_an_address_below_the_base_is_called(url: str, called: str) -> None:
    assert BASE.admit(url) == called


@given(st.text(max_size=80))
def test_whatever_is_admitted_lies_below_the_base(url: str) -> None:
    try:
        address = BASE.admit(url)
    except SourceRefused:
        return
    assert address == BASE.base_url or address.startswith(
        ("https://ehr.example/fhir/r4/", "https://ehr.example/fhir/r4?")
    )


@pytest.mark.parametrize(
    "reference",
    ["Patient/../x", "Patient/", "patient/1", "Patient/a b", "Patient/..", "#p", "urn:uuid:1"],
)
def test_what_is_no_reference_never_becomes_an_address(reference: str) -> None:
    assert literal(reference) is None


def test_a_reference_is_ours_by_path_and_by_absolute_address() -> None:
    assert BASE.relative("Patient/1/_history/3") == "Patient/1"
    assert BASE.relative("https://ehr.example/fhir/r4/Patient/1") == "Patient/1"
    assert BASE.relative("https://other.example/fhir/r4/Patient/1") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ehr.example",
        "ftp://ehr.example",
        "https://u:p@ehr.example",
        "https://ehr.example/fhir?x=1",
        "https://",
    ],
)
def test_a_wrong_base_url_is_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match="address"):
        Endpoint.parse(url)


def test_a_credential_is_not_sent_over_plain_http_except_on_this_machine() -> None:
    bearer = Bearer("t")
    with pytest.raises(SettingsError, match="plain http"):
        Wire(Endpoint.parse("http://ehr.example/fhir"), bearer, http_client(), Limits())
    for base in ("http://127.0.0.1:8000/fhir", "http://localhost/fhir", "http://[::1]/fhir"):
        Wire(Endpoint.parse(base), bearer, http_client(), Limits())
