"""Write action.yml's and the README's tables from the one table of inputs: `python docs/tables.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ralph_action.agents import NAMES, adapter_of  # noqa: E402  after our own folder is on the path
from ralph_action.agents.adapter import Traits  # noqa: E402
from ralph_action.inputs import INPUTS, OUTPUTS  # noqa: E402

UNATTENDED = frozenset(
    {
        "--dangerously-skip-permissions",
        "--dangerously-bypass-approvals-and-sandbox",
        "--yolo",
        "--allow-all",
        "--trust-all-tools",
        "--dangerously-allow-all",
        "--force",
        "--skip-permissions-unsafe",
        "--yes-always",
    }
)
"""The flags by which a CLI asks nobody."""

HEAD = """---
name: "Ralph Loop: resumable AI agent"
description: Put a coding agent in a loop and never lose its work; a rerun goes on where it stood.
author: ralph-action contributors
branding:
  icon: repeat
  color: orange
"""
TAIL = """runs:
  using: docker
  image: Dockerfile
  post-entrypoint: /opt/ralph-action/post
"""


def action() -> str:
    """The whole of action.yml."""
    lines = [HEAD + "inputs:"]
    for row in INPUTS:
        # A default here would reach us as if the user had written it, and win over ralph.yml.
        said = f"{row.help} Default: {row.default}." if row.default else row.help
        lines += [f"  {row.name}:", f"    description: {quoted(said)}", "    required: false"]
        lines.append(f"    default: {quoted(row.action_default)}")
    lines.append("outputs:")
    for name, text in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: {quoted(text)}"]
    return "\n".join(lines) + "\n" + TAIL


def quoted(text: str) -> str:
    """A YAML string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def inputs_table() -> str:
    """The README's table of inputs."""
    lines = ["| input | default | what it is |", "| --- | --- | --- |"]
    for row in INPUTS:
        default = row.action_default or row.default
        lines.append(f"| `{row.name}` | {f'`{default}`' if default else ''} | {row.help.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def outputs_table() -> str:
    """The README's table of outputs."""
    return "\n".join(["| output | what it is |", "| --- | --- |", *(f"| `{n}` | {t} |" for n, t in OUTPUTS.items())])


def between(text: str, mark: str, table: str) -> str:
    """`text` with the table between two marks."""
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, rest = text.split(start, 1)
    return f"{before}{start}\n{table}\n{end}{rest.split(end, 1)[1]}"


def agents_table() -> str:
    """The README's table of agents, from what their adapters know of them."""
    head = ["| `agent` | unattended | tokens | cost | reset of a limit | session | seen running |", "| --- " * 7 + "|"]
    return "\n".join([*head, *(agent_row(adapter_of(name).TRAITS) for name in NAMES)])


def agent_row(traits: Traits) -> str:
    """One agent: what it reports, and whether it was seen doing so."""
    cost = "reported" if traits.reports_cost else "estimated" if traits.reports_tokens else "unknown"
    seen = traits.seen or ("needs nothing" if not traits.keys and not traits.needs else "not run here")
    unattended = ", ".join(f"`{flag}`" for flag in traits.needs if flag in UNATTENDED) or "as it is"
    cells = (unattended, said(is_so=traits.reports_tokens), cost, said(is_so=traits.reports_reset))
    return f"| `{traits.name}` | {' | '.join(cells)} | {said(is_so=traits.resumes)} | {seen} |"


def said(*, is_so: bool) -> str:
    """A cell."""
    return "yes" if is_so else "no"


def readme(text: str) -> str:
    """The README with its tables as they are now."""
    for name, table in (("inputs", inputs_table()), ("outputs", outputs_table()), ("agents", agents_table())):
        text = between(text, name, table)
    return text


if __name__ == "__main__":
    (ROOT / "action.yml").write_text(action())
    (ROOT / "README.md").write_text(readme((ROOT / "README.md").read_text()))
