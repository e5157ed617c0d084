"""Kiro's CLI: `kiro-cli chat --no-interactive --trust-all-tools`, the prompt as a word of the command line.

Read in its documentation, not run here: plain text, tools and all, so that a promise may be a tool's output; what it
used is not told, nor when a limit is over. Amazon Q's CLI, which it follows, is `agent: q`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ralph_action.agents.adapter import Adapter, Options, Traits, prompt_word
from ralph_action.agents.plain import PlainStream
from ralph_action.ports import Call

COLOUR = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
ANSWER = b"> "
"""How a line of the agent's own begins."""


class KiroStream(PlainStream):
    """Text without its colours."""

    def feed(self, line: bytes) -> None:
        super().feed(COLOUR.sub(b"", line).removeprefix(ANSWER))


class Kiro(Adapter):
    """The adapter of Kiro's CLI; Amazon Q's takes the same words."""

    TRAITS = Traits(
        name="kiro",
        executable="kiro-cli",
        keys=("KIRO_API_KEY",),
        exits_honestly=True,
        explains_itself=True,
        help_words=("chat",),
        needs={"--no-interactive": "", "--trust-all-tools": ""},
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        words = [options.executable, "chat", "--no-interactive", "--trust-all-tools"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args, prompt_word(call)]

    def stdin(self, call: Call) -> bytes:
        del call
        return b""

    def stream(self, show: Callable[[str], None]) -> KiroStream:
        return KiroStream(show)


ADAPTER = Kiro()
