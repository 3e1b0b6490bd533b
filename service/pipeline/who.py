"""Who is asked for: an identifier, a record of one source, or the only patient there is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from service.errors import UsageError


@dataclass(frozen=True, slots=True)
class Who:
    """`identifier` is (system, value); `source` and `reference` name one record. Both empty: the
    one patient that every source holds."""

    identifier: tuple[str, str] | None = None
    source: str = ""
    reference: str = ""

    @property
    def unnamed(self) -> bool:
        return self.identifier is None and not self.reference


def parse_who(text: str | None, sources: Collection[str]) -> Who:
    """`system|value` or `NAME:Patient/ID`, where NAME is one of `sources`.

    Raises: UsageError saying what would be right, without repeating what was typed.
    """
    if not text:
        return Who()
    name, colon, reference = text.partition(":")
    if colon and name in sources:
        kind, _, id_ = reference.partition("/")
        if kind != "Patient" or not id_ or "/" in id_:
            raise UsageError("--patient: after the source's name comes `Patient/ID`.")
        return Who(source=name, reference=reference)
    system, bar, value = text.partition("|")
    if bar and system and value:
        return Who(identifier=(system, value))
    raise UsageError(
        "--patient: give an identifier as `system|value`, or a record as `NAME:Patient/ID` with "
        f"NAME one of: {', '.join(sorted(sources))}."
    )
