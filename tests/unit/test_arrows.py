"""Which module may import which (the layout's arrows), read from the sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "ralph_action"
MODULES = sorted(ROOT.rglob("*.py"))
EDGES = ("agents", "checkpoint", "github", "report", "resume")
LEAVES = {"ports", "state", "outcome", "errors"}
"""What an edge may import besides itself."""
ALSO: dict[str, dict[str, str]] = {
    "agents": {
        "children": "who started a process waits for it",
        "identity": "a child runs as the agent's user",
        "clock": "says how long an installation took",
    },
    "checkpoint": {
        "children": "who started a process waits for it",
        "identity": "git runs as the agent's user",
        "durable": "names the durable operations for the crash tests",
        "disk": "knows a full disk when it meets one",
        "documents": "the records as they are written",
        "retry": "a push that failed for now",
    },
    "github": {"durable": "names the durable operations for the crash tests"},
    "report": {
        "documents": "the `json` output is the state's document",
        "reaction": "what a person can do about an ending",
    },
    "resume": {"checkpoint": "reads what it wrote, and puts its commit into the work tree"},
}
"""Edge → what else it may import, and why."""
PURE = {"state", "outcome", "policy", "reaction", "briefing", "documents", "lease"}
PURE_LIBRARY = {"__future__", "collections", "dataclasses", "datetime", "decimal", "enum", "math", "typing"}
BELOW_THE_WIRING = LEAVES | PURE | {"children", "clock", "disk", "durable", "identity"}
BELOW_THE_WIRING |= {"inputs", "lock", "parsers", "retry"}
DOORS = {
    "git": {"checkpoint/git.py"},
    "requests": {"github/client.py"},
    "urllib3": {"github/client.py"},
    "tenacity": {"github/client.py", "retry.py"},
    "yaml": {"settings.py"},
}
"""Everything from outside the standard library, and who imports it."""
STARTED = {"main", "cli", "commands", "run", "post", "demo", "github.runner"}
"""What every start loads, or one of the commands."""
CLOCKS = {
    "clock.py": "the clock",
    "lock.py": "waits for another process",
    "github/client.py": "waits for a server, and reads its clock's `x-ratelimit-reset`",
    "github/results.py": "asks for an expiry date",
    "agents/process.py": "waits for a child",
    "agents/descendants.py": "waits for processes to end",
    "agents/demo_script.py": "a program of its own",
    "demo.py": "plays a person who waits",
    "checkpoint/agent_dir.py": "names files by the second",
    "resume/restore.py": "names a parked ref by the moment",
}
"""Who may look at the clock or sleep, and why."""
TIME = {"time.time", "time.monotonic", "time.perf_counter", "time.sleep", "time.time_ns", "time.monotonic_ns"}
NOW = {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"}
ENVIRON = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """`agents/process.py` → `agents.process`, `agents/__init__.py` → `agents`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__").removesuffix("__init__")


NAMES = {module_of(path): path for path in MODULES}


def statements(node: ast.AST, *, top_level: bool) -> Iterator[ast.AST]:
    """The nodes of a module; only those that run when it is imported, if asked so."""
    for child in ast.iter_child_nodes(node):
        is_later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        is_for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if not (top_level and (is_later or is_for_types)):
            yield child
            yield from statements(child, top_level=top_level)


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    """The full names of the modules that are imported; `from ralph_action import loop` is one of `loop`."""
    for node in statements(ast.parse(path.read_text()), top_level=top_level):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name.removeprefix("ralph_action.") in NAMES else str(node.module) for name in names)


def ours(path: Path, *, top_level: bool = False) -> set[str]:
    found = (name.partition(".") for name in imports(path, top_level=top_level))
    return {rest for first, _, rest in found if first == "ralph_action" and rest}


def first(names: set[str]) -> set[str]:
    """The packages, and the modules outside of any."""
    return {name.partition(".")[0] for name in names}


def outside(path: Path, *, top_level: bool = False) -> set[str]:
    return first(set(imports(path, top_level=top_level))) - {"ralph_action"}


def uses(path: Path) -> set[str]:
    """Every dotted name that is used, under the name that its module was imported from."""
    tree = ast.parse(path.read_text())
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)]
    return {known.get(name.partition(".")[0], "") + "".join(name.partition(".")[1:]) for name in found}


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_pure_ones(name: str) -> None:
    """State and policy know one another and a library that reads nothing from outside."""
    path = ROOT / f"{name}.py"
    assert ours(path) <= PURE | {"errors"}
    assert outside(path) <= PURE_LIBRARY


@pytest.mark.parametrize("edge", EDGES)
def test_the_edges_know_ports_state_and_errors(edge: str) -> None:
    """Never the wiring, nor one another; what else they import is told with its reason, and nothing beyond."""
    others = {name for path in (ROOT / edge).rglob("*.py") for name in first(ours(path))} - {edge}
    assert others - LEAVES == set(ALSO[edge])


def test_what_lies_below_the_wiring_does_not_know_it() -> None:
    for name in sorted(BELOW_THE_WIRING):
        assert first(ours(NAMES[name])) <= BELOW_THE_WIRING, name


def test_main_loop_ports() -> None:
    """The loop speaks to ports alone; nobody but the wiring of a run knows it, and nobody knows main."""
    assert ours(NAMES["loop"]) <= {"outcome", "policy", "ports", "reaction", "state"}
    assert [name_of(path) for path in MODULES if "loop" in ours(path)] == ["run.py"]
    assert [name_of(path) for path in MODULES if "main" in ours(path)] == ["__main__.py"]
    assert [name_of(path) for path in MODULES if "fakes" in ours(path)] == []


def test_there_is_no_way_back() -> None:
    """No module imports itself over others, not even later."""
    left = {name: ours(path) & NAMES.keys() for name, path in NAMES.items()}
    while ends := [
        name for name in left if not left[name] & left.keys() or not any(name in of for of in left.values())
    ]:
        for name in ends:
            del left[name]
    assert sorted(left) == []


def test_one_door_for_each_library() -> None:
    """A new library needs a reason; a known one has its module."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for library in outside(path) - set(sys.stdlib_module_names):
            found.setdefault(library, set()).add(name_of(path))
    assert found == DOORS


def test_heavy_imports_are_deferred() -> None:
    """Nobody pays for a library at the start: not for those from outside, and not for zip."""
    loaded, more = set[str](), set(STARTED)
    while more:
        loaded |= more
        parents = {name.rpartition(".")[0] for name in loaded} - {""}
        more = (parents | {name for item in loaded for name in ours(NAMES[item], top_level=True)}) - loaded
    assert "checkpoint.git" in loaded
    heavy = {name: outside(NAMES[name], top_level=True) & (DOORS.keys() | {"zipfile"}) for name in sorted(loaded)}
    assert {name: found for name, found in heavy.items() if found} == {}


def test_only_main_reads_the_environment() -> None:
    assert [name_of(path) for path in MODULES if ENVIRON & uses(path)] == ["main.py"]


def test_the_clock_has_few_readers() -> None:
    """Each with a reason; one that needs it no more is taken off the list."""
    assert {name_of(path) for path in MODULES if (TIME | NOW) & uses(path)} == set(CLOCKS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 260
