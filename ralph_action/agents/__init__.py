"""One module an agent, and the runner of child processes."""

from __future__ import annotations

from collections.abc import Sequence

from ralph_action.ports import Agent

NAMES = ("claude", "command", "demo")
"""The words that the `agent` input takes."""


def make(name: str, *, executable: str = "", model: str = "", args: Sequence[str] = (), command: str = "") -> Agent:
    """Make the adapter that `name` means; its module is imported only now."""
    if name == "claude":
        from ralph_action.agents.claude import Claude

        return Claude(executable, model=model, args=args)
    if name == "command":
        from ralph_action.agents.command import Command

        return Command(command)
    from ralph_action.agents.demo import Demo

    return Demo()
