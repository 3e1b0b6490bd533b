"""Patient data at rest: compressed, and encrypted where the site gives a key.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits for each value. The first byte tells
the form: zlib's own 0x78 is not encrypted, 0x01 is. A ring of keys holds the newest first: it
encrypts, all of them decrypt, so that a key is rotated while the service runs.
"""

from __future__ import annotations

import base64
import secrets
import zlib
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.errors import SettingsError, StoreDamaged, StoreError

_ENCRYPTED = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = len(_ENCRYPTED) + _ID_BYTES + _NONCE_BYTES


@dataclass(frozen=True, slots=True)
class Vault:
    """How payloads rest; without keys they are compressed only."""

    keys: tuple[bytes, ...] = ()
    _ring: dict[bytes, AESGCM] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for key in self.keys:
            self._ring[_key_id(key)] = AESGCM(key)

    def pack(self, body: bytes) -> bytes:
        """The form in which bytes rest in a column; `unpack` gives back the very bytes."""
        packed = zlib.compress(body, 6)
        if not self.keys:
            return packed
        newest = _key_id(self.keys[0])
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _ENCRYPTED + newest
        return head + nonce + self._ring[newest].encrypt(nonce, packed, head)

    def unpack(self, packed: bytes) -> bytes:
        """The bytes that were packed.

        Raises: StoreError when the column was damaged, or its key is not on the ring.
        """
        if packed[:1] == _ENCRYPTED:
            packed = self._opened(packed)
        try:
            return zlib.decompress(packed)
        except zlib.error as error:
            raise StoreDamaged from error

    def newest(self, packed: bytes) -> bool:
        """Whether a value rests as one would be packed now."""
        if not self.keys:
            return packed[:1] != _ENCRYPTED
        return packed[: 1 + _ID_BYTES] == _ENCRYPTED + _key_id(self.keys[0])

    def _opened(self, packed: bytes) -> bytes:
        head, nonce = packed[: 1 + _ID_BYTES], packed[1 + _ID_BYTES : _HEAD]
        cipher = self._ring.get(head[1:])
        if cipher is None:
            raise StoreError(
                "the key of a stored payload is missing; add it to the file of [store] key"
            )
        try:
            return cipher.decrypt(nonce, packed[_HEAD:], head)
        except InvalidTag as error:
            raise StoreDamaged from error


def key_ring(text: str) -> tuple[bytes, ...]:
    """The keys of a key file: one a line in base64, 32 bytes each, the newest first.

    Raises: SettingsError.
    """
    return tuple(_key(line.strip()) for line in text.splitlines() if line.strip())


def new_key() -> str:
    """A key as a line of a key file."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _key(line: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError("store.key: each line is 32 random bytes in base64, the newest first.")
    return key


def _key_id(key: bytes) -> bytes:
    return sha256(b"concord key id\0" + key).digest()[:_ID_BYTES]


PLAIN = Vault()
