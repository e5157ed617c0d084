"""Amp: `amp --execute --stream-json --dangerously-allow-all`, the prompt on its standard input.

Read in its documentation, not run here, as its service is its own: Claude's messages, each with its tokens, without a
price.
"""

from __future__ import annotations

from collections.abc import Callable

from ralph_action.agents.adapter import Adapter, Options, Traits
from ralph_action.agents.messages import MessageStream
from ralph_action.ports import Call


class Amp(Adapter):
    """The adapter of Amp."""

    TRAITS = Traits(
        name="amp",
        executable="amp",
        package="npm:@sourcegraph/amp",
        version="0.0.1790142911",
        keys=("AMP_API_KEY",),
        passes=("AMP_URL",),
        reports_tokens=True,
        resumes=True,
        needs={"--stream-json": "", "--dangerously-allow-all": "", "--execute": ""},
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        return [options.executable, "--execute", "--stream-json", "--dangerously-allow-all", *options.args]

    def stream(self, show: Callable[[str], None]) -> MessageStream:
        return MessageStream(show)


ADAPTER = Amp()
