"""Resources with all their versions, in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

from service.sandbox.exchange import Resource, decode, encode

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def is_id(text: object) -> bool:
    """Whether `text` is a FHIR id (R4 datatypes: letters, digits, - and ., at most 64)."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def now() -> datetime:
    return datetime.now(UTC)


def instant(at: datetime) -> str:
    """`at` as a FHIR instant in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(at: datetime) -> str:
    """`at` in UTC as HTTP writes a date."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one resource; `resource` is None where this version deleted it.

    `loaded` versions were there before any client wrote.
    """

    type: str
    id: str
    number: int
    at: datetime
    method: str
    resource: Resource | None
    loaded: bool = False

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def etag(self) -> str:
        return f'W/"{self.number}"'


class Storage:
    """Versions by type and id. Stored resources are never changed: every write adds a version.

    Args:
        clock: the time of the server, in UTC.
        new_id: draws the id of a created resource.

    `watchers` are told of every version that stays, but not of those that were loaded.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = now,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self.clock = clock
        self.new_id = new_id
        self._types: dict[str, dict[str, list[Version]]] = {}
        self._journal: list[list[Version]] | None = None
        self.watchers: list[Callable[[Version], None]] = []

    def load(self, resources: Iterable[Mapping[str, Any]]) -> int:
        """Puts resources in as they are, each as version 1 under its own id; returns how many.

        `meta.lastUpdated` is kept where it is given. A resource that is there already gets a
        further version. Nothing is judged: a server may hold what it would not accept.
        """
        count = 0
        for resource in resources:
            copy: Resource = decode(encode(resource))
            type_ = str(copy.get("resourceType", ""))
            self.add(type_, str(copy.get("id") or self.new_id()), copy, "PUT", loaded=True)
            count += 1
        return count

    def add(
        self, type_: str, id_: str, resource: Resource, method: str, *, loaded: bool = False
    ) -> Version:
        """The next version of `type_/id_`; id, versionId and lastUpdated are set by the server."""
        versions = self._types.setdefault(type_, {}).setdefault(id_, [])
        at, meta = self.clock(), resource.get("meta")
        meta = dict(meta) if isinstance(meta, dict) else {}
        number = len(versions) + 1
        meta["versionId"] = str(number)
        if not (loaded and isinstance(meta.get("lastUpdated"), str)):
            meta["lastUpdated"] = instant(at)
        rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
        kept: Resource = {"resourceType": type_, "id": id_, "meta": meta, **rest}
        version = Version(type_, id_, number, at, method, kept, loaded)
        self._append(versions, version)
        return version

    def delete(self, type_: str, id_: str) -> Version:
        """A version that says the resource is gone: reads answer 410 from now on.

        Raises: KeyError when there is no such resource.
        """
        versions = self._types[type_][id_]
        version = Version(type_, id_, len(versions) + 1, self.clock(), "DELETE", None)
        self._append(versions, version)
        return version

    def forget(self, type_: str, id_: str) -> None:
        """Removes a resource with its history, as a restore of an old backup does."""
        self._types.get(type_, {}).pop(id_, None)

    def current(self, type_: str, id_: str) -> Version | None:
        """The newest version, which may be a deletion; None when there never was one."""
        versions = self._types.get(type_, {}).get(id_)
        return versions[-1] if versions else None

    def history(self, type_: str, id_: str) -> tuple[Version, ...]:
        """All versions, oldest first; () when there never was one."""
        return tuple(self._types.get(type_, {}).get(id_, ()))

    def live(self, type_: str, *, lag_s: float = 0) -> Iterator[Version]:
        """The newest version of every resource of a type that is not deleted, in order of arrival.

        Args:
            lag_s: versions written in the last so many seconds are not seen yet.
        """
        seen_until = self.clock() - timedelta(seconds=lag_s)
        for versions in self._types.get(type_, {}).values():
            seen = [v for v in versions if v.loaded or v.at <= seen_until] if lag_s else versions
            if seen and seen[-1].resource is not None:
                yield seen[-1]

    def count(self, type_: str) -> int:
        """How many resources of a type there are now."""
        return sum(1 for _ in self.live(type_))

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Takes back every version that was added inside, when an exception leaves the block."""
        journal: list[list[Version]] = []
        self._journal = journal
        try:
            yield
        except BaseException:
            for versions in reversed(journal):
                versions.pop()
            raise
        finally:
            self._journal = None
        for versions in journal:
            self._tell(versions[-1])

    def _append(self, versions: list[Version], version: Version) -> None:
        versions.append(version)
        if self._journal is not None:
            self._journal.append(versions)
        else:
            self._tell(version)

    def _tell(self, version: Version) -> None:
        if not version.loaded:
            for watcher in self.watchers:
                watcher(version)
