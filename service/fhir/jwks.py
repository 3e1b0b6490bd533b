"""Our own keys: which algorithm each signs with, and the public JWK Set that sources fetch.

Two keys may live side by side: the next one is published before it signs, so that every source has
seen it by the time the old one is taken away. Source: SMART App Launch 2.2, "Client Authentication:
Asymmetric"; RFC 7517 (JWK), RFC 7638 (thumbprint).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from service.errors import SettingsError

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

Algorithm = Literal["RS384", "ES384"]
_SHORTEST_RSA_BITS = 2048


@dataclass(slots=True)
class SigningKey:
    """A private key of ours.

    Args:
        private_key: PEM text of an RSA (RS384, at least 2048 bits) or P-384 (ES384) key.
        key_id: `kid` under which its public half is known; empty takes the key's thumbprint.
    """

    private_key: str = field(repr=False)
    key_id: str = ""
    _key: RSAKey | ECKey | None = field(default=None, init=False, repr=False)

    @property
    def key(self) -> RSAKey | ECKey:
        """The key itself. Raises: SettingsError when the text is no key that SMART signs with."""
        if self._key is None:
            self._key = _imported(self.private_key)
        return self._key

    @property
    def algorithm(self) -> Algorithm:
        return "RS384" if self.key.key_type == "RSA" else "ES384"

    @property
    def kid(self) -> str:
        return self.key_id or self.key.thumbprint()


def jwks(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, Any]]]:
    """The public JWK Set of the live keys, as served to sources; no private part is in it.

    Raises: SettingsError when a text is no key, or when two different keys have one `kid`.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in keys:
        public: dict[str, Any] = dict(one.key.as_dict(private=False))
        public |= {"kid": one.kid, "use": "sig", "alg": one.algorithm, "key_ops": ["verify"]}
        if found.get(one.kid, public) != public:
            raise SettingsError(
                f"Two different keys are called {one.kid!r}; give each a key_id of its own."
            )
        found[one.kid] = public
    return {"keys": list(found.values())}


@lru_cache(maxsize=64)
def _imported(pem: str) -> RSAKey | ECKey:
    """The key, read once: it costs a millisecond, and several sources share one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from joserfc.jwk import ECKey, RSAKey

    try:
        found = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if isinstance(found, EllipticCurvePrivateKey) and isinstance(found.curve, SECP384R1):
        return ECKey.import_key(found)
    if not isinstance(found, RSAPrivateKey):
        raise SettingsError("private_key is neither an RSA nor a P-384 private key in PEM form.")
    if found.key_size < _SHORTEST_RSA_BITS:
        raise SettingsError(f"private_key: an RSA key has at least {_SHORTEST_RSA_BITS} bits.")
    return RSAKey.import_key(found)
