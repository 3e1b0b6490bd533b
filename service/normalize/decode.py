"""Typed structs from the raw bytes of a resource; one wrong element costs that element, no more."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import TypeVar

import msgspec

from service.normalize.wire.base import Resource

_R = TypeVar("_R", bound=Resource)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_WHERE = re.compile(r" - at `\$(.*)`\Z")
_ELEMENTS_GIVEN_UP = 40
_plain = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decoded(body: bytes, kind: type[_R]) -> tuple[_R | None, tuple[str, ...]]:
    """The resource as a struct, with a sentence for every element that had to be left out.

    None when the body is no JSON object, or when more elements are wrong than are worth reading
    around; the sentence then says so. JSON null counts as absent, without a sentence.
    """
    decoder = _decoder(kind)
    try:
        return decoder.decode(body), ()
    except msgspec.ValidationError as error:
        return _without_wrong_elements(body, decoder, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, (f"could not be read, raw kept: {_short(error)}",)


def _without_wrong_elements(
    body: bytes, decoder: msgspec.json.Decoder[_R], error: msgspec.ValidationError
) -> tuple[_R | None, tuple[str, ...]]:
    try:
        content = _without_nulls(_plain.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        return None, (f"could not be read, raw kept: {_short(malformed)}",)
    if not isinstance(content, dict):
        return None, ("could not be read, raw kept: it is no JSON object",)
    dropped: list[str] = []
    for _ in range(_ELEMENTS_GIVEN_UP):
        try:
            return decoder.decode(_encoder.encode(content)), tuple(dropped)
        except msgspec.ValidationError as again:
            error = again
        path = _path(error)
        if not path or not _drop(content, path):
            break
        what = str(error).split(" - at ")[0].lower().replace("`", "")
        dropped.append(f"{_dotted(path)} left out: {what}")
    return None, (*dropped, f"could not be read, raw kept: {_short(error)}")


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


@cache
def _decoder(kind: type[_R]) -> msgspec.json.Decoder[_R]:
    return msgspec.json.Decoder(kind)
