"""GitHub Copilot CLI: `copilot -p … --allow-all --output-format json`.

Facts of the CLI, seen with 1.0.102: the prompt is a word of the command line; `user.message` repeats it; messages come
whole and in pieces, so that the pieces are passed over; it reports premium requests, neither tokens nor a price; the
program that npm installs is a wrapper, whose child outlives it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Adapter, Failure, Options, Stream, Traits, prompt_word, text_of
from ralph_action.agents.figures import count_of
from ralph_action.agents.trouble import kind_of
from ralph_action.ports import Call, unseen


class CopilotStream(Stream):
    """Turns with messages and tools, and a closing result."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show, ends_with="its result")

    def take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "assistant.message" and not text_of(event, "data", "parentToolCallId"):
            self.model = text_of(event, "data", "model") or self.model
            if said := text_of(event, "data", "content"):
                self.words.say(said)
        elif kind == "tool.execution_start":
            self.show(f"→ {text_of(event, 'data', 'toolName')}")
        elif kind == "session.error":
            said, status = text_of(event, "data", "message"), count_of(event, "data", "statusCode")
            self.failure = Failure(text=said or "error", kind=kind_of(said, status))
        elif kind == "result":
            self.is_over = True
            self.session_id = text_of(event, "sessionId")
            if count_of(event, "exitCode") == 0:
                self.failure = None
            elif self.failure is not None and self.failure.text.startswith("it ended"):
                self.failure = Failure(text=f"exit code {event.get('exitCode')}")


class Copilot(Adapter):
    """The adapter of GitHub Copilot CLI."""

    TRAITS = Traits(
        name="copilot",
        executable="copilot",
        package="npm:@github/copilot",
        version="1.0.102",
        keys=("COPILOT_GITHUB_TOKEN", "COPILOT_PROVIDER_API_KEY"),
        passes=("COPILOT_MODEL", "COPILOT_PROVIDER_BASE_URL", "COPILOT_PROVIDER_TYPE", "COPILOT_OFFLINE"),
        resumes=True,
        needs={"--allow-all": "", "--output-format": "", "--no-auto-update": "nothing", "--no-ask-user": "nothing"},
        seen="1.0.102",
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        words = [options.executable, "-p", prompt_word(call), "--allow-all", "--output-format", "json"]
        words += [flag for flag in ("--no-auto-update", "--no-ask-user") if flag not in options.lacks]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args]

    def stdin(self, call: Call) -> bytes:
        del call
        return b""

    def stream(self, show: Callable[[str], None]) -> CopilotStream:
        return CopilotStream(show)


ADAPTER = Copilot()
