"""How far the references to one type were followed, and the certificate that this comes to."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.model.source import Certificate, RawResource, State

MOST_REFERRED = 300
"""So many resources of one type are read because lines refer to them."""


@dataclass(slots=True)
class Followed:
    """How far the references to one type were followed; `here` came along with the lines."""

    kind: str
    here: int
    offered: bool = True
    asked: int = 0
    elsewhere: int = 0
    left: int = 0
    missing: list[str] = field(default_factory=list)
    found: list[RawResource] = field(default_factory=list)
    states: set[State] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    def certificate(self) -> Certificate:
        """What came of the type, and what did not."""
        came = {one.reference for one in self.found}
        unresolved = tuple(sorted(set(self.missing) - came))
        count = self.here + len(self.found)
        if not self.offered:
            reason = f"{self.kind}: the CapabilityStatement does not offer it"
            return Certificate(
                self.kind, State.NOT_OFFERED, (reason,), count, unresolved=unresolved
            )
        state = State.COMPLETE
        if self.states:
            state = State.WITHHELD if self.states == {State.WITHHELD} else State.PARTIAL
        reasons = list(self.reasons)
        if self.left:
            state = State.PARTIAL if state is State.COMPLETE else state
            most = f"more than {MOST_REFERRED} are referred to, the rest not read"
            reasons.append(f"{self.kind}: {most}")
        if self.elsewhere:
            reasons.append(f"{self.kind}: {self.elsewhere} on another server, not followed")
        return Certificate(self.kind, state, tuple(reasons), count=count, unresolved=unresolved)
