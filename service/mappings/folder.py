"""Where the mappings folder is, and the digest by which a report names the knowledge it used."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from service.errors import MappingError

_PACKAGED = Path(__file__).parent.parent / "_data"
_CHECKOUT = Path(__file__).parent.parent.parent


def mappings_folder(configured: str = "") -> Path:
    """The configured folder, else the one that came with Concord.

    Raises: MappingError when there is none.
    """
    folder = Path(configured) if configured else shipped("mappings")
    if not folder.is_dir():
        raise MappingError(folder.name, "folder", "there is no such folder")
    return folder


def shipped(name: str) -> Path:
    """A folder that comes with Concord: in the installed package, or beside it in a checkout."""
    packaged = _PACKAGED / name
    return packaged if packaged.is_dir() else _CHECKOUT / name


def digest(*folders: Path) -> str:
    """SHA-256 over every file's relative path and content, in the order of folders and paths."""
    total = sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = file.read_bytes()
            name = file.relative_to(folder).as_posix().encode()
            for part in (name, content):
                total.update(len(part).to_bytes(8, "big"))
                total.update(part)
    return total.hexdigest()
