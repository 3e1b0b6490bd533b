"""The interactions of one server: read, vread, history, create, update; and who answers what."""

from __future__ import annotations

from service.sandbox.access import allows
from service.sandbox.bulk import Exports
from service.sandbox.bundle import answer_bundle
from service.sandbox.capability import capability_statement, smart_configuration
from service.sandbox.exchange import Ask, Refusal, Reply, Resource, operation_outcome
from service.sandbox.manners import Manners
from service.sandbox.match import matched
from service.sandbox.paging import PAGE, Searches
from service.sandbox.references import local_reference, references
from service.sandbox.shape import problems
from service.sandbox.storage import Storage, Version, http_date, instant, is_id


class Rest:
    """Answers one server's interactions. Nothing here waits: an interaction is one step."""

    def __init__(self, manners: Manners, storage: Storage) -> None:
        self.manners = manners
        self.storage = storage
        self.searches = Searches(manners, storage)
        self.exports = Exports(manners, storage)
        self._had: set[str] = set()

    def answer(self, ask: Ask) -> Reply:
        """What the server answers; refusals come back as OperationOutcome with their status."""
        try:
            return self.interaction(ask)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.outcome())

    def interaction(self, ask: Ask) -> Reply:
        """The same, with refusals as exceptions: a transaction takes everything back on one."""
        self._acceptable(ask)
        match (ask.method, *ask.segments):
            case ("GET", "metadata"):
                return Reply(200, capability_statement(self.manners, ask.base))
            case ("GET", ".well-known", "smart-configuration"):
                return Reply(200, smart_configuration(self.manners, ask.base))
            case ("GET", *_, "$export"):
                return self.exports.kick_off(ask)
            case ("GET" | "DELETE", "_bulk", *_):
                return self.exports.answer(ask)
            case ("GET",) if PAGE in dict(ask.query):
                return self.searches.next_page(ask)
            case ("POST",):
                return answer_bundle(self, ask)
            case (_, str(type_), *rest) if ask.type:
                self._offered(type_)
                self._permitted(ask, type_, tuple(rest))
                return self._on_type(ask, type_, tuple(rest))
            case _:
                raise Refusal(404, "not-supported", f"{ask.method} /{ask.path} is not supported")

    def _on_type(self, ask: Ask, type_: str, rest: tuple[str, ...]) -> Reply:
        match (ask.method, *rest):
            case ("GET",) | ("POST", "_search"):
                return self.searches.first_page(ask)
            case ("POST", "$match") if type_ == "Patient" and self.manners.match:
                return Reply(200, matched(ask.resource(), self.storage.live("Patient"), ask.base))
            case ("POST",):
                return self._create(ask, type_)
            case ("GET", str(id_)) if is_id(id_):
                return self._read(ask, self._known(type_, id_))
            case ("GET", str(id_), "_history") if is_id(id_):
                return self._history(ask, type_, id_)
            case ("GET", str(id_), "_history", str(number)) if is_id(id_):
                return self._vread(ask, type_, id_, number)
            case ("PUT", str(id_)) if is_id(id_):
                return self._update(ask, type_, id_)
            case ("PUT" | "DELETE" | "PATCH", *_):
                raise Refusal(405, "not-supported", f"{ask.method} of {type_} is not supported")
            case _:
                raise Refusal(404, "not-found", f"there is no /{ask.path}")

    def _acceptable(self, ask: Ask) -> None:
        wanted = dict(ask.query).get("_format") or ask.headers.get("accept", "")
        if wanted and not any(word in wanted for word in ("json", "*/*", "application/*")):
            raise Refusal(406, "not-supported", "only application/fhir+json is spoken here")

    def _offered(self, type_: str) -> None:
        manner = self.manners.types.get(type_)
        if manner is None:
            raise Refusal(404, "not-supported", f"resource type {type_} is not offered here")
        if manner.forbidden:
            raise Refusal(403, "forbidden", f"access to {type_} is not granted")

    def _permitted(self, ask: Ask, type_: str, rest: tuple[str, ...]) -> None:
        searched = not rest or rest in (("_search",), ("$match",))
        letter = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}.get(ask.method, "r")
        if searched and (ask.method == "GET" or rest):
            letter = "s"
        if not allows(ask.scopes, type_, letter):
            raise Refusal(403, "forbidden", f"the granted scopes do not cover {type_}.{letter}")

    def _known(self, type_: str, id_: str) -> Version:
        version = self.storage.current(type_, id_)
        if version is None:
            raise Refusal(404, "not-found", f"{type_}/{id_} is not known here")
        if version.resource is None:
            raise Refusal(410, "deleted", f"{type_}/{id_} was deleted")
        return version

    def shown(self, version: Version) -> Resource | None:
        """The resource as this server gives it out."""
        if self.manners.versioned or version.resource is None:
            return version.resource
        meta = {
            key: value
            for key, value in version.resource["meta"].items()
            if key not in ("versionId", "lastUpdated")
        }
        return {**version.resource, "meta": meta}

    def _headers(self, version: Version) -> dict[str, str]:
        if not self.manners.versioned:
            return {}
        return {"ETag": version.etag, "Last-Modified": http_date(version.at)}

    def _read(self, ask: Ask, version: Version) -> Reply:
        headers = self._headers(version)
        if headers and ask.headers.get("if-none-match") == version.etag:
            return Reply(304, headers=headers)
        return Reply(200, self.shown(version), headers)

    def _vread(self, ask: Ask, type_: str, id_: str, number: str) -> Reply:
        for version in self.storage.history(type_, id_):
            if str(version.number) == number and self.manners.versioned:
                if version.resource is None:
                    raise Refusal(410, "deleted", f"{type_}/{id_} was deleted by this version")
                return self._read(ask, version)
        raise Refusal(404, "not-found", f"{type_}/{id_} has no version {number}")

    def _history(self, ask: Ask, type_: str, id_: str) -> Reply:
        versions = self.storage.history(type_, id_)
        if not versions or not self.manners.versioned:
            raise Refusal(404, "not-found", f"{type_}/{id_} has no history here")
        bundle: Resource = {
            "resourceType": "Bundle",
            "type": "history",
            "total": len(versions),
            "link": [{"relation": "self", "url": f"{ask.base}/{ask.path}"}],
            "entry": [_history_entry(version, ask.base) for version in reversed(versions)],
        }
        return Reply(200, bundle)

    def _create(self, ask: Ask, type_: str) -> Reply:
        resource = self._accepted(ask, type_)
        condition = ask.headers.get("if-none-exist")
        if condition is not None:
            if not self.manners.conditional_create:
                raise Refusal(412, "not-supported", "conditional create is not supported")
            found = self.searches.matching(type_, condition, ask.base)
            if len(found) > 1:
                raise Refusal(412, "multiple-matches", f"{len(found)} {type_} match the condition")
            if found:
                return self._written(ask, found[0], 200)
        key = ask.headers.get(self.manners.idempotency_header)
        if key is not None:
            if key in self._had:
                raise Refusal(409, "duplicate", f"{type_}: a request with this key was answered")
            self._had.add(key)
        id_ = ask.assigned or self.storage.new_id()
        return self._written(ask, self.storage.add(type_, id_, resource, "POST"), 201)

    def _update(self, ask: Ask, type_: str, id_: str) -> Reply:
        resource = self._accepted(ask, type_)
        if resource.get("id") != id_:
            raise Refusal(400, "value", f"the body's id is not {id_}", f"{type_}.id")
        version = self.storage.current(type_, id_)
        exists = version is not None and version.resource is not None
        if exists and self.manners.if_none_match and ask.headers.get("if-none-match") == "*":
            raise Refusal(412, "conflict", f"{type_}/{id_} exists already")
        self._contention(ask, version if exists else None, f"{type_}/{id_}")
        if not exists and not self.manners.update_create:
            raise Refusal(405, "not-supported", f"{type_}/{id_}: ids are given by this server")
        added = self.storage.add(type_, id_, resource, "PUT")
        return self._written(ask, added, 200 if exists else 201)

    def _contention(self, ask: Ask, version: Version | None, reference: str) -> None:
        """R4 http, "Managing resource contention"."""
        if not (self.manners.versioned and self.manners.honours_if_match):
            return
        seen = ask.headers.get("if-match")
        if seen is None:
            if version is not None and self.manners.requires_if_match:
                raise Refusal(400, "required", f"{reference}: an update needs If-Match here")
        elif version is None or seen.removeprefix("W/").strip('"') != str(version.number):
            stands = version.etag if version else "nothing"
            raise Refusal(
                self.manners.stale_status,
                "conflict",
                f"{reference}: {stands} is current, not {seen}",
            )

    def _accepted(self, ask: Ask, type_: str) -> Resource:
        """The resource that is to be stored.

        Raises: Refusal 405 where the type is read only, 400 and 422 for what is wrong with it.
        """
        if not self.manners.types[type_].write:
            raise Refusal(405, "not-supported", f"{type_} is read only here")
        resource = ask.resource()
        if resource["resourceType"] != type_:
            raise Refusal(400, "value", f"the body is no {type_}")
        wrong = list(problems(resource))
        if wrong:
            expression, text = wrong[0]
            raise Refusal(422, "required" if "required" in text else "invariant", text, expression)
        for path, reference in references(resource, type_):
            self._reference_allowed(path, reference, ask)
        kept = {key: value for key, value in resource.items() if key not in self.manners.drops}
        return {**self.manners.adds, **kept}

    def _reference_allowed(self, path: str, reference: str, ask: Ask) -> None:
        own = local_reference(reference, ask.base)
        if own.startswith(("#", "urn:")):
            return
        if "://" in own:
            if not self.manners.absolute_references:
                raise Refusal(400, "not-supported", "references to other servers are refused", path)
            return
        type_, _, id_ = own.partition("/")
        if self.manners.checks_references and own not in ask.promised:
            target = self.storage.current(type_, id_)
            if target is None or target.resource is None:
                raise Refusal(400, "not-found", f"{own} is not known here", path)

    def _written(self, ask: Ask, version: Version, status: int) -> Reply:
        headers = self._headers(version)
        where = f"{ask.base}/{version.reference}"
        if self.manners.versioned:
            where += f"/_history/{version.number}"
        headers["Location"] = where
        prefer = ask.headers.get("prefer", "")
        if "return=minimal" in prefer:
            return Reply(status, headers=headers)
        if "return=OperationOutcome" in prefer:
            text = f"{version.reference} stands in version {version.number}"
            return Reply(status, operation_outcome("information", "informational", text), headers)
        return Reply(status, self.shown(version), headers)


def _history_entry(version: Version, base: str) -> Resource:
    created = version.number == 1
    status = {"POST": "201 Created", "DELETE": "204 No Content"}.get(version.method)
    entry: Resource = {"fullUrl": f"{base}/{version.reference}"}
    if version.resource is not None:
        entry["resource"] = version.resource
    url = version.type if version.method == "POST" else version.reference
    entry["request"] = {"method": version.method, "url": url}
    entry["response"] = {
        "status": status or ("201 Created" if created else "200 OK"),
        "etag": version.etag,
        "lastModified": instant(version.at),
    }
    return entry
