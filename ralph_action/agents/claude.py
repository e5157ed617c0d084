"""Claude Code in print mode: `claude -p --output-format stream-json --verbose`.

Facts of the CLI, seen with 2.1.197: `stream-json` needs `--verbose`; an exit code of 0 proves nothing (it exits 0 on
SIGINT without a result); the process may hang after its result; as root it refuses its unattended mode unless
IS_SANDBOX=1.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from ralph_action.agents.adapter import Adapter, Options, Traits
from ralph_action.agents.messages import MessageStream
from ralph_action.ports import Call

QUIET = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


class Claude(Adapter):
    """The adapter of Claude Code."""

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
        needs={"--max-budget-usd": "a running sum of the stream", "--dangerously-skip-permissions": ""},
        seen="2.1.197",
    )

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

    def stream(self, show: Callable[[str], None]) -> MessageStream:
        return MessageStream(show)


ADAPTER = Claude()
