"""Pure: the stream of messages that Claude Code made known, and that Qwen Code, Amp, Cursor and Droid write, too.

`system`, `assistant`, `user` and a closing `result`; key order is not stable. An error has `is_error: true` beside
`subtype: "success"`; `result.usage` is the main loop only, `modelUsage` counts every model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Failure, Stream, part, text_of
from ralph_action.agents.figures import count_of, money_of, total, usage_of
from ralph_action.agents.trouble import KIND_OF_STATUS, kind_of
from ralph_action.outcome import Usage
from ralph_action.ports import unseen

OF_MODEL = (("inputTokens", "cacheCreationInputTokens"), ("cacheReadInputTokens",), ("outputTokens",))
OF_MESSAGE = (("input_tokens", "cache_creation_input_tokens"), ("cache_read_input_tokens",), ("output_tokens",))


class MessageStream(Stream):
    """The result event decides; without one the running sum of the messages is what is known."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show, ends_with="its result")
        self._live: dict[str, Usage] = {}
        self._said_error = ""
        self._resets_at: float | None = None

    def take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        self.retrying = None
        self.session_id = text_of(event, "session_id") or self.session_id
        if kind == "result":
            self._result(event)
        elif kind == "system":
            self.model = text_of(event, "model") or self.model
            if event.get("subtype") == "api_retry":
                error = text_of(event, "error").replace("_", " ")
                self.retrying = Failure(text=error or "an error", kind=kind_of(error, count_of(event, "error_status")))
        elif kind == "rate_limit_event" and part(event, "rate_limit_info", "status") == "rejected":
            self._resets_at = count_of(event, "rate_limit_info", "resetsAt") or self._resets_at
        elif kind == "assistant":
            self._assistant(event, part(event, "message"))

    def say(self, text: str) -> None:
        """Take the agent's own words."""
        self.words.say(text)

    def _assistant(self, event: dict[str, Any], message: object) -> None:
        if error := text_of(event, "error").replace("_", " "):
            self._said_error = error
            self.failure = Failure(text=f"it ended without its result: {error}", kind=kind_of(error))
        if (key := text_of(message, "id")) and isinstance(part(message, "usage"), dict):
            self._live[key] = usage_of(part(message, "usage"), *OF_MESSAGE)
            self.usage = total(self._live.values())
        content = part(message, "content")
        if event.get("parent_tool_use_id") or not isinstance(content, list):
            return
        for block in content:
            if part(block, "type") == "text" and (text := text_of(block, "text")):
                self.say(text)
            elif part(block, "type") == "tool_use":
                self.show(f"→ {text_of(block, 'name')}")

    def _result(self, event: dict[str, Any]) -> None:
        self.is_over = True
        models = part(event, "modelUsage")
        of_models = [usage_of(model, *OF_MODEL) for model in models.values()] if isinstance(models, dict) else []
        counts = of_models or [usage_of(part(event, "usage"), *OF_MESSAGE)]
        is_said = any(one.tokens is not None for one in counts)
        self.usage = total(counts if is_said else self._live.values(), money_of(event, "total_cost_usd"))
        found = part(event, "permission_denials")
        self.denied = tuple(text_of(item, "tool_name") for item in found) if isinstance(found, list) else ()
        said = text_of(event, "result")
        if event.get("is_error") is False:
            self.failure = None
            if said.strip() and said.strip() not in self.text:
                self.say(said)
            return
        status = count_of(event, "api_error_status")
        kind = self._said_error or KIND_OF_STATUS.get(status or 0, "error").replace("-", " ")
        text = f"{kind}: {said or event.get('errors') or event.get('subtype')}"
        self.failure = Failure(text=text, kind=kind_of(text, status), resets_at=self._resets_at)
