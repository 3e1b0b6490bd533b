"""mappings/sources/*.toml as the vendor profiles that read uses; `mappings/sources/README.md` shows
the grammar.
"""

from __future__ import annotations

from pathlib import Path

from service.errors import MappingError
from service.mappings import toml
from service.read.profile import Quirk, SourceProfile, SourceProfiles, Window
from service.read.pull import RESOURCE_TYPES

FOLDER = "sources"
_KEYS = frozenset({"name", "title", "recognise", "quirk"})
_QUIRK_KEYS = frozenset(
    {
        "type",
        "reason",
        "source",
        "query",
        "each",
        "may_refuse",
        "verified",
        "window",
        "include",
        "count",
        "skip",
        "self_link",
        "since",
        "post_search",
        "ignore_outcomes",
        "withheld_outcomes",
        "transaction_limit",
    }
)


def load_sources(folder: Path) -> SourceProfiles:
    """Every vendor profile below `folder`/sources, by name.

    Raises: MappingError for an unknown key or type, a quirk without its reason or source, or a
        name that is not the file's.
    """
    files = sorted((folder / FOLDER).glob("*.toml"))
    profiles = [_profile(toml.load(folder, f"{FOLDER}/{file.name}"), file.stem) for file in files]
    return SourceProfiles({profile.name: profile for profile in profiles})


def _profile(entry: toml.Entry, stem: str) -> SourceProfile:
    _known(entry, _KEYS)
    if entry.text("name") != stem:
        raise entry.wrong("name", f"{stem!r}, as the file is called")
    return SourceProfile(
        name=stem,
        title=entry.text("title"),
        recognise=entry.texts("recognise"),
        quirks=tuple(_quirk(one) for one in entry.entries("quirk")),
    )


def _quirk(entry: toml.Entry) -> Quirk:
    _known(entry, _QUIRK_KEYS)
    kind = entry.text("type")
    if kind != "*" and kind not in RESOURCE_TYPES:
        raise entry.wrong("type", '"*" or a resource type that Concord reads')
    if not entry.text("reason").strip() or not entry.text("source").strip():
        raise entry.wrong("reason", "a reason, and the source that tells it")
    each = entry.words("each")
    if len(each) > 1:
        raise entry.wrong("each", "one parameter")
    return Quirk(
        type=kind,
        reason=entry.text("reason"),
        source=entry.text("source"),
        query=tuple(entry.words("query").items()),
        each=next(((name, tuple(values.split())) for name, values in each.items()), None),
        may_refuse=entry.texts("may_refuse"),
        verified=_flag(entry, "verified", True) is not False,
        window=_window(entry) if "window" in entry.values else None,
        include=_flag(entry, "include", None),
        count=_number(entry, "count", "a page size, or 0 to ask for none"),
        skip=_flag(entry, "skip", False) or False,
        self_link=_flag(entry, "self_link", True) is not False,
        since=_flag(entry, "since", True) is not False,
        post_search=_flag(entry, "post_search", True) is not False,
        ignore_outcomes=entry.texts("ignore_outcomes"),
        withheld_outcomes=entry.texts("withheld_outcomes"),
        transaction_limit=_number(entry, "transaction_limit", "how many entries it takes"),
    )


def _window(entry: toml.Entry) -> Window:
    inner = entry.inner("window")
    days = [inner.number(name) for name in ("past_days", "future_days")]
    return Window(inner.text("parameter"), int(days[0]), int(days[1]))


def _flag(entry: toml.Entry, name: str, default: bool | None) -> bool | None:
    value = entry.values.get(name, default)
    if value is not None and not isinstance(value, bool):
        raise entry.wrong(name, "true or false")
    return value


def _number(entry: toml.Entry, name: str, expected: str) -> int | None:
    value = entry.values.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise entry.wrong(name, expected)
    return value


def _known(entry: toml.Entry, keys: frozenset[str]) -> None:
    unknown = sorted(entry.values.keys() - keys)
    if unknown:
        where = f"{entry.key}.{unknown[0]}" if entry.key else unknown[0]
        raise MappingError(entry.file, where, f"one of {', '.join(sorted(keys))}")
