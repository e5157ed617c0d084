"""Which module may import which (the layout's arrows), read from the sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "ralph_action"
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")
PURE = {"state", "policy", "documents", "lease"}
TOP = {"main", "run", "post", "demo", "loop", "commands", "cli", "begin", "remote", "artifacts", "settings", "inputs"}
LOW = ("agents", "checkpoint", "resume", "github", "report")
HEAVY = {"git": "checkpoint/git.py", "requests": "github/client.py"}
CLOCKS = {
    "clock.py",
    "lock.py",
    "github/client.py",
    "agents/process.py",
    "agents/descendants.py",
    "agents/demo_script.py",
    "demo.py",
}
"""Who may look at the clock or sleep: the clock itself, and who waits for processes, locks and servers."""


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def ours(path: Path) -> set[str]:
    return {
        name.removeprefix("ralph_action.").partition(".")[0]
        for name in imports(path)
        if name.startswith("ralph_action.")
    }


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_pure_ones(name: str) -> None:
    """State and policy know the standard library and one another."""
    path = ROOT / f"{name}.py"
    assert ours(path) <= PURE | {"errors"}
    others = {item.partition(".")[0] for item in imports(path)} - {"ralph_action", "__future__"}
    assert others <= set(sys.stdlib_module_names)
    assert not others & {"os", "subprocess", "socket", "time", "pathlib"}


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path).startswith(LOW)], ids=name_of)
def test_the_edges_do_not_know_the_wiring(path: Path) -> None:
    assert not ours(path) & TOP


def test_the_loop_speaks_to_ports_alone() -> None:
    assert ours(ROOT / "loop.py") <= {"policy", "ports", "state"}


@pytest.mark.parametrize("library", sorted(HEAVY))
def test_one_door_for_each_library(library: str) -> None:
    users = [name_of(path) for path in MODULES if any(name.partition(".")[0] == library for name in imports(path))]
    assert users == [HEAVY[library]]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_imports_are_deferred(path: Path) -> None:
    """Nobody pays for a library at the start; the HTTP client is itself imported when it is needed."""
    heavy = {"git", "yaml", "tenacity", "zipfile"} | (set() if name_of(path) == HEAVY["requests"] else {"requests"})
    if name_of(path) not in {"checkpoint/archive.py", "github/client.py"}:
        assert not heavy & {name.partition(".")[0] for name in imports(path, top_level=True)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_environment_and_the_clock_have_one_reader(path: Path) -> None:
    used = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    if name_of(path) != "main.py":
        assert not used & {"os.environ", "os.getenv"}
    if name_of(path) not in CLOCKS:
        assert not used & {"time.time", "time.monotonic", "time.sleep"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 260
