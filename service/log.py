"""Logging: facts with opaque ids, never patient text.

structlog renders one JSON line per event to standard error. `only_known_keys` lets through an
allow-list of keys whose values are short and opaque; anything else is dropped and counted, so that
a careless `log.info(..., resource=...)` leaks nothing. Libraries log warnings and up, without
addresses (httpx and uvicorn access lines would carry search parameters).
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

KNOWN_KEYS = frozenset(
    {
        "event", "level", "timestamp", "patient", "source", "type", "state", "entries", "findings",
        "discrepancies", "pages", "count", "attempt", "wait_s", "status", "job", "review", "plan",
        "delivery", "target", "seconds", "error", "correlation", "version", "port", "name", "rule",
        "bytes", "reason_code",
    }
)  # fmt: skip
LONGEST = 120


def only_known_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drops every key that is not on the list and every value that could carry text."""
    kept: dict[str, Any] = {}
    dropped = 0
    for key, value in event.items():
        simple = value is None or isinstance(value, bool | int | float)
        if key in KNOWN_KEYS and (simple or (isinstance(value, str) and len(value) <= LONGEST)):
            kept[key] = value
        else:
            dropped += 1
    if dropped:
        kept["dropped_keys"] = dropped
    return kept


def configure(level: str = "INFO") -> None:
    """Sets structlog and the standard library's root logger up; called once by `app`."""
    threshold = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            only_known_keys,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s")
    for noisy in (
        "httpx", "httpcore", "uvicorn.access", "sqlalchemy.engine", "aiosqlite", "psycopg",
        "python_multipart",
    ):  # fmt: skip
        logging.getLogger(noisy).setLevel(logging.ERROR)
