"""Searchset Bundles: the search of one type, page by page behind opaque links."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from urllib.parse import parse_qsl, urlencode

from service.sandbox.exchange import Ask, Refusal, Reply, Resource
from service.sandbox.includes import included
from service.sandbox.manners import Manners
from service.sandbox.parameters import Parameter, parameters
from service.sandbox.search import matches, values
from service.sandbox.storage import Storage, Version

PAGE = "_page"
_PRESENTATION = frozenset({"_format", "_pretty", "_total", "_summary", "_count", "_sort"})
_INCLUDES = frozenset({"_include", "_revinclude"})
_LINKS_KEPT = 1000
_LONG_LINK = 3000

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Search:
    """A search as the server understood it: `accepted` is what its self link says."""

    type: str
    accepted: Query
    filters: tuple[tuple[Parameter, str, str], ...]
    includes: tuple[tuple[str, str], ...]
    sort: tuple[str, ...]
    count: int
    only_count: bool
    nothing: bool


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a `next` link leads: the search, its frozen result (None: search again), the offset."""

    search: _Search
    found: tuple[Version, ...] | None
    offset: int
    made: datetime


class Searches:
    """Answers searches over one storage; keeps the cursors behind its links."""

    def __init__(self, manners: Manners, storage: Storage) -> None:
        self.manners = manners
        self.storage = storage
        self._cursors: OrderedDict[str, _Cursor] = OrderedDict()
        self._endless: dict[str, Reply] = {}
        self._cached: dict[tuple[str, Query], tuple[datetime, tuple[Version, ...]]] = {}

    def expire_links(self) -> None:
        """From now on every link that was given out answers 410."""
        self._cursors.clear()

    def first_page(self, ask: Ask) -> Reply:
        """The first page of a search by GET or by POST to `_search`.

        Raises: Refusal 400 for what the server does not understand, 404 for POST where it has none.
        """
        query = ask.query
        if ask.method == "GET" and PAGE in dict(query):
            raise Refusal(414, "too-long", "the link is too long, ask by POST")
        if ask.method == "POST":
            if not self.manners.post_search:
                raise Refusal(404, "not-supported", "searches are asked with GET here")
            form = parse_qsl(ask.body.decode("utf-8", "replace"), keep_blank_values=True)
            query = (*query, *form)
            if PAGE in dict(query):
                return self.next_page(ask.about(ask.path, query=query))
        search = self._understood(ask.type, query)
        found = self._found(search, ask)
        return self._page(search, found, 0, ask.base)

    def next_page(self, ask: Ask) -> Reply:
        """The page behind a link.

        Raises: Refusal 410 when the link is unknown or has expired.
        """
        token = dict(ask.query)[PAGE]
        if token in self._endless:
            return self._more(token, ask.base)
        cursor = self._cursors.get(token)
        age = timedelta(seconds=self.manners.links_live_s)
        if cursor is None or self.storage.clock() - cursor.made > age:
            raise Refusal(410, "not-found", "the page is gone: the search has expired, start again")
        found = self._matching(cursor.search, ask.base) if cursor.found is None else cursor.found
        return self._page(cursor.search, found, cursor.offset, ask.base)

    def repeat(self, reply: Reply) -> str:
        """A token behind which this page comes again and again, each time with new ids."""
        token = token_urlsafe(12)
        self._endless[token] = reply
        return token

    def _more(self, token: str, base: str) -> Reply:
        reply = self._endless.pop(token)
        bundle = dict(reply.resource or {})
        bundle["entry"] = [_renewed(entry, token) for entry in bundle.get("entry", [])]
        own = [link for link in bundle["link"] if link["relation"] != "next"]
        again = f"{base}?{PAGE}={self.repeat(reply)}"
        bundle["link"] = [*own, {"relation": "next", "url": again}]
        return reply.with_resource(bundle)

    def matching(self, type_: str, query: str, base: str) -> tuple[Version, ...]:
        """What a conditional interaction finds: `query` as in If-None-Exist.

        Raises: Refusal 412 when no criterion is left that the server knows.
        """
        pairs = tuple(parse_qsl(query.partition("?")[2] or query, keep_blank_values=True))
        search = self._understood(type_, pairs)
        if not search.filters:
            raise Refusal(412, "incomplete", "the condition names no search parameter")
        return self._matching(search, base)

    def _understood(self, type_: str, query: Query) -> _Search:
        """The search, with unknown parameters treated as this server does.

        Raises: Refusal 400 where it rejects them, or for a value that it cannot read.
        """
        manner = self.manners.types[type_]
        known = {
            name: parameter
            for name, parameter in parameters(type_).items()
            if manner.parameters is None or name in manner.parameters
        }
        accepted: list[tuple[str, str]] = []
        filters: list[tuple[Parameter, str, str]] = []
        includes: list[tuple[str, str]] = []
        special: dict[str, str] = {}
        nothing = False
        for key, value in query:
            name, _, modifier = key.partition(":")
            if value and not self.manners.comma_lists and "," in value and name in known:
                raise Refusal(400, "not-supported", f"{name}: lists of values are not supported")
            if name in known:
                # Refuses what cannot be read even where nothing is held that it could match.
                matches({}, known[name], modifier, value, "")
                filters.append((known[name], modifier, value))
            elif name in _INCLUDES and self.manners.include:
                includes.append((name, value))
            elif key in _PRESENTATION:
                special[key] = value
            elif self.manners.unknown_parameter == "reject":
                raise Refusal(400, "not-supported", f"{type_} has no search parameter {key}")
            else:
                nothing = nothing or self.manners.unknown_parameter == "empty"
                continue
            accepted.append((key, value))
        names = {key.partition(":")[0] for key, _ in accepted}
        for alternatives in manner.required:
            if names.isdisjoint(alternatives.split("|")):
                raise Refusal(400, "required", f"{type_} searches need {alternatives}")
        count = special.get("_count", str(self.manners.page_size))
        if not count.isascii() or not count.isdigit():
            raise Refusal(400, "value", f"_count: {count!r} is no number")
        only_count = special.get("_summary") == "count" or int(count) == 0
        sort = tuple(key for key in special.get("_sort", "").split(",") if key)
        for key in sort:
            if key.removeprefix("-") not in known:
                raise Refusal(400, "not-supported", f"_sort: {type_} has no parameter {key}")
        size = max(1, min(int(count), self.manners.max_count))
        return _Search(
            type_, tuple(accepted), tuple(filters), tuple(includes), sort, size, only_count, nothing
        )

    def _found(self, search: _Search, ask: Ask) -> tuple[Version, ...]:
        """The result, from the cache where this server caches and the client lets it."""
        key, now = (search.type, search.accepted), self.storage.clock()
        fresh = "no-cache" in ask.headers.get("cache-control", "")
        cached = self._cached.get(key)
        keep = timedelta(seconds=self.manners.search_cache_s)
        if cached is not None and not fresh and now - cached[0] < keep:
            return cached[1]
        found = self._matching(search, ask.base)
        if keep:
            self._cached[key] = (now, found)
        return found

    def _matching(self, search: _Search, base: str) -> tuple[Version, ...]:
        if search.nothing:
            return ()
        found = [
            version
            for version in self.storage.live(search.type, lag_s=self.manners.index_lag_s)
            if version.resource is not None
            and all(matches(version.resource, *wanted, base) for wanted in search.filters)
        ]
        for key in reversed(search.sort):
            paths = parameters(search.type)[key.removeprefix("-")].paths
            found.sort(key=_sort_key(paths), reverse=key.startswith("-"))
        return tuple(found)

    def _page(self, search: _Search, found: tuple[Version, ...], offset: int, base: str) -> Reply:
        own = f"{base}/{search.type}"
        self_link = f"{own}?{urlencode(search.accepted)}" if search.accepted else own
        bundle: Resource = {"resourceType": "Bundle", "id": token_urlsafe(9), "type": "searchset"}
        if self.manners.total or search.only_count:
            bundle["total"] = len(found)
        bundle["link"] = [{"relation": "self", "url": self_link}]
        if search.only_count:
            return Reply(200, bundle, type=search.type, page=1, pages=1)
        end = offset + search.count
        here = found[offset:end]
        if end < len(found):
            kept = found if self.manners.paging == "snapshot" else None
            token = self._keep(_Cursor(search, kept, end, self.storage.clock()))
            bundle["link"].append({"relation": "next", "url": self._link(search.type, token, base)})
        entries = [(version, "match") for version in here]
        entries += [
            (version, "include")
            for version in included(self.storage, here, search.includes, base)
            if version.type in self.manners.types
        ]
        if entries:
            bundle["entry"] = [
                {
                    "fullUrl": f"{base}/{version.reference}",
                    "resource": version.resource,
                    "search": {"mode": mode},
                }
                for version, mode in entries
            ]
        pages = max(1, -(-len(found) // search.count))
        page = offset // search.count + 1
        return Reply(200, bundle, type=search.type, page=page, pages=pages)

    def _link(self, type_: str, token: str, base: str) -> str:
        match self.manners.next_links:
            case "post":
                return f"{base}/{type_}/_search?{PAGE}={token}"
            case "long":
                return f"{base}/{type_}?{PAGE}={token}&_state={'x' * _LONG_LINK}"
            case _:
                return f"{base}?{PAGE}={token}"

    def _keep(self, cursor: _Cursor) -> str:
        token = token_urlsafe(12)
        self._cursors[token] = cursor
        while len(self._cursors) > _LINKS_KEPT:
            self._cursors.popitem(last=False)
        return token


def _sort_key(paths: tuple[str, ...]) -> Callable[[Version], str]:
    """Sorts by the smallest value as text, resources without one first."""

    def key(version: Version) -> str:
        return min((str(v) for path in paths for v in values(version.resource, path)), default="")

    return key


def _renewed(entry: Resource, token: str) -> Resource:
    """An entry as of another resource: the same content under another id."""
    resource = entry["resource"]
    id_ = f"{resource['id']}-{token.replace('_', '.')}"[-64:]
    url = entry["fullUrl"].rpartition("/")[0] + f"/{id_}"
    return {**entry, "fullUrl": url, "resource": {**resource, "id": id_}}
