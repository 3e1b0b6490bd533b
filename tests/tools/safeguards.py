"""The safeguards of writing back: the text of each, what stands there without it, who notices."""

from __future__ import annotations

from dataclasses import dataclass

OURS = ("tests/write/test_own_updates.py",)
MEANWHILE = ("tests/write/test_meanwhile.py",)
WRITE = (
    *OURS,
    "tests/write/test_delivery.py",
    "tests/write/test_giving_up.py",
    "tests/write/test_one_worker.py",
    "tests/write/test_restored.py",
    "-k",
    "not named_moment",
)
KILLED = ("tests/write/test_delivery.py", "-k", "named_moment")
DESK = ("tests/review/test_desk.py",)
PLAN = ("tests/write/test_plan.py",)
REST = ("tests/store",)
FAULTS = ("tests/write/test_write_faults.py", "-k", "not page")
READ = ("tests/read/test_catalogue.py", "-k", "state_is_right")
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
        MEANWHILE,
    ),
    Mutant(
        "if-match inside a transaction",
        "service/write/bundle.py",
        """{"ifMatch": f'W/"{version}"'} if version else {}""",
        "{}",
        MEANWHILE,
    ),
    Mutant(
        "if-none-exist inside a transaction",
        "service/write/bundle.py",
        '            "ifNoneExist": guard(write.type, write.key),\n',
        "",
        MEANWHILE,
    ),
    Mutant(
        "if-none-exist of a create",
        "service/write/deliver/send.py",
        'query = guard(write.type, write.key) if strategy == "conditional-create" else None',
        "query = None",
        MEANWHILE,
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
        "what was added before it was read back",
        "service/write/deliver/read_back.py",
        "unnamed or stands == parcel.version or not additions(sent, kept)",
        "True",
        MEANWHILE,
    ),
    Mutant(
        "the version of what was found is not the version that we wrote",
        "service/write/deliver/answers.py",
        "if status != 201 and strategy in _FINDS and not parcel.write.reference:",
        "if False:",
        MEANWHILE,
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
        "    if repeatable(write, to.target):\n",
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
        "    if not found:\n",
        "    if True:\n",
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
        "service/write/disclosure.py",
        "        if not permitting:\n",
        "        if False:\n",
        ("tests/write/test_disclosure.py", "tests/write/test_withhold.py", *PLAN),
    ),
    Mutant(
        "references that lead off the server",
        "service/write/gate.py",
        "elif not _LOCAL.match(reference):",
        "elif False:",
        (*PLAN, *DESK),
    ),
    Mutant(
        "mark before anything goes out",
        "service/pipeline/claim.py",
        "return sending(tried) if row.state is DeliveryState.PLANNED else tried",
        "return tried",
        WRITE,
    ),
    Mutant(
        "look-up of what is in doubt after a crash",
        "service/pipeline/round.py",
        "        if self.claim.doubtful:\n",
        "        if False:\n",
        KILLED,
    ),
    Mutant(
        "nothing to a server that cannot say what it takes",
        "service/pipeline/deliver.py",
        "    if unreachable:\n",
        "    if False:\n",
        WRITE,
    ),
    Mutant(
        "what was switched off since the signature",
        "service/pipeline/claim.py",
        "if row.type in target.allowed and not (row.text and target.keeps_out(row.type)):",
        "if True:",
        WRITE,
    ),
    Mutant(
        "a request within its lease",
        "service/write/deliver/send.py",
        "asyncio.timeout(seconds)",
        "asyncio.timeout(None)",
        WRITE,
    ),
    Mutant(
        "a damaged row set aside",
        "service/pipeline/deliver.py",
        "        except StoreDamaged:\n            await _isolate(courier, group)\n",
        "        except StoreDamaged:\n            continue\n",
        FAULTS,
    ),
    Mutant(
        "a look for what a refusal left behind",
        "service/write/deliver/send.py",
        '        if places:\n            reason = f"the server refused',
        '        if False:\n            reason = f"the server refused',
        WRITE,
    ),
    Mutant(
        "a conflict inside a transaction's answer",
        "service/write/deliver/answers.py",
        "if status in {409, 412}:",
        "if False:",
        MEANWHILE,
    ),
    Mutant(
        "a write that is gone when it is read back",
        "service/write/deliver/read_back.py",
        "if answer.status != 200:",
        "if False:",
        FAULTS,
    ),
    Mutant(
        "an answer of 500 is in doubt",
        "service/fhir/answer.py",
        "or reply.status >= 500:",
        "or reply.status >= 600:",
        WRITE,
    ),
    Mutant(
        "an answer of 503 is not",
        "service/fhir/answer.py",
        "if reply.status in {429, 503}:",
        "if reply.status in {429}:",
        WRITE,
    ),
    Mutant(
        "an answer of 202 is in doubt",
        "service/fhir/answer.py",
        "if reply.status in {202, 408}",
        "if reply.status in {408}",
        FAULTS,
    ),
    Mutant(
        "an end to trying",
        "service/pipeline/round.py",
        "if row.attempts >= patience.most_tries:",
        "if False:",
        WRITE,
    ),
    Mutant(
        "a longer wait after each try",
        "service/pipeline/courier.py",
        "* 2 ** (tries - 1)",
        "* 0",
        WRITE,
    ),
    Mutant(
        "one lease from the claim to the end",
        "service/pipeline/claim.py",
        "        if token is None:\n            return None\n",
        "        if token is None:\n            token = 0\n",
        WRITE,
    ),
    Mutant(
        "a restore into an empty store only",
        "service/store/backup.py",
        'if "patients" in known and',
        'if "patients" in known and False and',
        REST,
    ),
    Mutant(
        "a report's own digest",
        "service/store/reports.py",
        "if sha256(row.body).hexdigest() != row.digest:",
        "if False:",
        REST,
    ),
    Mutant(
        "the chain over the audit trail",
        "service/store/seals.py",
        "elif not hmac.compare_digest(_seal(store, before, expected, row), one.seal):",
        "elif False:",
        REST,
    ),
    Mutant(
        "what was committed survives a power cut",
        "service/store/database.py",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
        REST,
    ),
    Mutant(
        "a newer report makes the one on the screen stale",
        "service/pipeline/review.py",
        '    if report_etag.strip().removeprefix("W/") != kept.etag:',
        "    if False:",
        DESK,
    ),
    Mutant(
        "a decision on top of the one that was seen",
        "service/pipeline/review.py",
        '        if if_match.strip().removeprefix("W/") != etag(number):',
        "        if False:",
        DESK,
    ),
    Mutant(
        "a signed decision stays as it is",
        "service/pipeline/review.py",
        "        if item in signature.items:\n",
        "        if False:\n",
        WRITE,
    ),
    Mutant(
        "only what was not sent can be cancelled",
        "service/pipeline/outbox.py",
        "if row.state not in {DeliveryState.PLANNED, DeliveryState.CONFLICT}:",
        "if False:",
        WRITE,
    ),
    Mutant(
        "only what was given up can be sent again",
        "service/pipeline/outbox.py",
        "if row.state not in given_up or not row.resource:",
        "if False:",
        WRITE,
    ),
    Mutant(
        "a list only from whole sources",
        "service/write/refusals.py",
        "if desk.incomplete and resource_type not in",
        "if False and resource_type not in",
        PLAN,
    ),
    Mutant(
        "nothing while an identity is in doubt",
        "service/write/refusals.py",
        "    if doubtful:\n",
        "    if False:\n",
        PLAN,
    ),
    Mutant(
        "nothing that is not switched on",
        "service/write/target.py",
        "if resource_type not in self.allowed:",
        "if False:",
        PLAN,
    ),
    Mutant(
        "the self link of a search",
        "service/fhir/paging.py",
        "        if self.dropped:\n",
        "        if False:\n",
        READ,
    ),
    Mutant(
        "the patient of every entry",
        "service/fhir/paging.py",
        "if self.patients and not self._is_about_the_patient(seen, entry, endpoint):",
        "if False:",
        READ,
    ),
    Mutant(
        "a credential never in clear",
        "service/fhir/wire.py",
        "if self.credentials.secret and not self.endpoint.may_carry_credentials:",
        "if False:",
        ("tests/fhir",),
    ),
    Mutant(
        "a look before an update that If-Match does not guard",
        "service/write/deliver/send.py",
        "bool(write.text) or (bool(write.reference) and not heeded)",
        "bool(write.text)",
        OURS,
    ),
    Mutant(
        "what a server without versions holds, by its content",
        "service/write/deliver/send.py",
        "version_of(answer.version, answer.body) == write.if_match",
        "True",
        OURS,
    ),
    Mutant(
        "nothing on top of what the reviewer never saw",
        "service/pipeline/claim.py",
        "    if before.at < row.planned_at:\n",
        "    if False:\n",
        OURS,
    ),
)
