"""What goes wrong, as data: faults wait in a list until a request matches them.

A fault is written in Python, or as JSON or TOML with the same names; `do` names its action:

    {"type": "MedicationRequest", "page": "last", "action": {"do": "answer", "status": 410}}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec


class _Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """Common settings of all actions."""


class Answer(_Action, frozen=True, tag="answer"):
    """Something else is answered. `issue` makes an OperationOutcome of that text, else `body`.

    `{base}` and `{origin}` are replaced in header values. `retry_after_date_s` sends Retry-After as
    a date so many seconds ahead. With `commit` a write is done before it is answered like this.
    """

    status: int
    body: str = ""
    issue: str = ""
    severity: str = "error"
    code: str = "transient"
    content_type: str = ""
    headers: dict[str, str] = {}
    retry_after_date_s: int | None = None
    commit: bool = False


class Hang(_Action, frozen=True, tag="hang"):
    """Nothing is answered for so long, then the connection is closed."""

    seconds: float = 3600
    commit: bool = False


class Delay(_Action, frozen=True, tag="delay"):
    """The right answer, late."""

    seconds: float


class Drip(_Action, frozen=True, tag="drip"):
    """The right answer, `chunk` bytes at a time."""

    chunk: int = 1
    pause_s: float = 1.0


class Reset(_Action, frozen=True, tag="reset"):
    """The connection is reset: before any byte, inside the header, after it, or inside the body.

    With `commit` a write is done first: the answer is lost, the resource stands.
    """

    at: Literal["request", "header", "headers", "body"] = "request"
    commit: bool = False


class Truncate(_Action, frozen=True, tag="truncate"):
    """Half of the body comes, then the connection ends ("stall": nothing more comes).

    `longer`: Content-Length promises all of it. `shorter`: Content-Length says half, all comes.
    `chunked`: the last chunk never comes.
    """

    how: Literal["longer", "shorter", "chunked", "stall"] = "longer"


class Link(_Action, frozen=True, tag="link"):
    """The `next` link of a searchset leads elsewhere, also on the last page.

    `self`: to the same page. `start`: to the first page. `endless`: to page after page of ever new
    entries. `expired`: to a page that is gone. `none`: there is none. Else a URL, in which
    `{base}`, `{origin}`, `{host}`, `{port}` and `{query}` (of the right link) are replaced.
    """

    to: str


class Entries(_Action, frozen=True, tag="entries"):
    """A searchset has other entries than it should.

    Args:
        add: resources that come along as matches.
        subject: the first entry is of this patient ("Patient/other").
        duplicate: every entry comes twice.
        drop: so many entries at the end are missing.
        empty: there are none, the links stay.
        outcome: text of an OperationOutcome entry, with `severity` and `code`.
    """

    add: list[dict[str, Any]] = []
    subject: str = ""
    duplicate: bool = False
    drop: int = 0
    empty: bool = False
    outcome: str = ""
    severity: str = "warning"
    code: str = "incomplete"


class Blank(_Action, frozen=True, tag="blank"):
    """An empty page comes first; its `next` link leads to the page that should have come."""


class SelfLink(_Action, frozen=True, tag="self-link"):
    """The self link lacks these parameters, as if ignored; without names there is none."""

    without: list[str] = []


class Total(_Action, frozen=True, tag="total"):
    """`Bundle.total` is so much larger than the truth."""

    add: int


class Content(_Action, frozen=True, tag="content"):
    """The body is spoiled: the right answer in another dress, or something of `size`.

    `size`: levels for `deep`, bytes for `huge` and `bomb`, entries for `many`, digits for `number`.
    `raw`: every `find` in the body becomes `put`, letter for letter, valid JSON or not.
    """

    kind: Literal[
        "cut",
        "nan",
        "number",
        "duplicate-keys",
        "bom",
        "utf-16",
        "latin-1",
        "deep",
        "huge",
        "many",
        "bomb",
        "raw",
    ]
    find: str = ""
    put: str = ""
    size: int = 0
    coding: Literal["gzip", "deflate", "br", "zstd"] = "gzip"


class Edit(_Action, frozen=True, tag="edit"):
    """Elements are set or removed: in the answer, in every entry of it, or in what is stored.

    Keys are paths as `meta.tag[0].code`. With `of = "stored"` the server rewrites what it is sent.
    """

    set: dict[str, Any] = {}
    remove: list[str] = []
    of: Literal["body", "entries", "stored"] = "body"


Action: TypeAlias = (
    Answer
    | Hang
    | Delay
    | Drip
    | Reset
    | Truncate
    | Link
    | Entries
    | Blank
    | SelfLink
    | Total
    | Content
    | Edit
)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action and the requests that it befalls; what is left empty matches everything.

    Args:
        method: HTTP method.
        path: regular expression, searched in the path (with the base path).
        type: resource type that is asked about, on later pages too.
        page: "first", "middle", "last" or a number from 1; matches searches only. A middle page
            is neither the first nor the last.
        times: how often it happens, 0 for ever.
        after: so many matching requests are spared first.
    """

    action: Action
    method: str = ""
    path: str = ""
    type: str = ""
    page: str = ""
    times: int = 1
    after: int = 0


def read_faults(value: object) -> list[Fault]:
    """Faults from decoded JSON or TOML: one, or a list of them.

    Raises: msgspec.ValidationError saying which key is wrong.
    """
    return msgspec.convert(value if isinstance(value, list) else [value], list[Fault])


@dataclass(slots=True, eq=False)
class _Waiting:
    """A fault in the list, and how many requests it has matched so far."""

    fault: Fault
    seen: int = 0


class Faults:
    """The faults that wait, in order; the first that matches a request happens."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def add(self, *faults: Fault) -> None:
        """Puts faults at the end of the list."""
        self._waiting += [_Waiting(fault) for fault in faults]

    def clear(self) -> None:
        """From now on all goes well."""
        self._waiting.clear()

    @property
    def waiting(self) -> list[Fault]:
        """The faults that can still happen."""
        return [waiting.fault for waiting in self._waiting]

    def pick(self, method: str, path: str, type_: str, page: int, pages: int) -> Fault | None:
        """The fault that befalls this request, counted as happened; None when all is well."""
        for waiting in self._waiting:
            fault, seen = waiting.fault, waiting.seen
            if not _befalls(fault, method, path, type_, page, pages):
                continue
            waiting.seen += 1
            if seen < fault.after:
                continue
            if fault.times and seen + 1 >= fault.after + fault.times:
                self._waiting.remove(waiting)
            return fault
        return None


def _befalls(fault: Fault, method: str, path: str, type_: str, page: int, pages: int) -> bool:
    if fault.method and fault.method != method:
        return False
    if fault.type and fault.type != type_:
        return False
    if fault.path and re.search(fault.path, path) is None:
        return False
    match fault.page:
        case "":
            return True
        case "first":
            return page == 1
        case "last":
            return page > 0 and page == pages
        case "middle":
            return 1 < page < pages
        case number:
            return str(page) == number
