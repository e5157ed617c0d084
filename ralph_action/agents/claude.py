"""Claude Code in print mode: `claude -p --output-format stream-json --verbose`.

Facts of the protocol, seen with 2.1.197: `stream-json` needs `--verbose`; key order is not stable; an exit
code of 0 proves nothing (it exits 0 on SIGINT without a result); an error has `is_error: true` beside
`subtype: "success"`; `result.usage` is the main loop only, `modelUsage` counts every model; the process
may hang after its result; as root it refuses its unattended mode unless IS_SANDBOX=1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ralph_action.agents.process import ChildEnd, How, run_child
from ralph_action.ports import Call, Stop, unseen
from ralph_action.state import Ended, Outcome, Usage

QUIET = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
MAX_TEXT = 1024 * 1024
CLASS_OF_STATUS = {401: "auth", 403: "auth", 429: "rate limit", 529: "overload", 500: "server error"}
TOKEN_FIELDS = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens")
USAGE_FIELDS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class Stream:
    """Pure: what the events of one call add up to."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        self._show = show
        self.session_id = ""
        self.result: dict[str, Any] | None = None
        self._texts: list[str] = []
        self._size = 0
        self._live: dict[str, int] = {}
        self._said_error = ""

    def feed(self, line: bytes) -> None:
        """Take one line; what is no event of ours is passed over, and half a character becomes a question mark."""
        try:
            event = json.loads(line)
            if b"\\ud" in line.lower():
                event = json.loads(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if isinstance(event.get("session_id"), str):
            self.session_id = event["session_id"]
        if kind == "result":
            self.result = event
        elif kind == "assistant" and isinstance(event.get("message"), dict):
            self._assistant(event, event["message"])

    @property
    def is_over(self) -> bool:
        return self.result is not None

    @property
    def text(self) -> str:
        """The agent's own words: never a tool's output, never a sub-agent's."""
        said = "\n".join(self._texts)
        result = self.result.get("result") if self.result else None
        if isinstance(result, str) and not self.is_error and result.strip() and result.strip() not in said:
            said = f"{said}\n{result}" if said else result
        return said[-MAX_TEXT:]

    @property
    def is_error(self) -> bool:
        return self.result is None or self.result.get("is_error") is not False

    @property
    def usage(self) -> Usage:
        """From the result when there is one; else the running sum, whose price is unknown."""
        if self.result is not None:
            models = self.result.get("modelUsage")
            if isinstance(models, dict) and models:
                tokens = sum(_sum(model, TOKEN_FIELDS) for model in models.values())
            else:
                tokens = _sum(self.result.get("usage"), USAGE_FIELDS)
            return Usage(tokens=tokens, cost_usd=_money(self.result.get("total_cost_usd")))
        return Usage(tokens=sum(self._live.values()) if self._live else None)

    @property
    def error(self) -> str:
        """One line that names the class of the error."""
        if self.result is None:
            return f"claude ended without its result{': ' + self._said_error if self._said_error else ''}"
        status = self.result.get("api_error_status")
        said = self.result.get("result") or self.result.get("errors") or self.result.get("subtype")
        name = CLASS_OF_STATUS.get(status, "") if isinstance(status, int) else ""
        name = self._said_error or name or "error"
        return " ".join(f"{name}: {said}".split())[:300]

    def _assistant(self, event: dict[str, Any], message: dict[str, Any]) -> None:
        if isinstance(event.get("error"), str):
            self._said_error = event["error"].replace("_", " ")
        usage = message.get("usage")
        if isinstance(message.get("id"), str) and isinstance(usage, dict):
            self._live[message["id"]] = _sum(usage, USAGE_FIELDS)
        if event.get("parent_tool_use_id") or not isinstance(message.get("content"), list):
            return
        for block in message["content"]:
            if not isinstance(block, dict):
                continue
            if block.get("type") == "text" and isinstance(block.get("text"), str):
                self._say(block["text"])
            elif block.get("type") == "tool_use":
                self._show(f"→ {block.get('name')}")

    def _say(self, text: str) -> None:
        self._show(text)
        self._size += len(text)
        self._texts.append(text)
        while self._size > MAX_TEXT and len(self._texts) > 1:
            self._size -= len(self._texts.pop(0))


class Claude:
    """The adapter of Claude Code."""

    name = "claude"

    def __init__(self, executable: str, *, model: str = "", args: Sequence[str] = ()) -> None:
        self._argv = [executable, "-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"]
        if model:
            self._argv += ["--model", model]
        self._argv += args

    def run(self, call: Call, stop: Stop) -> Outcome:
        stream = Stream(call.show)
        is_root = os.geteuid() == 0 and (call.user is None or call.user.uid == 0)
        extra = {**{name: value for name, value in QUIET.items() if name not in call.environment}}
        if is_root:
            extra["IS_SANDBOX"] = "1"
        end = run_child(
            self._argv,
            call=call,
            stop=stop,
            stdin=call.prompt.encode(),
            on_line=stream.feed,
            finished=lambda: stream.is_over,
            extra=extra,
        )
        return outcome(stream, end)


def outcome(stream: Stream, end: ChildEnd) -> Outcome:
    """What the call came to: its result event decides, the exit code proves nothing."""
    ended, error = Ended.DONE, ""
    if end.how is How.STOPPED and not stream.is_over:
        ended = Ended.CANCELLED
    elif end.how is How.TIMEOUT and not stream.is_over:
        ended, error = Ended.TIMEOUT, f"ended after {end.duration_s:.0f} s, at its time limit"
    elif stream.is_error:
        said = f" ({end.tail.splitlines()[-1][:200]})" if stream.result is None and end.tail else ""
        ended, error = Ended.FAILED, f"{stream.error}{said}"
    return Outcome(
        ended=ended,
        text=stream.text,
        usage=stream.usage,
        duration_s=end.duration_s,
        exit_code=end.exit_code,
        session_id=stream.session_id,
        error=error,
    )


def _sum(fields: object, names: Sequence[str]) -> int:
    if not isinstance(fields, dict):
        return 0
    values = (fields.get(name) for name in names)
    return sum(value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _money(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        money = Decimal(str(value))
    except InvalidOperation:
        return None
    return money if money.is_finite() and money >= 0 else None
