"""The arrow read -> normalize -> link -> reconcile -> assess -> review -> write stays one way.

Reads the imports of every module as syntax, so that a test and not a reviewer notices a stage that
reaches for the world or for a later stage.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "service"
PURE = ("model", "normalize", "link", "reconcile", "assess", "review", "report", "prints")
MAY_IMPORT = {
    "model": {"model"},
    "fhir": {"fhir", "model", "errors"},
    "read": {"read", "fhir", "model", "errors", "settings", "log"},
    "normalize": {"normalize", "model", "errors", "fhir.release"},
    "link": {"link", "model", "errors"},
    "reconcile": {"reconcile", "model", "errors"},
    "assess": {"assess", "model", "errors"},
    "review": {"review", "model", "errors"},
    "write": {"write", "model", "errors", "fhir.release"},
    "write/deliver": {"write", "model", "errors", "fhir", "log"},
    "report": {"report", "model", "errors", "write"},
    "prints": {"prints", "review", "model", "errors"},
    "store": {"store", "model", "errors"},
    "population": {
        "population", "fhir", "read", "normalize", "link", "pipeline", "report", "model", "errors",
    },
    "sandbox": {"sandbox", "errors", "log"},
}  # fmt: skip
ONLY_IN = {
    "httpx": {"fhir", "app.py"},
    "dbos": {"jobs.py"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "fhir.resources": {"fhir/release.py"},
    "jinja2": {"web"},
}
WORLD = {
    "time", "random", "os", "socket", "asyncio", "secrets", "uuid", "logging", "structlog",
    "subprocess", "httpx", "sqlalchemy",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if "_data" not in p.parts)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rule_for(path: Path) -> set[str] | None:
    where = place(path)
    rooms = [room for room in MAY_IMPORT if where == room or where.startswith(room + "/")]
    return MAY_IMPORT[max(rooms, key=len)] if rooms else None


def within(module: str, allowed: set[str]) -> bool:
    name = module.removeprefix("service.")
    return any(name == room or name.startswith(room + ".") for room in allowed)


@pytest.mark.parametrize("path", modules(), ids=place)
def test_a_stage_imports_only_the_rooms_it_may(path: Path) -> None:
    allowed = rule_for(path)
    if allowed is None:
        return
    ours = {m for m in imports(path) if m.startswith("service.")}
    assert {m for m in ours if not within(m, allowed)} == set()


@pytest.mark.parametrize("path", modules(), ids=place)
def test_a_library_of_the_edge_is_imported_in_its_own_room_only(path: Path) -> None:
    found = imports(path)
    for library, rooms in ONLY_IN.items():
        uses = {m for m in found if m == library or m.startswith(library + ".")}
        at_home = any(place(path) == room or place(path).startswith(room + "/") for room in rooms)
        assert not uses or at_home, f"{place(path)} imports {library}"


@pytest.mark.parametrize("path", modules(), ids=place)
def test_a_pure_stage_never_touches_the_world(path: Path) -> None:
    if place(path).split("/")[0] not in PURE:
        return
    assert {m.split(".")[0] for m in imports(path)} & WORLD == set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    waits = [n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef | ast.Await)]
    assert waits == []
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert names & {"today", "now", "utcnow", "environ"} == set()


def test_every_room_of_the_rules_exists() -> None:
    for where in MAY_IMPORT:
        assert (ROOT / where).exists(), where
