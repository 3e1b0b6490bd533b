"""Typed structs from the raw bytes of a resource; one wrong element costs that element, no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from threading import Lock
from typing import Any, Final, TypeVar

import msgspec

from service.normalize.wire.base import Resource
from service.normalize.wire.medication import ABSENT, MedicationLine

_R = TypeVar("_R", bound=Resource)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_WHERE = re.compile(r" - at `\$(.*)`\Z")
_ELEMENTS_GIVEN_UP = 40
_BUILDING: Final = Lock()
_plain = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are not of the type asked for, or no JSON at all."""


def decoded(body: bytes, kind: type[_R]) -> tuple[_R | None, tuple[str, ...]]:
    """The resource as a struct, with a sentence for every element that had to be left out.

    None when the body is no JSON object, or when more elements are wrong than are worth reading
    around; the sentence then says so. JSON null counts as absent, without a sentence.
    """
    try:
        return decoder(kind)(body), ()
    except UNREADABLE:
        return mended(body, kind)


def mended(body: bytes, kind: type[_R]) -> tuple[_R | None, tuple[str, ...]]:
    """As `decoded`, without those parts either that would turn out wrong when they are read."""
    try:
        content = _without_nulls(_plain.decode(body))
    except UNREADABLE as malformed:
        return None, (f"could not be read, raw kept: {_short(malformed)}",)
    if not isinstance(content, dict):
        return None, ("could not be read, raw kept: it is no JSON object",)
    dropped: list[str] = []
    error: msgspec.ValidationError
    for _ in range(_ELEMENTS_GIVEN_UP):
        where: list[str | int] = []
        try:
            found = decoder(kind)(_encoder.encode(content))
            for element, decode, part in parts(found):
                where = [element]
                decode(part)
            return found, tuple(dropped)
        except msgspec.ValidationError as wrong:
            error = wrong
        where += _path(error)
        if not where or not _drop(content, where):
            break
        what = str(error).split(" - at ")[0].lower().replace("`", "")
        dropped.append(f"{_dotted(where)} left out: {what}")
    return None, (*dropped, f"could not be read, raw kept: {_short(error)}")


def checked(found: MedicationLine) -> None:
    """Reads every part of a line that is kept as bytes.

    Raises: what UNREADABLE names, when one of them is wrong.
    """
    for _, decode, part in parts(found):
        decode(part)


def parts(
    found: Resource,
) -> Iterator[tuple[str, Callable[[msgspec.Raw], object], msgspec.Raw]]:
    """The parts that a resource keeps as bytes: element, what decodes it, and the bytes."""
    for element, (attribute, decode) in _parts_of(type(found)).items():
        part = getattr(found, attribute)
        if part is not ABSENT:
            yield element, decode, part


@cache
def decoder(kind: type[_R]) -> Callable[[bytes], _R]:
    """What decodes a resource of this type; it raises what UNREADABLE names."""
    return _built(kind)


def _built(kind: Any) -> Callable[[Any], Any]:
    """What decodes this type, built by one thread at a time.

    msgspec (0.22) hands out what it knows of a struct before it is finished: a thread that builds
    or uses a decoder of the same structs meanwhile ends the process.
    """
    with _BUILDING:
        return msgspec.json.Decoder(kind).decode


@cache
def _parts_of(
    kind: type[Resource],
) -> Mapping[str, tuple[str, Callable[[msgspec.Raw], object]]]:
    if not issubclass(kind, MedicationLine):
        return {}
    names = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    return {element: (names[element], _built(type_)) for element, type_ in kind.PARTS.items()}


def _path(error: msgspec.ValidationError) -> list[str | int]:
    found = _WHERE.search(str(error))
    if found is None:
        return []
    return [name or int(index) for name, index in _STEP.findall(found[1])]


def _drop(content: object, path: list[str | int]) -> bool:
    for step in path[:-1]:
        if isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, list) and isinstance(step, int) and step < len(content):
            content = content[step]
        else:
            return False
    last = path[-1]
    if isinstance(content, dict) and last in content:
        del content[last]
        return True
    if isinstance(content, list) and isinstance(last, int) and last < len(content):
        del content[last]
        return True
    return False


def _without_nulls(content: object) -> object:
    if isinstance(content, dict):
        return {key: _without_nulls(value) for key, value in content.items() if value is not None}
    if isinstance(content, list):
        return [_without_nulls(value) for value in content if value is not None]
    return content


def _dotted(path: list[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _short(error: Exception) -> str:
    return str(error).split(" - at ")[0][:120]
