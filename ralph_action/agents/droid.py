"""Factory's Droid: `droid exec --output-format json --skip-permissions-unsafe`, the prompt on its standard input.

Read in its documentation, not run here: one JSON result at the end, as Claude's; it reports neither tokens nor a price.
"""

from __future__ import annotations

from collections.abc import Callable

from ralph_action.agents.adapter import Adapter, Options, Traits
from ralph_action.agents.messages import MessageStream
from ralph_action.ports import Call


class Droid(Adapter):
    """The adapter of Droid."""

    TRAITS = Traits(
        name="droid",
        executable="droid",
        keys=("FACTORY_API_KEY",),
        is_streaming=False,
        resumes=True,
        help_words=("exec",),
        needs={"--output-format": "", "--skip-permissions-unsafe": ""},
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        words = [options.executable, "exec", "--output-format", "json", "--skip-permissions-unsafe"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args]

    def stream(self, show: Callable[[str], None]) -> MessageStream:
        return MessageStream(show)


ADAPTER = Droid()
