"""Gemini CLI: `gemini --output-format stream-json --yolo`, the prompt on its standard input.

Facts of the CLI, seen with 0.61.0: the prompt comes back as a message of the role `user`; an untrusted folder needs
`--skip-trust`; without a model it asks a router first; on 429 and 5xx it tries again for minutes; its exit code is the
HTTP status modulo 256. The cached tokens are among the input, the thoughts in the total alone. It reports no price, but
the tokens of each model: a router's and a summary's are others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Adapter, Failure, Options, Stream, Traits, part, text_of
from ralph_action.agents.figures import overlapping
from ralph_action.agents.trouble import kind_of
from ralph_action.outcome import Usage
from ralph_action.ports import Call, unseen


class GeminiStream(Stream):
    """Messages in pieces, tools, and a closing result."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show, ends_with="its result")

    def take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message" and event.get("role") == "assistant":
            self.words.add(text_of(event, "content"))
            if event.get("delta") is not True:
                self.words.end()
            return
        self.words.end()
        if kind == "init":
            self.session_id, self.model = text_of(event, "session_id"), text_of(event, "model")
        elif kind == "tool_use":
            self.show(f"→ {text_of(event, 'tool_name')}")
        elif kind == "error" and (said := text_of(event, "message")):
            self.failure = Failure(text=f"it ended without its result: {said}", kind=kind_of(said))
        elif kind == "result":
            self._result(event)

    def _result(self, event: dict[str, Any]) -> None:
        self.is_over = True
        self.usage = _used(event.get("stats"))
        models = part(event, "stats", "models")
        self.of_models = {name: _used(row) for name, row in models.items()} if isinstance(models, dict) else {}
        said = text_of(event, "error", "message") or text_of(event, "error", "type") or "error"
        self.failure = None if event.get("status") == "success" else Failure(text=said, kind=kind_of(said))


def _used(stats: object) -> Usage:
    return overlapping(stats, "input_tokens", "cached", "output_tokens", "total_tokens")


class Gemini(Adapter):
    """The adapter of Gemini CLI."""

    TRAITS = Traits(
        name="gemini",
        executable="gemini",
        package="npm:@google/gemini-cli",
        version="0.61.0",
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        passes=(
            "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_GENAI_USE_VERTEXAI",
            "GOOGLE_CLOUD_PROJECT",
            "GOOGLE_CLOUD_LOCATION",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        reports_tokens=True,
        resumes=True,
        needs={"--output-format": "", "--yolo": "", "--skip-trust": "GEMINI_CLI_TRUST_WORKSPACE in its environment"},
        seen="0.61.0",
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        words = [options.executable, "--output-format", "stream-json", "--yolo"]
        if "--skip-trust" not in options.lacks:
            words += ["--skip-trust"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args]

    def environment(self, options: Options, call: Call) -> dict[str, str]:
        del options, call
        return {"GEMINI_CLI_TRUST_WORKSPACE": "true"}

    def stream(self, show: Callable[[str], None]) -> GeminiStream:
        return GeminiStream(show)


ADAPTER = Gemini()
