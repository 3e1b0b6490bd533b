"""Our public keys: two live ones, nothing private, and names that differ."""

from __future__ import annotations

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from service.errors import SettingsError
from service.fhir.jwks import SigningKey, jwks
from service.fhir.scopes import Grant, grant

RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-384")


def pem(key: RSAKey | ECKey) -> str:
    return key.as_pem(private=True).decode()


def test_two_live_keys_are_published_without_their_private_halves() -> None:
    keys = [SigningKey(pem(RSA), "2026-a"), SigningKey(pem(EC))]
    found = jwks(keys)["keys"]
    assert [one["kid"] for one in found] == ["2026-a", EC.thumbprint()]
    assert [one["alg"] for one in found] == ["RS384", "ES384"]
    for one in found:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(one)
        assert one["use"] == "sig"


def test_one_key_of_several_sources_stands_once_and_two_of_one_name_are_refused() -> None:
    assert len(jwks([SigningKey(pem(EC), "a"), SigningKey(pem(EC), "a")])["keys"]) == 1
    with pytest.raises(SettingsError, match="'a'"):
        jwks([SigningKey(pem(EC), "a"), SigningKey(pem(RSA), "a")])


@pytest.mark.parametrize(
    "text",
    [
        "no key",
        "",
        pem(ECKey.generate_key("P-256")),
        EC.as_pem(private=False).decode(),
        OctKey.generate_key(256).as_dict(private=True)["k"],
    ],
)
def test_what_smart_does_not_sign_with_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="P-384"):
        jwks([SigningKey(text)])


def test_a_private_key_is_in_no_representation() -> None:
    assert "PRIVATE" not in repr(SigningKey(pem(EC)))


@pytest.mark.parametrize(
    ("scopes", "kind", "expected"),
    [
        ("system/*.read", "Observation", Grant.WHOLE),
        ("system/*.rs", "Observation", Grant.WHOLE),
        ("system/*.cruds", "Observation", Grant.WHOLE),
        ("system/*.*", "Observation", Grant.WHOLE),
        ("system/Observation.r system/Observation.s", "Observation", Grant.WHOLE),
        ("system/Observation.r", "Observation", Grant.NOTHING),
        ("system/Observation.write", "Observation", Grant.NOTHING),
        ("system/Patient.rs", "Observation", Grant.NOTHING),
        ("system/Observation.rs?category=laboratory", "Observation", Grant.PART),
        ("openid fhirUser", "Observation", Grant.NOTHING),
        ("", "Observation", Grant.WHOLE),
    ],
)
def test_a_grant_of_either_version_tells_how_much_of_a_type_is_open(
    scopes: str, kind: str, expected: Grant
) -> None:
    assert grant(scopes, kind) is expected
