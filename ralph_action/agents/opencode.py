"""OpenCode: `opencode run --format json`, the prompt on its standard input.

Facts of the CLI, seen with 1.18.33: there is no closing event, the step that ends with the reason `stop` is the last;
what was used is told step by step; `cost` is 0 where its catalogue has no price, so 0 for tokens is unknown; what it
may do without asking is told by OPENCODE_PERMISSION.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Adapter, Failure, Options, Stream, Traits, part, text_of
from ralph_action.agents.figures import count_of, money_of, total, usage_of
from ralph_action.agents.trouble import kind_of
from ralph_action.outcome import Usage
from ralph_action.ports import Call, unseen

ALLOWED = json.dumps({"edit": "allow", "bash": "allow", "webfetch": "allow", "external_directory": "allow"})


class OpenCodeStream(Stream):
    """Steps: texts and tools, each with what it used."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show, ends_with="its last step")
        self._steps: list[Usage] = []

    def take(self, event: dict[str, Any]) -> None:
        session = text_of(event, "sessionID")
        self.session_id = self.session_id or session
        if session != self.session_id:
            return  # a sub-agent's
        kind, of = event.get("type"), part(event, "part")
        if kind == "text" and (said := text_of(of, "text")):
            self.words.say(said)
        elif kind == "tool_use":
            self.show(f"→ {text_of(of, 'tool')}")
        elif kind == "step_finish":
            self._step(of)
        elif kind == "error":
            said = text_of(event, "error", "data", "message") or text_of(event, "error", "name") or "error"
            status = count_of(event, "error", "data", "statusCode")
            self.failure, self.is_over = Failure(text=said, kind=kind_of(said, status)), True

    def _step(self, of: object) -> None:
        tokens = part(of, "tokens")
        one = usage_of(tokens, ("input",), (), ("output", "reasoning"))
        cache = usage_of(part(tokens, "cache"), ("write",), ("read",), ())
        self._steps.append(total([one, cache], money_of(of, "cost")))
        costs = [step.cost_usd for step in self._steps if step.cost_usd]
        self.usage = total(self._steps, sum(costs[1:], costs[0]) if costs else None)
        if part(of, "reason") == "stop":
            self.is_over, self.failure = True, None


class OpenCode(Adapter):
    """The adapter of OpenCode."""

    TRAITS = Traits(
        name="opencode",
        executable="opencode",
        package="npm:opencode-ai",
        version="1.18.33",
        keys=("OPENCODE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"),
        passes=("OPENCODE_CONFIG", "OPENCODE_CONFIG_CONTENT"),
        reports_tokens=True,
        reports_cost=True,
        resumes=True,
        help_words=("run",),
        needs={"--format": ""},
        seen="1.18.33",
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        words = [options.executable, "run", "--format", "json"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args]

    def environment(self, options: Options, call: Call) -> dict[str, str]:
        del options, call
        return {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_PERMISSION": ALLOWED}

    def stream(self, show: Callable[[str], None]) -> OpenCodeStream:
        return OpenCodeStream(show)


ADAPTER = OpenCode()
