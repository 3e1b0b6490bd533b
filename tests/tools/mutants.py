"""Takes away one safeguard of writing back at a time: the tests must notice each of them.

    python -m tests.tools.mutants            all of them
    python -m tests.tools.mutants if-match   only those whose name holds this word

Each runs on a copy of the tree. Ends with 1 when a mutant survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITE = ("tests/write/test_delivery.py",)
DESK = ("tests/review/test_desk.py",)
PLAN = ("tests/write/test_plan.py",)
REST = ("tests/store",)
SIGNING = ("tests/pipeline/test_signing.py",)


@dataclass(frozen=True)
class Mutant:
    """One safeguard, the text that is it, what stands there without it, and who must notice."""

    name: str
    file: str
    safeguard: str
    without: str
    noticed_by: tuple[str, ...]


MUTANTS = (
    Mutant(
        "if-match of an update",
        "service/fhir/client.py",
        "if if_match is not None:",
        "if if_match is None and if_match is not None:",
        WRITE,
    ),
    Mutant(
        "if-match inside a transaction",
        "service/write/bundle.py",
        """                "ifMatch": f'W/"{write.if_match}"',\n""",
        "",
        WRITE,
    ),
    Mutant(
        "if-none-exist inside a transaction",
        "service/write/bundle.py",
        '            "ifNoneExist": guard(write.type, write.key),\n',
        "",
        WRITE,
    ),
    Mutant(
        "if-none-exist of a create",
        "service/write/deliver/send.py",
        'query = guard(write.type, write.key) if strategy == "conditional-create" else None',
        "query = None",
        WRITE,
    ),
    Mutant(
        "if-none-match of a put that creates",
        "service/write/deliver/send.py",
        'to.server.update(own, if_none_match="*")',
        "to.server.update(own)",
        WRITE,
    ),
    Mutant(
        "read-back",
        "service/write/deliver/read_back.py",
        "    if wrong:\n",
        "    if False:\n",
        WRITE,
    ),
    Mutant(
        "no-cache of a look-up",
        "service/write/deliver/look_up.py",
        "[token], fresh=True)",
        "[token])",
        WRITE,
    ),
    Mutant(
        "look before a create that nothing guards",
        "service/write/deliver/send.py",
        "if not guarded(write, to.target):",
        "if False:",
        WRITE,
    ),
    Mutant(
        "no second send of a create that nothing guards",
        "service/write/deliver/look_up.py",
        "    if guarded(write, to.target):\n",
        "    if True:\n",
        WRITE,
    ),
    Mutant(
        "lease token", "service/store/leases.py", "if newest != token:", "if newest is None:", REST
    ),
    Mutant(
        "one holder of a lease", "service/store/leases.py", "if row.until > at:", "if False:", REST
    ),
    Mutant(
        "no send past the lease",
        "service/pipeline/round.py",
        "if at >= self.until:",
        "if False:",
        WRITE,
    ),
    Mutant(
        "digest of what was approved",
        "service/pipeline/claim.py",
        " or sha256(row.body).hexdigest() == row.digest:",
        " or True:",
        WRITE,
    ),
    Mutant(
        "digest of the report under review",
        "service/pipeline/sign.py",
        "if newest is None or newest.digest != loaded.report_digest:",
        "if newest is None:",
        DESK,
    ),
    Mutant(
        "gate before a signature",
        "service/pipeline/sign.py",
        "        if problems:\n",
        "        if False:\n",
        DESK,
    ),
    Mutant(
        "sources read again before a signature",
        "service/pipeline/recheck.py",
        "    if found:\n",
        "    if False:\n",
        SIGNING,
    ),
    Mutant(
        "doubt after a restore",
        "service/store/backup.py",
        "    _in_doubt(connection)\n    return",
        "    return",
        WRITE,
    ),
    Mutant(
        "labels kept from other servers",
        "service/write/plan.py",
        "and not consented(",
        "and False and not consented(",
        PLAN,
    ),
    Mutant(
        "references that lead off the server",
        "service/write/gate.py",
        "elif not _LOCAL.match(reference):",
        "elif False:",
        (*PLAN, *DESK),
    ),
)


def survives(mutant: Mutant, folder: Path) -> bool:
    """Whether all tests pass without the safeguard."""
    for part in ("service", "tests", "mappings", "fixtures"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    file = folder / mutant.file
    text = file.read_text(encoding="utf-8")
    if mutant.safeguard not in text:
        raise LookupError(f"{mutant.name}: {mutant.file} no longer holds {mutant.safeguard!r}")
    file.write_text(text.replace(mutant.safeguard, mutant.without), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(folder), "CONCORD_TEST_SCALE": "slice"}
    tests = subprocess.run(
        [*command, *mutant.noticed_by],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    return tests.returncode == 0


def main(words: list[str]) -> int:
    survivors = []
    for mutant in MUTANTS:
        if words and not any(word in mutant.name for word in words):
            continue
        with tempfile.TemporaryDirectory(prefix="concord-mutant-") as folder:
            alive = survives(mutant, Path(folder))
        print(f"{'SURVIVES' if alive else 'noticed '}  {mutant.name}", flush=True)
        survivors += [mutant.name] if alive else []
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
