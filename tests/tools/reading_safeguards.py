"""Safeguards of reading, taken away one at a time: the tests must notice each of them.

    python -m tests.tools.reading_safeguards            all of them
    python -m tests.tools.reading_safeguards address    only those whose name holds this word

Ends with 1 when the tests pass without one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.tools.mutants import noticed_by
from tests.tools.safeguards import READ, Mutant

READING = (
    Mutant(
        "no address on another server",
        "service/fhir/policy.py",
        "if (parts.scheme, parts.host, parts.port) != self.origin:",
        "if False:",
        ("tests/fhir/test_policy.py",),
    ),
    Mutant(
        "no address outside the base path",
        "service/fhir/policy.py",
        'if parts.path.rstrip("/") != self.path and not parts.path.startswith(f"{self.path}/"):',
        "if False:",
        ("tests/fhir/test_policy.py",),
    ),
    Mutant(
        "a name that leads inside",
        "service/fhir/reach.py",
        "if not may_mean(bare, ipaddress.ip_address(address), self.private):",
        "if False:",
        ("tests/fhir/test_reach.py",),
    ),
    Mutant(
        "an answer that nobody asked for",
        "service/fhir/connection.py",
        "if message.pieces or not (message.whole and message.reusable):",
        "if message.pieces or not message.whole:",
        ("tests/fhir/test_message.py",),
    ),
    Mutant(
        "what is no body has an end",
        "service/fhir/message.py",
        "if self._bare > LONGEST_HEAD and not self.whole:",
        "if False:",
        ("tests/fhir/test_message.py",),
    ),
    Mutant(
        "a field that would end its line",
        "service/fhir/message.py",
        "if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):",
        "if False:",
        ("tests/fhir/test_message.py",),
    ),
    Mutant(
        "the cap of a page",
        "service/fhir/body.py",
        "if self._size > self._cap:",
        "if False:",
        ("tests/fhir/test_body.py",),
    ),
    Mutant(
        "the total of a search",
        "service/fhir/paging.py",
        "if self.total is not None and self.total != len(self._delivered):",
        "if False:",
        READ,
    ),
    Mutant(
        "the Subscriptions of others",
        "service/read/subscription.py",
        "if not isinstance(endpoint, str) or not wish.is_ours(endpoint):",
        "if not isinstance(endpoint, str):",
        ("tests/pipeline/test_subscribing.py", "-k", "others"),
    ),
    Mutant(
        "who may notify",
        "service/web/senders.py",
        "return sum(hmac.compare_digest(given, one) for one in proofs) > 0",
        "return bool(given)",
        ("tests/web/test_notifications.py",),
    ),
)


def main(words: list[str]) -> int:
    survivors = 0
    for one in READING:
        if words and not any(word in one.name for word in words):
            continue
        with tempfile.TemporaryDirectory(prefix="concord-mutant-") as folder:
            _, test = noticed_by(one, Path(folder))
        print(f"{'noticed ' if test else 'SURVIVES'}  {one.name}  {test}", flush=True)
        survivors += not test
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
