"""Cursor's CLI: `cursor-agent -p --output-format stream-json --force`, the prompt as a word of the command line.

Read in its documentation, not run here: Claude's messages without what was used; when something goes wrong there is no
result, and the error is on the standard error.
"""

from __future__ import annotations

from collections.abc import Callable

from ralph_action.agents.adapter import Adapter, Options, Traits, prompt_word
from ralph_action.agents.messages import MessageStream
from ralph_action.ports import Call


class Cursor(Adapter):
    """The adapter of Cursor's CLI."""

    TRAITS = Traits(
        name="cursor",
        executable="cursor-agent",
        keys=("CURSOR_API_KEY",),
        resumes=True,
        needs={"--output-format": "", "--force": ""},
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        words = [options.executable, "-p", "--output-format", "stream-json", "--force"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args, prompt_word(call)]

    def stdin(self, call: Call) -> bytes:
        del call
        return b""

    def stream(self, show: Callable[[str], None]) -> MessageStream:
        return MessageStream(show)


ADAPTER = Cursor()
