"""Settings: one TOML file and the environment, read once, checked whole, frozen.

Every key of the file is also an environment variable: `[store] url` is `CONCORD_STORE__URL`,
`[sources.primary-care] base_url` is `CONCORD_SOURCES__PRIMARY_CARE__BASE_URL`. Secrets are
references (`file:PATH`, `env:NAME`), resolved when a connection is built and never kept here. A
key that nobody reads is refused, not ignored.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from service.errors import SettingsError
from service.model.review import UserRole
from service.model.source import Role

ENVIRONMENT_PREFIX = "CONCORD_"
DEFAULT_FILE = Path("concord.toml")
LISTS = frozenset({"write", "coordinate", "parties", "require_amr", "only_related"})
"""Keys whose environment variable holds several values, with commas between them."""

NAMED_ROLES = frozenset(role.value for role in Role) - {Role.OTHER.value}


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where everything is kept: `sqlite:///FILE` (embedded) or `postgresql://...`.

    `key` is a reference to the keys that encrypt patient data at rest: one a line in base64, 32
    bytes each, the newest first. Without it the disk has to be encrypted.
    """

    url: str = "sqlite:///concord.db"
    key: str = ""


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a source is signed in to.

    Values of `token`, `password` and of the private keys are references. `certificate` and `key`
    (`file:PATH`, PEM) are shown in TLS where the source wants a client certificate, beside any
    kind. `next_private_key` is published before it signs, and signs where the first is not known.
    """

    kind: Literal["none", "bearer", "basic", "smart-backend"] = "none"
    token: str = ""
    username: str = ""
    password: str = ""
    client_id: str = ""
    private_key: str = ""
    key_id: str = ""
    next_private_key: str = ""
    next_key_id: str = ""
    token_url: str = ""
    scopes: str = ""
    certificate: str = ""
    key: str = ""


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bulk exports: addresses beside the base at which the server's files may lie.

    The token goes to none of them but those of the base's own scheme, host and port.
    """

    also: tuple[str, ...] = ()


class Launch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people come from this EHR (SMART App Launch). `role` is theirs unless a claim says it."""

    client_id: str = ""
    client_secret: str = ""
    role: UserRole | None = None
    role_claim: str = ""
    roles: dict[str, UserRole] = {}


class Subscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which Subscriptions `concord subscribe` may create at a source; none without `criteria`.

    `criteria` are searches, "{patient}" in them stands for each patient who is read there; with
    `topic` (a canonical URL) they are its filters, and `content` is what notifications carry.
    `keep`: a running service creates, renews and ends them too; else it only looks.
    """

    criteria: tuple[str, ...] = ()
    topic: str = ""
    content: Literal["empty", "id-only", "full-resource"] = "id-only"
    days: int = 90
    heartbeat_s: int = 3600
    keep: bool = False


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one source is read by itself, patient by patient: every so many minutes, 0 never.

    `at_once` is how many patients of it are read at the same time. `notifications` refers to the
    secret with which the source's own notifications are taken, shown by it in `header`; `signed`:
    the header holds the HMAC-SHA256 of the body under the secret instead (Medplum's X-Signature).
    """

    every_min: float = 0
    at_once: int = 2
    notifications: str = ""
    header: str = "Authorization"
    signed: bool = False
    subscribe: Subscribe = Subscribe()


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One FHIR server. `write` lists the resource types that may be written: none by default.

    `coordinate` lists types ("CarePlan") of which resources of others may be added references to
    ours, where the person who signs chooses so; `coordinate_unguarded` allows it although the
    server does not say that it guards versions. `parties` is who is told what is written there:
    "system|value" of its organizations, and "source:Organization/ID" where a source holds them;
    the consents of patients name them so. `idempotency_header` is the header by which the server
    knows a POST that it has had already.
    `private_network`: its host name, though it looks public, leads into a private network.
    """

    base_url: str = ""
    role: Role | None = None
    vendor: str = "auto"
    write: tuple[str, ...] = ()
    coordinate: tuple[Literal["CarePlan"], ...] = ()
    coordinate_unguarded: bool = False
    parties: tuple[str, ...] = ()
    idempotency_header: str = ""
    private_network: bool = False
    auth: Auth = Auth()
    bulk: Bulk = Bulk()
    launch: Launch = Launch()
    sync: Sync = Sync()


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds of reading: seconds for one source, megabytes (inflated) for one page, hours.

    After `full_after_h` everything is read and compared, not changes alone; `overlap_min` is how
    far before the last reading changes are asked for, for servers that show them late.
    """

    deadline_s: float = 20
    page_cap_mb: float = 32
    stale_after_h: float = 24
    full_after_h: float = 24
    overlap_min: float = 5


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where people sign in. `roles` leads from a value of `role_claim` to one of our roles.

    `role_claim` may lead inwards ("realm_access.roles"). With `require_amr` a sign-in needs one of
    these methods (RFC 8176), for example `mfa`.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    scopes: str = "openid profile"
    role_claim: str = "roles"
    roles: dict[str, UserRole] = {}
    organization_claim: str = "organization"
    require_amr: tuple[str, ...] = ()


class Access(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`only_related`: roles that see only patients whom they have to do with; none by default."""

    only_related: tuple[UserRole, ...] = ()


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where `concord serve` listens, and what stands before it.

    `metrics_token` refers to the bearer token with which `/metrics` may be read from elsewhere.
    `locales` is a folder of the site's own catalogues, one file for each language.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    oidc: Oidc = Oidc()
    access: Access = Access()
    metrics_token: str = ""
    locales: str = ""


class Measures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Quality measures. With `cpt_licensed` a reconciliation after discharge also carries CPT II
    1111F; only where the site holds a licence of the American Medical Association."""

    cpt_licensed: bool = False


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration. `mappings` replaces the folder that comes with Concord.

    `drug_table` is where `concord import-rxnorm` puts a release; used as soon as it is there.
    """

    store: Store = Store()
    sources: dict[str, Source] = {}
    read: Read = Read()
    web: Web = Web()
    measures: Measures = Measures()
    mappings: str = ""
    drug_table: str = "concord-rxnorm"


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of `file` (else `concord.toml` here, else defaults), the environment on top.

    Raises: SettingsError naming the key and what would be right.
    """
    tree: dict[str, Any] = {}
    chosen = file or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    if chosen is not None:
        try:
            tree = tomllib.loads(chosen.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SettingsError(f"{chosen}: no such file; name an existing one.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{chosen}: cannot be read ({type(error).__name__}).") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{chosen}: is no valid TOML: {error}.") from None
    where = str(chosen) if chosen else "environment"
    for name, value in sorted(environment.items()):
        _overlay(tree, name, value)
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}. Correct this key.") from None
    _check(settings, where)
    return settings


def _overlay(tree: dict[str, Any], name: str, value: str) -> None:
    """Puts one environment variable into the tree; names without `__` are not ours to read."""
    if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
        return
    path = [part.lower() for part in name.removeprefix(ENVIRONMENT_PREFIX).split("__")]
    if path[0] == "sources" and len(path) > 1:
        path[1] = path[1].replace("_", "-")
    node = tree
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise SettingsError(f"environment: {name}: `{part}` is a value, not a table.")
    node[path[-1]] = value.split(",") if path[-1] in LISTS else value


def _check(settings: Settings, where: str) -> None:
    for name, source in settings.sources.items():
        if not name or name != name.strip().lower() or not name.replace("-", "").isalnum():
            raise SettingsError(
                f"{where}: sources.{name}: a name is lower-case letters, digits and hyphens."
            )
        for key in ("token", "password", "private_key", "next_private_key", "certificate", "key"):
            reference = getattr(source.auth, key)
            if reference and not reference.startswith(("file:", "env:")):
                raise SettingsError(
                    f"{where}: sources.{name}.auth.{key}: secrets are references, "
                    "`file:PATH` or `env:NAME`, never the secret itself."
                )
        _check_reference(where, f"sources.{name}.launch.client_secret", source.launch.client_secret)
        _check_reference(where, f"sources.{name}.sync.notifications", source.sync.notifications)
        if source.sync.every_min < 0 or source.sync.at_once < 1:
            raise SettingsError(
                f"{where}: sources.{name}.sync: every_min is 0 or more, at_once 1 or more."
            )
        subscribe = source.sync.subscribe
        if subscribe.criteria and not (source.sync.notifications and settings.web.public_url):
            raise SettingsError(
                f"{where}: sources.{name}.sync.subscribe: notifications (a secret) and "
                "web.public_url (where they come to) are needed with it."
            )
        if subscribe.days < 1 or subscribe.heartbeat_s < 0:
            raise SettingsError(
                f"{where}: sources.{name}.sync.subscribe: days is 1 or more, heartbeat_s 0 or more."
            )
    web = settings.web
    _check_reference(where, "web.oidc.client_secret", web.oidc.client_secret)
    _check_reference(where, "web.metrics_token", web.metrics_token)
    launches = any(source.launch.client_id for source in settings.sources.values())
    if (web.oidc.issuer or launches) and not web.public_url:
        raise SettingsError(
            f"{where}: web.public_url: signing in elsewhere needs the address to come back to."
        )
    if bool(web.oidc.issuer) != bool(web.oidc.client_id):
        raise SettingsError(f"{where}: web.oidc: issuer and client_id are given together.")
    if settings.store.key and not settings.store.key.startswith(("file:", "env:")):
        raise SettingsError(
            f"{where}: store.key: secrets are references, `file:PATH` or `env:NAME`."
        )
    if settings.read.deadline_s <= 0 or settings.read.page_cap_mb <= 0:
        raise SettingsError(f"{where}: read: deadline_s and page_cap_mb are above 0.")
    if min(settings.read.full_after_h, settings.read.stale_after_h) <= 0:
        raise SettingsError(f"{where}: read: full_after_h and stale_after_h are above 0.")
    if settings.read.overlap_min < 0:
        raise SettingsError(f"{where}: read: overlap_min is 0 or more.")


def _check_reference(where: str, key: str, value: str) -> None:
    if value and not value.startswith(("file:", "env:")):
        raise SettingsError(
            f"{where}: {key}: secrets are references, `file:PATH` or `env:NAME`, "
            "never the secret itself."
        )


def role_of(name: str, settings: Settings) -> Role:
    """The configured role, else the one that the name itself tells, else `other`."""
    source = settings.sources.get(name)
    if source and source.role:
        return source.role
    return Role(name) if name in NAMED_ROLES else Role.OTHER


def secret(reference: str, environment: Mapping[str, str]) -> str:
    """The secret behind `file:PATH` or `env:NAME`.

    Raises: SettingsError when it is missing, empty, or a key file that others may read.
    """
    kind, _, where = reference.partition(":")
    if kind == "env":
        value = environment.get(where, "")
        if not value:
            raise SettingsError(f"env:{where}: this environment variable is empty; set it.")
        return value
    path = Path(where)
    try:
        mode = path.stat().st_mode
        value = path.read_text(encoding="utf-8").strip()
    except OSError:
        raise SettingsError(f"file:{where}: cannot be read; check path and owner.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"file:{where}: others may read it; run `chmod 600` on it.")
    if not value:
        raise SettingsError(f"file:{where}: is empty.")
    return value
