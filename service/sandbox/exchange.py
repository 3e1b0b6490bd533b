"""One FHIR interaction without HTTP around it: what was asked, what is answered.

The entries of a batch or transaction are asked in the same way as requests of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

Resource: TypeAlias = dict[str, Any]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(body: bytes) -> Any:
    """The JSON value of `body`; numbers with a point stay Decimal, so 1.50 stays 1.50.

    Raises: msgspec.DecodeError, RecursionError (nesting too deep), UnicodeDecodeError.
    """
    return _DECODER.decode(body)


def encode(value: object) -> bytes:
    """JSON in UTF-8, without white space."""
    return _ENCODER.encode(value)


class Refusal(Exception):
    """An interaction that the server refuses; `server` turns it into an OperationOutcome.

    Args:
        status: HTTP status of the answer.
        code: IssueType code (required binding of OperationOutcome.issue.code).
        text: diagnostics, with ids and names only.
        expression: FHIRPath of what is wrong, when it is a part of a resource.
    """

    def __init__(self, status: int, code: str, text: str, *expression: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.expression = status, code, text, expression

    def outcome(self) -> Resource:
        return operation_outcome("error", self.code, self.text, *self.expression)


def operation_outcome(severity: str, code: str, text: str, *expression: str) -> Resource:
    """An OperationOutcome with one issue."""
    issue: Resource = {"severity": severity, "code": code, "diagnostics": text}
    if expression:
        issue["expression"] = list(expression)
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request below the base: `path` without the first slash, header names in lower case.

    `sent` is the resource where it is already decoded (entries of a Bundle), else `body` holds it.
    `assigned` is the id that a transaction has reserved for a create, `promised` are the references
    that its entries lead to; `scopes` are the SMART scopes of who asks (None: everything).
    """

    method: str
    path: str
    base: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: Resource | None = None
    assigned: str | None = None
    promised: frozenset[str] = frozenset()
    scopes: tuple[str, ...] | None = None

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(part for part in self.path.split("/") if part)

    @property
    def type(self) -> str:
        """The resource type that is asked about; "" for the whole system."""
        first = self.segments[0] if self.segments else ""
        return first if first[:1].isupper() else ""

    def resource(self) -> Resource:
        """The resource in the body.

        Raises: Refusal 400 when the body is no JSON object with a resourceType.
        """
        if self.sent is not None:
            return self.sent
        try:
            value = decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(400, "structure", f"the body is no JSON: {error}") from error
        if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
            raise Refusal(400, "structure", "the body is no FHIR resource")
        return value

    def about(self, path: str, **changes: Any) -> Ask:
        """The same request to another path."""
        return replace(self, path=path, **changes)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status, headers, and a resource or nothing.

    `type`, `page` and `pages` (from 1) are filled for searches, so that a fault can aim at a page.
    `text` is the body where it is no resource.
    """

    status: int
    resource: Resource | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = ""
    page: int = 0
    pages: int = 0
    text: str = ""

    def with_resource(self, resource: Resource) -> Reply:
        """The same reply with another body."""
        return replace(self, resource=resource)
