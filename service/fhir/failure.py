"""Why no answer came, in words that a person can act on."""

from __future__ import annotations

import errno
import socket
import ssl

import httpx

from service.fhir.reach import Forbidden


def why(error: Exception, *, connect_s: float, answer_s: float) -> str:
    """A transport failure in words, from the deepest cause that says anything.

    Args:
        connect_s, answer_s: how long was waited.
    """
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {connect_s:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {answer_s:g} s"
    cause: BaseException | None = error
    for _ in range(8):
        if isinstance(cause, Forbidden):
            return f"{cause}, where this name must not lead; say private_network = true if so"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed ({getattr(cause, 'reason', '') or 'handshake'})"
        if isinstance(cause, socket.gaierror):
            return "the host name is not known"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, OSError) and cause.errno:
            return f"connection failed ({errno.errorcode.get(cause.errno, cause.errno)})"
        if cause is None:
            break
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection was lost before the answer was whole"
