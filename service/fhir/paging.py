"""The proof that a search is complete: what each page must be to count, and what is kept of it.

`complete` needs: 200 and a searchset, a self link that still holds every parameter sent, all pages,
no error or incomplete OperationOutcome, as many matches as `total` says, and every match about the
asked patient. Anything else is told in words such as "page 2 of MedicationRequest: 410 Gone".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from service.errors import SourceInvalid
from service.fhir import about
from service.fhir import bundle as bundles
from service.fhir.bundle import Bundle, Entry, Peek
from service.fhir.outcome import Issue, issues
from service.fhir.policy import Endpoint, literal
from service.fhir.release import READ, Release
from service.fhir.self_link import PATIENT_PARAMS, dropped
from service.model.source import Certificate, RawResource, State

_INCOMPLETE = frozenset({"incomplete", "too-costly", "throttled", "timeout", "lock-error"})
WITHHELD_CODES = frozenset({"suppressed", "forbidden", "security", "login", "expired"})
_UNCHECKED = frozenset(
    {"_count", "_include", "_revinclude", "_format", "_total", "_sort", "_elements", "_summary"}
)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search gave: the matches, what came with them, and the certificate.

    `alarm` is True when entries of another patient came. `status` is that of the answer which ended
    the search early (0 when none did). `notes` tell what was mended.
    """

    resources: tuple[RawResource, ...]
    included: tuple[RawResource, ...]
    certificate: Certificate
    outcomes: tuple[str, ...] = ()
    alarm: bool = False
    status: int = 0
    notes: tuple[str, ...] = ()


class Stop(Exception):
    """The paging ends here; the reason and the state go into the certificate."""

    def __init__(self, reason: str, state: State = State.PARTIAL, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.state, self.status = reason, state, status


@dataclass(slots=True)
class Paging:
    """The running state of one search; `result` tells how it stands at any moment.

    `offered` is what the CapabilityStatement says of the type, None where there is none; `query`
    are the parameters as they stand in an address or in a form.
    """

    resource_type: str
    params: tuple[tuple[str, str], ...]
    patients: frozenset[str]
    expected: Release
    offered: bool | None
    ignored_outcomes: frozenset[str] = frozenset()
    withheld_outcomes: frozenset[str] = frozenset()
    self_link_required: bool = True
    post: bool = False
    fresh: bool = False
    matches: dict[str, RawResource] = field(default_factory=dict)
    included: dict[str, RawResource] = field(default_factory=dict)
    outcomes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    dropped: tuple[str, ...] = ()
    floor: State = State.COMPLETE
    total: int | None = None
    pages: int = 0
    used: int = 0
    skipped: int = 0
    entries: int = 0
    alarm: bool = False
    status: int = 0
    restarted: bool = False
    query: str = field(init=False)
    _delivered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.query = urlencode(self.params, safe="/:,|$")

    @property
    def first_url(self) -> str:
        """The search's own address, relative to the base."""
        return f"{self.resource_type}?{self.query}" if self.query else self.resource_type

    @property
    def counting_url(self) -> str:
        """The search that asks for nothing but the number of matches."""
        plain = [(name, value) for name, value in self.params if name not in _UNCHECKED]
        query = urlencode([*plain, ("_summary", "count")], safe="/:,|$")
        return f"{self.resource_type}?{query}"

    def may_be_missing(self, body: bytes) -> bool:
        """Whether a 404 means that the server does not have the type.

        Not where its CapabilityStatement offers it; and where it gave no statement at all, only an
        OperationOutcome shows that a FHIR server speaks and not a wrong address.
        """
        if self.offered is None:
            return bool(issues(body))
        return not self.offered

    def restart(self) -> None:
        """Begin again at the first page; what came before is kept, the counting starts anew."""
        self.restarted, self.pages, self.entries = True, 0, 0
        self.total = None
        self._delivered.clear()

    def told(self, reason: str) -> str:
        """The reason with the page it belongs to."""
        return f"page {self.pages} of {self.resource_type}: {reason}"

    def doubt(self, reason: str, state: State = State.PARTIAL) -> None:
        """Note why the read is not complete; the worst state stays."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        if self.floor is State.COMPLETE or list(State).index(state) < list(State).index(self.floor):
            self.floor = state

    def finish(self) -> None:
        """All pages came: compare their number with what the server said."""
        if self.total is not None and self.total != len(self._delivered):
            self.doubt(
                f"{self.resource_type}: total says {self.total}, {len(self._delivered)} came"
            )

    def result(self) -> SearchResult:
        """The result as it stands."""
        state = self.floor
        if state is State.PARTIAL and self.used == 0:
            state = State.UNAVAILABLE
        return SearchResult(
            resources=tuple(self.matches.values()),
            included=tuple(self.included.values()),
            certificate=Certificate(
                type=self.resource_type,
                state=state,
                reasons=tuple(self.reasons),
                count=len(self.matches),
                pages=self.pages,
                total=self.total,
                skipped=self.skipped,
                dropped=self.dropped,
            ),
            outcomes=tuple(self.outcomes),
            alarm=self.alarm,
            status=self.status,
            notes=tuple(self.notes),
        )

    def take(self, page: Bundle, endpoint: Endpoint) -> int:
        """Keep the page's entries after checking them; how many new matches it brought.

        Raises: Stop when the page may not be used at all.
        """
        if page.type != "searchset":
            kind = page.type[:20] or "no type"
            raise Stop(self.told(f"a Bundle of {kind} instead of a searchset"))
        if self.pages == 1:
            self._check_self_link(page, endpoint)
        if page.total is not None:
            self.total = max(page.total, self.total or 0)
        checked = list(self._checked(page, endpoint))
        self.used += 1
        new = 0
        for entry, seen, body in checked:
            kept = bundles.raw_resource(seen, entry.fullUrl, body, self.expected)
            is_match = seen.resourceType == self.resource_type and entry.mode != "include"
            if not is_match:
                self.included.setdefault(kept.reference, kept)
                continue
            new += kept.reference not in self._delivered
            self._delivered.add(kept.reference)
            before = self.matches.get(kept.reference)
            if before is not None and before.body != body and not self.restarted:
                self.doubt(self.told(f"{kept.reference} changed while it was read"))
            self.matches[kept.reference] = kept
        return new

    def _checked(self, page: Bundle, endpoint: Endpoint) -> list[tuple[Entry, Peek, bytes]]:
        """The entries that may be used. Raises: Stop for entries of another patient."""
        usable: list[tuple[Entry, Peek, bytes]] = []
        for entry in page.entries():
            self.entries += 1
            try:
                if entry is None or not entry.resource:
                    raise SourceInvalid("an entry without a readable resource")
                body = bytes(entry.resource)
                seen = bundles.peek(body)
            except SourceInvalid as error:
                self.skipped += 1
                self.doubt(self.told(error.message))
                continue
            if seen.resourceType == "OperationOutcome":
                self._hear(issues(body))
                continue
            if seen.resourceType == self.resource_type:
                shape = bundles.shape(seen, body)
                if shape is not Release.UNKNOWN and shape not in READ:
                    raise Stop(
                        self.told(f"entries in the shape of FHIR {shape.value}, which is not read"),
                        State.UNAVAILABLE,
                    )
                if self.patients and not self._is_about_the_patient(seen, entry, endpoint):
                    continue
            usable.append((entry, seen, body))
        return usable

    def _is_about_the_patient(self, seen: Peek, entry: Entry, endpoint: Endpoint) -> bool:
        """Whether the entry is about the asked patient; False (with a doubt) when nothing tells."""
        whom = about.subjects(seen)
        root = about.root_of(entry.fullUrl)
        found = {_relative(reference, root, endpoint) for reference in whom.references}
        if found & self.patients:
            return True
        if found:
            self.alarm = True
            raise Stop(self.told("entries of another patient, the page was refused"))
        self.skipped += 1
        self.doubt(self.told("an entry that names no patient was left out"))
        return False

    def _hear(self, told: tuple[Issue, ...]) -> None:
        for issue in told:
            self.outcomes.append(issue.text)
            if self.ignored_outcomes.intersection(issue.codes):
                continue
            if issue.code in WITHHELD_CODES or self.withheld_outcomes.intersection(issue.codes):
                self.doubt(self.told(f"OperationOutcome {issue.text}"), State.WITHHELD)
            elif issue.severity in {"error", "fatal"} or issue.code in _INCOMPLETE:
                self.doubt(self.told(f"OperationOutcome {issue.text}"))

    def _check_self_link(self, page: Bundle, endpoint: Endpoint) -> None:
        link = page.link_to("self")
        if link == f"{endpoint.prefix}{self.first_url}":
            return
        sent = [(name, value) for name, value in self.params if name not in _UNCHECKED]
        if link is None:
            if self.self_link_required and sent:
                self.doubt(self.told("no self link, so nothing proves what was searched"))
            return
        self.dropped = dropped(link, sent)
        if self.dropped:
            names = ", ".join(self.dropped)
            reason = self.told(f"the self link no longer holds {names}: the server ignored it")
            if PATIENT_PARAMS & set(self.dropped):
                raise Stop(f"{reason}, the page was refused")
            self.doubt(reason)


def _relative(reference: str, root: str, endpoint: Endpoint) -> str:
    """ "Patient/17" where the reference is on this server (by our base, or the entry's own)."""
    if root and reference.startswith(f"{root}/"):
        reference = reference[len(root) + 1 :]
    return endpoint.relative(reference) or literal(reference) or reference
