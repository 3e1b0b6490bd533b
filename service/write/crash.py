"""Named moments of the write path at which a test may end the process: none can be forgotten.

Every await and commit of signing and delivering passes `crash_point`. A test arms a hook, kills the
process inside it, starts again, and counts what stands on the servers.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """The moments, in the order in which one delivery passes them."""

    BEFORE_SIGN = "before-sign"
    INSIDE_SIGN = "inside-sign"
    AFTER_SIGN = "after-sign"
    BEFORE_CLAIM = "before-claim"
    INSIDE_CLAIM = "inside-claim"
    AFTER_CLAIM = "after-claim"
    BEFORE_LOOK_UP = "before-look-up"
    AFTER_LOOK_UP = "after-look-up"
    BEFORE_SEND = "before-send"
    AFTER_SEND = "after-send"
    INSIDE_MARK_SENT = "inside-mark-sent"
    AFTER_MARK_SENT = "after-mark-sent"
    BEFORE_READ_BACK = "before-read-back"
    AFTER_READ_BACK = "after-read-back"
    INSIDE_MARK_DONE = "inside-mark-done"
    AFTER_MARK_DONE = "after-mark-done"


Hook = Callable[[CrashPoint], None]


def _pass(_point: CrashPoint) -> None:
    """Nothing happens outside of tests."""


_hook: list[Hook] = [_pass]


def crash_point(point: CrashPoint) -> None:
    """Pass a named moment."""
    _hook[0](point)


def arm(hook: Hook | None) -> None:
    """Let a test act at every moment; None disarms."""
    _hook[0] = hook or _pass
