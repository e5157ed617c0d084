"""Qwen Code: `qwen --output-format stream-json --yolo`, the prompt on its standard input.

Facts of the CLI, seen with 0.15.10: Claude's messages, without a price; an error of the service is told as a success
whose text is `[API Error: …]`, with exit code 0. The cached tokens are among the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Adapter, Failure, Options, Traits, text_of
from ralph_action.agents.figures import overlapping
from ralph_action.agents.messages import MessageStream
from ralph_action.agents.trouble import kind_of
from ralph_action.ports import Call

ERROR = "[API Error:"


class QwenStream(MessageStream):
    """Claude's messages, but for errors."""

    def say(self, text: str) -> None:
        if not text.startswith(ERROR):
            super().say(text)

    def take(self, event: dict[str, Any]) -> None:
        super().take(event)
        if event.get("type") != "result":
            return
        self.usage = overlapping(event.get("usage"), "input_tokens", "cache_read_input_tokens", "output_tokens")
        said = text_of(event, "result")
        if said.startswith(ERROR):
            self.failure = Failure(text=said, kind=kind_of(said))


class Qwen(Adapter):
    """The adapter of Qwen Code."""

    TRAITS = Traits(
        name="qwen",
        executable="qwen",
        package="npm:@qwen-code/qwen-code",
        version="0.15.10",
        keys=("OPENAI_API_KEY", "DASHSCOPE_API_KEY"),
        passes=("OPENAI_BASE_URL", "OPENAI_MODEL"),
        reports_tokens=True,
        resumes=True,
        needs={"--output-format": "", "--yolo": "", "--auth-type": "the login that its settings hold"},
        seen="0.15.10",
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        words = [options.executable, "--output-format", "stream-json", "--yolo"]
        if "--auth-type" not in options.lacks and call.environment.get("OPENAI_API_KEY"):
            words += ["--auth-type", "openai"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args]

    def stream(self, show: Callable[[str], None]) -> QwenStream:
        return QwenStream(show)


ADAPTER = Qwen()
