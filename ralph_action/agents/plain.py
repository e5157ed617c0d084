"""Pure: the reading of a CLI that prints plain text and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from ralph_action.agents.adapter import Failure, Words
from ralph_action.outcome import Usage
from ralph_action.ports import unseen


class PlainStream:
    """Every line is the agent's; what it used is unknown, and its exit code tells how it ended."""

    session_id = ""
    is_over = False
    model = ""
    denied: tuple[str, ...] = ()

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        self._words = Words(show)

    def feed(self, line: bytes) -> None:
        self._words.say(line.decode("utf-8", errors="replace"))

    @property
    def text(self) -> str:
        return str(self._words)

    @property
    def usage(self) -> Usage:
        return Usage()

    @property
    def failure(self) -> Failure | None:
        return None
