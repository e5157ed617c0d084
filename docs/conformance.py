"""Write docs/agents.md's tables from the suites that prove them: `python docs/conformance.py`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ralph_action import agents  # noqa: E402  after our own folder is on the path
from ralph_action.agents import adapter_of  # noqa: E402
from tests.contract.agents import NAMES  # noqa: E402
from tests.real.setups import SETUPS  # noqa: E402

PAGE = ROOT / "docs" / "agents.md"
PLAYS = {
    "edit": "edits a file, keeps its promise, is counted",
    "e401": "a refused key: `auth`, at once",
    "e402": "an empty account: `billing`, at once",
    "e404": "an unknown model: `bad-call`, at once",
    "e429": "a rate limit: checkpoint, wait or `paused`",
    "e503": "overload: waited for, no iteration used up",
    "drop": "the connection is closed: waited for",
    "down": "nobody listens: waited for",
    "hang": "no answer: ended, its work kept",
    "midstream": "half an answer, then silence: ended",
    "after": "it hangs after its result: done",
    "garbage": "half an answer, then garbage: never done",
}
"""What the scripted endpoint plays, and what must come of it."""


class Notes:
    """Reasons, numbered as they come; the same reason has one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        return f"- [{self._numbers.setdefault(reason, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        return [f"{number}. {reason}" for reason, number in self._numbers.items()]


def table(rows: dict[str, str], without: dict[str, dict[str, str]]) -> str:
    """A row for each of `rows`, a column for each agent of `without`; the last row counts."""
    notes = Notes()
    lines = [f"| | {' | '.join(without)} |", "| --- " * (len(without) + 1) + "|"]
    for name, text in rows.items():
        cells = [notes.mark(said[name]) if name in said else "✓" for said in without.values()]
        lines.append(f"| {text} | {' | '.join(cells)} |")
    counts = [f"**{len(rows) - len(rows.keys() & said.keys())}**" for said in without.values()]
    lines.append(f"| **of {len(rows)}** | {' | '.join(counts)} |")
    return "\n".join([*lines, "", *notes.lines()])


def scenarios() -> str:
    """The adapters and the scenarios of the contract suite."""
    told = {f"`{name}`": dict(import_module(f"tests.contract.agents.{name}").WITHOUT) for name in agents.NAMES}
    return table({name: name for name in NAMES}, told)


def plays() -> str:
    """The real CLIs and the plays of the scripted endpoint."""
    seen = [name for name in agents.NAMES if name in SETUPS]
    return table(PLAYS, {f"`{name}` {adapter_of(name).TRAITS.seen}": SETUPS[name].without for name in seen})


def page(text: str) -> str:
    """The page with its tables as the suites have them now."""
    for name, made in (("scenarios", scenarios()), ("plays", plays())):
        begin, end = f"<!-- {name}: docs/conformance.py writes what is between these marks -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{made}\n\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"wrote {PAGE.relative_to(ROOT)}")
