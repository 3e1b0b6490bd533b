"""Transaction and batch: many interactions in one request (FHIR R4 http, "batch/transaction")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qsl

from service.sandbox.exchange import Ask, Refusal, Reply, Resource
from service.sandbox.manners import Manners
from service.sandbox.paging import Searches
from service.sandbox.storage import Storage

_ORDER = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
_HEADERS = {
    "ifNoneExist": "if-none-exist",
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
}


class Server(Protocol):
    """What a Bundle needs of the server that takes it."""

    manners: Manners
    storage: Storage
    searches: Searches

    def answer(self, ask: Ask) -> Reply: ...

    def interaction(self, ask: Ask) -> Reply: ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: its place in the Bundle, its name there, and what it asks."""

    number: int
    full_url: str
    ask: Ask


def answer_bundle(server: Server, ask: Ask) -> Reply:
    """The answer to a batch or transaction Bundle, its entries in the order they were sent.

    Raises: Refusal when it is no such Bundle, when the server takes none, or when one entry of an
        atomic transaction is refused; nothing is stored then.
    """
    bundle = ask.resource()
    kind = bundle.get("type")
    if bundle["resourceType"] != "Bundle" or kind not in ("batch", "transaction"):
        raise Refusal(400, "value", "the base takes Bundles of type batch or transaction")
    if kind == "transaction" and server.manners.transaction == "refused":
        raise Refusal(405, "not-supported", "transactions are not supported here")
    sent = bundle.get("entry") or []
    limit = server.manners.transaction_limit
    if limit is not None and len(sent) > limit:
        raise Refusal(413, "too-long", f"{len(sent)} entries, at most {limit} are taken")
    entries = [_entry(number, item, ask) for number, item in enumerate(sent)]
    if kind == "batch":
        replies = [(entry.number, server.answer(entry.ask)) for entry in entries]
    elif server.manners.transaction == "atomic":
        with server.storage.all_or_nothing():
            replies = [(e.number, _one(server, e)) for e in _resolved(server, entries)]
    else:
        replies = [(e.number, server.answer(e.ask)) for e in _resolved(server, entries)]
    answered = [_response(reply) for _, reply in sorted(replies, key=lambda pair: pair[0])]
    return Reply(200, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answered})


def _entry(number: int, item: Any, ask: Ask) -> _Entry:
    request = item.get("request") if isinstance(item, dict) else None
    if not isinstance(request, dict) or not request.get("method") or not request.get("url"):
        raise Refusal(
            400, "required", "an entry needs a request", f"Bundle.entry[{number}].request"
        )
    path, _, query = str(request["url"]).removeprefix(ask.base + "/").partition("?")
    headers = {
        name: str(request[element]) for element, name in _HEADERS.items() if element in request
    }
    inner = Ask(
        method=str(request["method"]),
        path=path,
        base=ask.base,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        sent=item.get("resource"),
        scopes=ask.scopes,
    )
    return _Entry(number, str(item.get("fullUrl", "")), inner)


def _resolved(server: Server, entries: list[_Entry]) -> list[_Entry]:
    """The entries in the order of R4, names of the Bundle replaced by the ids they will have."""
    names: dict[str, str] = {}
    placed: list[_Entry] = []
    for entry in sorted(entries, key=lambda e: _ORDER.index(e.ask.method)):
        ask = entry.ask
        if ask.method == "POST" and ask.type in server.manners.types:
            ask = ask.about(ask.path, assigned=server.storage.new_id())
            names[entry.full_url] = _will_be(server, ask)
        elif ask.method == "PUT":
            names[entry.full_url] = ask.path
        placed.append(_Entry(entry.number, entry.full_url, ask))
    promised = frozenset(names.values())
    names.pop("", None)
    return [
        _Entry(
            e.number,
            e.full_url,
            e.ask.about(e.ask.path, sent=_renamed(e.ask.sent, names), promised=promised),
        )
        for e in placed
    ]


def _will_be(server: Server, ask: Ask) -> str:
    """The reference of what a create leads to: a match of its condition, or its reserved id."""
    condition = ask.headers.get("if-none-exist")
    if condition is not None and server.manners.conditional_create:
        found = server.searches.matching(ask.type, condition, ask.base)
        if len(found) == 1:
            return found[0].reference
    return f"{ask.type}/{ask.assigned}"


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A copy with every `reference` that is a name of the Bundle replaced."""
    if isinstance(value, dict):
        return {
            key: names.get(item, item)
            if key == "reference" and isinstance(item, str)
            else _renamed(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


def _one(server: Server, entry: _Entry) -> Reply:
    try:
        return server.interaction(entry.ask)
    except Refusal as refusal:
        where = f"Bundle.entry[{entry.number}]"
        raise Refusal(refusal.status, refusal.code, f"{where}: {refusal.text}", where) from refusal


def _response(reply: Reply) -> Resource:
    response: Resource = {"status": f"{reply.status} {HTTPStatus(reply.status).phrase}"}
    if "Location" in reply.headers:
        response["location"] = reply.headers["Location"]
    if "ETag" in reply.headers:
        response["etag"] = reply.headers["ETag"]
    entry: Resource = {"response": response}
    if reply.resource is not None:
        if reply.resource["resourceType"] == "OperationOutcome":
            response["outcome"] = reply.resource
        else:
            entry["resource"] = reply.resource
            updated = reply.resource.get("meta", {}).get("lastUpdated")
            if updated:
                response["lastModified"] = updated
    return entry
