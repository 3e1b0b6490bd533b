"""Which connection leads to an address that an export names.

Every address that the server names passes the origin policy: files may lie under the base, or
where the configuration allows it by name. A token goes to the origin of the base alone, and never
where the manifest says that none is required.
"""

from __future__ import annotations

from collections.abc import Iterable

from service.errors import SourceRefused
from service.fhir.auth import Anonymous
from service.fhir.lent import Lent
from service.fhir.policy import Endpoint
from service.fhir.wire import Wire


class Wires:
    """The connections of one export: the base's own, and those that the configuration allows.

    Args:
        own: the source's connection, with its credential.
        also: further addresses at which the server's files may lie.
    """

    def __init__(self, own: Wire, also: Iterable[str] = ()) -> None:
        self.own = own
        self._also = tuple(Endpoint.parse(address) for address in also)
        self._made: dict[tuple[Endpoint, bool], Wire] = {}

    def to(self, url: str, *, token: bool) -> Wire:
        """The connection for an address that the server named.

        Raises: SourceRefused when it is not allowed, or wants a token on another origin.
        """
        base = self.own.endpoint
        for endpoint in (base, *self._also):
            try:
                endpoint.admit(url)
            except SourceRefused:
                continue
            if token and endpoint.origin != base.origin:
                raise SourceRefused(
                    f"the files at {endpoint.host} want a token; a token never leaves {base.host}"
                )
            return self._wire(endpoint, token=token)
        try:
            base.admit(url)
        except SourceRefused as error:
            raise SourceRefused(
                f"{error.message} (if that is right, name it in `bulk.also` of this source)"
            ) from None
        raise AssertionError("the base admits what it has just refused")

    def _wire(self, endpoint: Endpoint, *, token: bool) -> Wire:
        if endpoint == self.own.endpoint and token:
            return self.own
        made = self._made.get((endpoint, token))
        if made is None:
            own = self.own
            lent = Lent(own.credentials, own.endpoint) if token else Anonymous()
            made = Wire(endpoint, lent, own.http, own.limits)
            self._made[endpoint, token] = made
        return made
