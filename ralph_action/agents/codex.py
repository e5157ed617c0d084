"""Codex: `codex exec --json`, the prompt on its standard input.

Facts of the CLI, seen with 0.169.0: `error` events may be no failure ("Reconnecting… 1/5"), and an `item` of the type
`error` comes in good runs, too; `turn.failed` is one. The cached tokens are among the input. It reports no price. With
the network down it waits for ever: set `idle-timeout`. It does not read OPENAI_BASE_URL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ralph_action.agents.adapter import Adapter, Failure, Options, Stream, Traits, part, text_of
from ralph_action.agents.figures import overlapping
from ralph_action.agents.trouble import kind_of
from ralph_action.ports import Call, unseen


class CodexStream(Stream):
    """One turn: items as they are completed, then its end."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show, ends_with="the end of its turn")

    def take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        self.retrying = None
        if kind == "thread.started":
            self.session_id = text_of(event, "thread_id")
        elif kind == "item.completed" and part(event, "item", "type") == "agent_message":
            self.words.say(text_of(event, "item", "text"))
        elif kind == "item.started" and (command := text_of(event, "item", "command")):
            self.show(f"→ {command}")
        elif kind == "error" and (said := text_of(event, "message")):
            self.failure = Failure(text=f"it ended without the end of its turn: {said}", kind=kind_of(said))
            self.retrying = Failure(text=said, kind=self.failure.kind)
        elif kind == "turn.completed":
            self.is_over, self.failure = True, None
            self.usage = overlapping(event.get("usage"), "input_tokens", "cached_input_tokens", "output_tokens")
        elif kind == "turn.failed":
            said = text_of(event, "error", "message")
            self.is_over, self.failure = True, Failure(text=said or "the turn failed", kind=kind_of(said))


class Codex(Adapter):
    """The adapter of Codex."""

    TRAITS = Traits(
        name="codex",
        executable="codex",
        package="npm:@openai/codex",
        version="0.169.0",
        keys=("CODEX_API_KEY", "OPENAI_API_KEY"),
        passes=("CODEX_HOME",),
        reports_tokens=True,
        resumes=True,
        help_words=("exec",),
        needs={"--json": "", "--skip-git-repo-check": "", "--dangerously-bypass-approvals-and-sandbox": ""},
        seen="0.169.0",
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        del call
        words = [options.executable, "exec", "--json", "--skip-git-repo-check"]
        words += ["--dangerously-bypass-approvals-and-sandbox"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args, "-"]

    def stream(self, show: Callable[[str], None]) -> CodexStream:
        return CodexStream(show)


ADAPTER = Codex()
