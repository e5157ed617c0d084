"""Claude Code in print mode: `claude -p --output-format stream-json --verbose`.

Facts of the protocol, seen with 2.1.197: `stream-json` needs `--verbose`; key order is not stable; an exit
code of 0 proves nothing (it exits 0 on SIGINT without a result); an error has `is_error: true` beside
`subtype: "success"`; `result.usage` is the main loop only, `modelUsage` counts every model; the process
may hang after its result; as root it refuses its unattended mode unless IS_SANDBOX=1.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ralph_action.agents.adapter import (
    Adapter,
    Failure,
    Options,
    Traits,
    Words,
    count_of,
    event_of,
    money_of,
    part,
    text_of,
)
from ralph_action.agents.trouble import KIND_OF_STATUS, kind_of
from ralph_action.outcome import ErrorClass, Usage
from ralph_action.ports import Call, unseen

TRAITS = Traits(
    name="claude",
    executable="claude",
    package="npm:@anthropic-ai/claude-code",
    version="2.1.197",
    keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    passes=("ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "CLAUDE_CODE_MAX_RETRIES"),
    reports_tokens=True,
    reports_cost=True,
    reports_reset=True,
    resumes=True,
    takes_budget=True,
    needs={"--max-budget-usd": "a running sum of the stream"},
    seen="2.1.197",
)
QUIET = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
OF_MODEL = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")
OF_MESSAGE = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class Stream:
    """Pure: what the events of one call add up to."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        self._show = show
        self.session_id = ""
        self.model = ""
        self.result: dict[str, Any] | None = None
        self._words = Words(show)
        self._live: dict[str, tuple[int, ...]] = {}
        self._said_error = ""
        self._resets_at: float | None = None

    def feed(self, line: bytes) -> None:
        event = event_of(line)
        if event is None:
            return
        kind = event.get("type")
        self.session_id = text_of(event, "session_id") or self.session_id
        self.model = (text_of(event, "model") if kind == "system" else "") or self.model
        if kind == "result":
            self.result = event
        elif kind == "rate_limit_event" and part(event, "rate_limit_info", "status") == "rejected":
            self._resets_at = count_of(event, "rate_limit_info", "resetsAt") or self._resets_at
        elif kind == "assistant":
            self._assistant(event, part(event, "message"))

    @property
    def is_over(self) -> bool:
        return self.result is not None

    @property
    def text(self) -> str:
        said = str(self._words)
        result = text_of(self.result, "result")
        if result.strip() and self.failure is None and result.strip() not in said:
            said = f"{said}\n{result}" if said else result
        return said

    @property
    def usage(self) -> Usage:
        """From the result when there is one; else the running sum, whose price is unknown."""
        models = part(self.result, "modelUsage")
        if isinstance(models, dict) and models:
            counts = [_counts(model, OF_MODEL) for model in models.values()]
        elif self.result is not None:
            counts = [_counts(part(self.result, "usage"), OF_MESSAGE)]
        else:
            counts = list(self._live.values())
        if not counts:
            return Usage()
        fresh, output, read, written = (sum(column) for column in zip(*counts, strict=True))
        return Usage(
            tokens=fresh + output + read + written,
            input_tokens=fresh + written,
            cached_tokens=read,
            output_tokens=output,
            cost_usd=money_of(self.result, "total_cost_usd"),
        )

    @property
    def failure(self) -> Failure | None:
        if self.result is None:
            said = f": {self._said_error}" if self._said_error else ""
            of = kind_of(self._said_error) if said else ErrorClass.OTHER
            return Failure(text=f"claude ended without its result{said}", kind=of, resets_at=self._resets_at)
        if self.result.get("is_error") is False:
            return None
        reason = self.result.get("result") or self.result.get("errors") or self.result.get("subtype")
        status = count_of(self.result, "api_error_status")
        kind = KIND_OF_STATUS.get(status or 0, "error").replace("-", " ")
        text = f"{self._said_error or kind}: {reason}"
        return Failure(text=text, kind=kind_of(text, status), resets_at=self._resets_at)

    @property
    def denied(self) -> tuple[str, ...]:
        found = part(self.result, "permission_denials")
        return tuple(text_of(item, "tool_name") for item in found) if isinstance(found, list) else ()

    def _assistant(self, event: dict[str, Any], message: object) -> None:
        self._said_error = text_of(event, "error").replace("_", " ") or self._said_error
        if (key := text_of(message, "id")) and isinstance(part(message, "usage"), dict):
            self._live[key] = _counts(part(message, "usage"), OF_MESSAGE)
        content = part(message, "content")
        if event.get("parent_tool_use_id") or not isinstance(content, list):
            return
        for block in content:
            if part(block, "type") == "text" and (text := text_of(block, "text")):
                self._words.say(text)
            elif part(block, "type") == "tool_use":
                self._show(f"→ {text_of(block, 'name')}")


def _counts(fields: object, names: Sequence[str]) -> tuple[int, ...]:
    return tuple(count_of(fields, name) or 0 for name in names)


class Claude(Adapter):
    """The adapter of Claude Code."""

    TRAITS = TRAITS

    def argv(self, options: Options, call: Call) -> list[str]:
        words = [options.executable, "-p", "--output-format", "stream-json", "--verbose"]
        words += ["--dangerously-skip-permissions"]
        if options.model:
            words += ["--model", options.model]
        if call.cost_left is not None and "--max-budget-usd" not in options.lacks:
            words += ["--max-budget-usd", str(call.cost_left)]
        return [*words, *options.args]

    def environment(self, options: Options, call: Call) -> dict[str, str]:
        del options
        is_root = os.geteuid() == 0 and (call.user is None or call.user.uid == 0)
        return {**QUIET, **({"IS_SANDBOX": "1"} if is_root else {})}

    def stream(self, show: Callable[[str], None]) -> Stream:
        return Stream(show)


ADAPTER = Claude()
