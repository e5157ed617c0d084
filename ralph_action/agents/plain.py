"""Pure: the reading of a CLI that prints plain text and nothing else."""

from __future__ import annotations

from typing import Any

from ralph_action.agents.adapter import Stream


class PlainStream(Stream):
    """Every line is the agent's; what it used is unknown, and its exit code tells how it ended."""

    def feed(self, line: bytes) -> None:
        self.words.say(line.decode("utf-8", errors="replace"))

    def take(self, event: dict[str, Any]) -> None:
        """There are no events."""
