"""Column types that mean the same on SQLite and PostgreSQL: instants, users, words, payloads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, LargeBinary, String
from sqlalchemy.types import TypeDecorator

from service.model.review import User, UserRole
from service.store.hidden import IN_CLEAR, Words
from service.store.vault import PLAIN, Vault

VAULT = "concord_vault"
"""The name under which an engine's dialect carries its Vault."""

WORDS = "concord_words"
"""The name under which it carries how words rest."""

_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


def vault_of(dialect: Dialect) -> Vault:
    """How the store behind this dialect keeps payloads; `open_store` says it."""
    vault = getattr(dialect, VAULT, PLAIN)
    return vault if isinstance(vault, Vault) else PLAIN


def words_of(dialect: Dialect) -> Words:
    """How the store behind this dialect keeps words that rows are found by."""
    words = getattr(dialect, WORDS, IN_CLEAR)
    return words if isinstance(words, Words) else IN_CLEAR


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC as text of fixed width, so that its order is its time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        return value.astimezone(UTC).strftime(_INSTANT)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.strptime(value, _INSTANT).replace(tzinfo=UTC)


class PackedBytes(TypeDecorator[bytes]):
    """Bytes of patient data, given back byte for byte."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_of(dialect).pack(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else vault_of(dialect).unpack(bytes(value))


class PackedJson(TypeDecorator[Any]):
    """A JSON value that may name a patient; never searched by content."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return vault_of(dialect).pack(json.dumps(value, ensure_ascii=False).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> object:
        return None if value is None else json.loads(vault_of(dialect).unpack(bytes(value)))


class Word(TypeDecorator[str]):
    """A word of a patient's that rows are found and counted by, whole; its order means nothing."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else words_of(dialect).hide(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else words_of(dialect).show(value)


class Person(TypeDecorator[User]):
    """A signed-in user as he or she was named when acting."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: User | None, _dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(user_json(value), ensure_ascii=False)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> User | None:
        return None if value is None else user_from(json.loads(value))


def user_json(user: User) -> dict[str, str]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role.value,
        "organization": user.organization,
    }


def user_from(value: Mapping[str, str]) -> User:
    return User(
        id=value["id"],
        name=value["name"],
        role=UserRole(value["role"]),
        organization=value["organization"],
    )
