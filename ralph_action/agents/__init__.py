"""One module an agent, and the runner of child processes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ralph_action.agents.adapter import Adapter

NAMES = (
    "claude",
    "codex",
    "gemini",
    "opencode",
    "copilot",
    "qwen",
    "kiro",
    "q",
    "amp",
    "cursor",
    "droid",
    "aider",
    "acp",
    "command",
    "demo",
)
"""The words that the `agent` input takes; each is a module here."""
AUTO = ("claude", "codex", "gemini", "copilot", "cursor", "amp", "droid", "opencode", "qwen", "aider")
"""The order in which `auto` looks for one that is installed and has its key."""


def adapter_of(name: str) -> Adapter:
    """The adapter that a word of NAMES means; its module is imported only now."""
    found: Adapter = import_module(f"ralph_action.agents.{name}").ADAPTER
    return found
