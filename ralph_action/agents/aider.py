"""Aider: `aider --message-file … --yes-always`, which edits files and runs nothing by itself.

Facts of the CLI, seen with 0.86.2: plain text; a line `Tokens: 1.2k sent, 345 received. Cost: $0.01 message, …` for
each message, rounded; exit code 0 even after an error of the service, which it prints as `litellm.<Name>: …` and tries
again for a minute ("Retrying in 2.0 seconds..."). Its diary and cache lie in the work tree, and are no part of commits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from ralph_action.agents.adapter import Adapter, Failure, Options, Traits
from ralph_action.agents.figures import total
from ralph_action.agents.plain import PlainStream
from ralph_action.agents.trouble import kind_of
from ralph_action.outcome import ErrorClass, Usage
from ralph_action.ports import Call, unseen

AMOUNT = r"([\d.,]+)([kM]?)"
TOKENS = re.compile(rf"Tokens: {AMOUNT} sent,(?: {AMOUNT} cache write,)?(?: {AMOUNT} cache hit,)? {AMOUNT} received\.")
COST = re.compile(r"Cost: \$([\d.]+) message")
ERROR = re.compile(r"^litellm\.(?:exceptions\.)?(\w+): ")
KINDS = {
    "AuthenticationError": ErrorClass.AUTH,
    "PermissionDeniedError": ErrorClass.AUTH,
    "BadRequestError": ErrorClass.BAD_CALL,
    "NotFoundError": ErrorClass.BAD_CALL,
    "RateLimitError": ErrorClass.RATE_LIMIT,
    "ServiceUnavailableError": ErrorClass.OVERLOAD,
    "InternalServerError": ErrorClass.OVERLOAD,
    "APIConnectionError": ErrorClass.NETWORK,
    "Timeout": ErrorClass.NETWORK,
}
"""The names of litellm's exceptions, for messages that tell nothing."""
TIMES = {"": 1, "k": 1000, "M": 1_000_000}


class AiderStream(PlainStream):
    """Text, a line of figures for each message, and errors that no exit code tells."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        super().__init__(show)
        self._steps: list[Usage] = []

    def feed(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace")
        if match := TOKENS.search(text):
            sent, written, hit, received = (_tokens(*match.group(i, i + 1)) for i in (1, 3, 5, 7))
            step = Usage(
                tokens=sent + written + hit + received,
                input_tokens=sent + written,
                cached_tokens=hit,
                output_tokens=received,
                cost_usd=Decimal(found[1]) if (found := COST.search(text)) else None,
            )
            self._steps.append(step)
            costs = [step.cost_usd for step in self._steps if step.cost_usd is not None]
            self.usage = total(self._steps, sum(costs, Decimal(0)) if len(costs) == len(self._steps) else None)
            self.failure = self.retrying = None
        elif match := ERROR.search(text):
            kind = kind_of(text)
            kind = KINDS.get(match[1], kind) if kind is ErrorClass.OTHER else kind
            self.failure = self.retrying = Failure(text=text.strip(), kind=kind)
        else:
            super().feed(line)


def _tokens(amount: str | None, unit: str | None) -> int:
    return round(float((amount or "0").replace(",", "")) * TIMES[unit or ""])


class Aider(Adapter):
    """The adapter of Aider."""

    TRAITS = Traits(
        name="aider",
        executable="aider",
        package="pypi:aider-chat",
        version="0.86.2",
        seen="0.86.2",
        keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "DEEPSEEK_API_KEY"),
        passes=("OPENAI_API_BASE", "ANTHROPIC_BASE_URL"),
        exits_honestly=True,
        is_streaming=False,
        reports_tokens=True,
        reports_cost=True,
        needs={"--message-file": "", "--yes-always": ""},
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        words = [options.executable, "--message-file", str(call.prompt_file), "--yes-always", "--no-check-update"]
        words += ["--no-auto-commits", "--no-gitignore", "--no-pretty", "--no-stream", "--analytics-disable"]
        if options.model:
            words += ["--model", options.model]
        return [*words, *options.args]

    def stdin(self, call: Call) -> bytes:
        del call
        return b""

    def environment(self, options: Options, call: Call) -> dict[str, str]:
        del options, call
        return {"COLUMNS": "1000"}  # it would break lines, errors among them, at 80

    def stream(self, show: Callable[[str], None]) -> AiderStream:
        return AiderStream(show)


ADAPTER = Aider()
