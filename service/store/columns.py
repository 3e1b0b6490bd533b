"""Column types that mean the same on SQLite and PostgreSQL: instants, users, packed payloads."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, LargeBinary, String
from sqlalchemy.types import TypeDecorator

from service.errors import StoreError
from service.model.review import User, UserRole

_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


def pack(body: bytes) -> bytes:
    """The form in which patient data rests in a column; `unpack` gives back the very bytes."""
    return zlib.compress(body, 6)


def unpack(packed: bytes) -> bytes:
    """The bytes that were packed.

    Raises: StoreError when the column was damaged (the row is named by the caller's query).
    """
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise StoreError("a stored payload is damaged; restore it from a backup") from error


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

    def process_bind_param(self, value: bytes | None, _dialect: Dialect) -> bytes | None:
        return None if value is None else pack(value)

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> bytes | None:
        return None if value is None else unpack(bytes(value))


class PackedJson(TypeDecorator[Any]):
    """A JSON value that may name a patient; never searched by content."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: Dialect) -> bytes | None:
        return None if value is None else pack(json.dumps(value, ensure_ascii=False).encode())

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> object:
        return None if value is None else json.loads(unpack(bytes(value)))


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
