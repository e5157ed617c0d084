"""Write docs/reliability.md's table from the tests that prove its rows: `python docs/faults.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"
AREAS = {
    "kill": "The program is killed",
    "disk": "Disk and files",
    "workspace": "Git in the workspace",
    "remote": "Git on the remote",
    "artifact": "Artifacts",
    "agent": "The agent's processes",
    "runner": "The runner",
    "run": "Other runs",
}
BEGIN, END = "<!-- faults: docs/faults.py writes what is between these marks -->", "<!-- /faults -->"


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One fault and the test that proves what becomes of it."""

    area: str
    fault: str
    becomes: str
    proof: str


def rows(tests: Path = ROOT / "tests") -> list[Row]:
    """Every `@pytest.mark.fault(area, fault, becomes)` of the tests, in the order of the areas."""
    found = [row for path in sorted(tests.rglob("test_*.py")) for row in _rows(path)]
    return sorted(found, key=lambda row: (list(AREAS).index(row.area), row.fault.lower()))


def _rows(path: Path) -> Iterator[Row]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    area, fault, becomes = (ast.literal_eval(word) for word in mark.args)
                    yield Row(area, fault, becomes, f"{path.relative_to(ROOT)}::{node.name}")


def table() -> str:
    """The tables as Markdown, one an area."""
    lines: list[str] = []
    every = rows()
    for area, title in AREAS.items():
        if mine := [row for row in every if row.area == area]:
            lines += [f"### {title}", "", "| fault | what becomes of it | proof |", "| --- | --- | --- |"]
            lines += [f"| {_cell(row.fault)} | {_cell(row.becomes)} | {_link(row.proof)} |" for row in mine]
            lines.append("")
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with its tables as the tests have them now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(proof: str) -> str:
    path, name = proof.split("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path})"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"wrote {PAGE.relative_to(ROOT)}: {len(rows())} faults")
