"""Any shell command as the agent: the prompt on stdin and in RALPH_PROMPT_FILE."""

from __future__ import annotations

from collections.abc import Callable

from ralph_action.agents.adapter import Adapter, Options, Traits
from ralph_action.agents.plain import PlainStream
from ralph_action.ports import Call


class Command(Adapter):
    """Its exit code and its output are the outcome; what it used is unknown."""

    TRAITS = Traits(name="command", executable="bash", exits_honestly=True, is_streaming=False)

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        return ["/bin/bash", "-c", options.command]

    def environment(self, options: Options, call: Call) -> dict[str, str]:
        del options
        return {"RALPH_PROMPT_FILE": str(call.prompt_file), "RALPH_ITERATION": str(call.iteration)}

    def stream(self, show: Callable[[str], None]) -> PlainStream:
        return PlainStream(show)


ADAPTER = Command()
