"""Everything that Concord raises on purpose, and who acts after it.

    ServiceError
      SetupError     SettingsError, MappingError                                [stop]
                     UsageError (command line)                                  [stop]
      SourceError    SourceUnavailable [retry], SourceRefused [person], SourceInvalid [person]
      WriteError     WriteUnavailable [retry], WriteConflict [read again], WriteRejected [person],
                     WriteUnknown [read again]
      StoreError     StoreConflict [retry], StoreUnavailable [retry], NotKept [person],
                     StoreDamaged [person]
      ReviewError    ReviewStale [read again], DecisionNotAllowed [person]
      DomainError    UnitMismatch, UnknownCode: normalize turns them into a Problem

The bracket is the class attribute `after`: retry, queue and web ask only it. A class docstring is
the default message. Messages name ids and paths and what to do next, never a patient.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class After(StrEnum):
    """What happens after an error: who or what moves next."""

    STOP = "stop"
    RETRY = "retry"
    READ_AGAIN = "read again"
    PERSON = "person"


class ServiceError(Exception):
    """Something went wrong in Concord; the log has the same correlation id."""

    after: ClassVar[After] = After.PERSON

    def __init__(self, message: str | None = None, /, **values: str) -> None:
        """`values` fill the `{name}`s of the message: `phrase` can be said in another language."""
        self.phrase = message or " ".join((type(self).__doc__ or "").split())
        self.values = values
        super().__init__(self.phrase.format(**values) if values else self.phrase)

    @property
    def message(self) -> str:
        return str(self.args[0])


class SetupError(ServiceError):
    """Concord cannot start as it is set up."""

    after = After.STOP


class SettingsError(SetupError):
    """The configuration cannot be used; correct the named key and start again."""


class UsageError(SetupError):
    """The command line cannot be used; see `concord --help`."""


class MappingError(SetupError):
    """A mapping file cannot be used; `concord check-mappings` lists what to correct.

    Args:
        file: path inside `mappings/`.
        key: the key or row that is wrong.
        expected: what would be right, in words.
    """

    def __init__(self, file: str, key: str, expected: str) -> None:
        super().__init__(f"{file}: {key}: {expected}")
        self.file, self.key, self.expected = file, key, expected


class SourceError(ServiceError):
    """A source could not be read."""


class SourceUnavailable(SourceError):
    """The source does not answer now; it will be asked again."""

    after = After.RETRY


class SourceRefused(SourceError):
    """The source refuses what was asked; someone has to look at its access."""


class SourceInvalid(SourceError):
    """The source answers something that is no FHIR of a release Concord reads."""


class WriteError(ServiceError):
    """Something could not be written back."""


class WriteUnavailable(WriteError):
    """The target does not answer now; nothing was written, it will be tried again."""

    after = After.RETRY


class WriteUnknown(WriteError):
    """The target's answer was lost; it will be looked up before anything else is sent."""

    after = After.READ_AGAIN


class WriteConflict(WriteError):
    """The resource changed on the target since it was seen; read it again and decide again."""

    after = After.READ_AGAIN


class WriteRejected(WriteError):
    """The target refuses the resource; someone has to look at the reason."""


class StoreError(ServiceError):
    """The store could not do what was asked."""


class StoreConflict(StoreError):
    """Somebody else changed the same row; the work is done again from the start."""

    after = After.RETRY


class StoreUnavailable(StoreError):
    """The store does not answer now: it is full, locked, only to be read, or being brought up to
    date. Nothing was half done; try again in a moment."""

    after = After.RETRY


class StoreDamaged(StoreError):
    """A stored payload is damaged; restore it from a backup."""


class NotKept(StoreError):
    """Nothing is kept under this id."""


class ReviewError(ServiceError):
    """The review could not be changed."""


class ReviewStale(ReviewError):
    """Somebody decided meanwhile; look at the newest state and decide again."""

    after = After.READ_AGAIN


class DecisionNotAllowed(ReviewError):
    """This decision is not allowed now."""


class DomainError(ServiceError):
    """A value cannot be understood; it is kept and shown as a problem."""


class UnitMismatch(DomainError):
    """Two quantities have units that do not convert into each other."""


class UnknownCode(DomainError):
    """A code is not in the tables that Concord carries."""
