"""OperationOutcome: what a server says went wrong, in codes that name nobody."""

from __future__ import annotations

import msgspec

from service.fhir.body import UNREADABLE

_NOTHING = msgspec.Raw(b"")


class Issue(msgspec.Struct):
    """OperationOutcome.issue."""

    severity: str = ""
    code: str = ""
    diagnostics: str = ""
    details: msgspec.Raw = _NOTHING

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of `details`, as vendors number their own messages."""
        try:
            details = msgspec.json.decode(self.details, type=_Details) if self.details else None
        except UNREADABLE:
            return ()
        return tuple(one.code for one in details.coding) if details else ()

    @property
    def text(self) -> str:
        """Severity and code, and the vendor's own code: never free text, which may name people."""
        own = f" ({', '.join(self.codes)})" if self.codes else ""
        return f"{self.severity or 'no severity'}: {self.code or 'no code'}{own}"


class _Code(msgspec.Struct):
    code: str = ""


class _Details(msgspec.Struct):
    coding: list[_Code] = []


class _Outcome(msgspec.Struct):
    resourceType: str = ""
    issue: list[Issue] = []


_OUTCOME = msgspec.json.Decoder(_Outcome)


def issues(body: bytes | msgspec.Raw) -> tuple[Issue, ...]:
    """The issues of an OperationOutcome; empty when the body is none."""
    try:
        outcome = _OUTCOME.decode(body)
    except UNREADABLE:
        return ()
    return tuple(outcome.issue) if outcome.resourceType == "OperationOutcome" else ()
