"""Any agent that is a CLI: its adapter, run under the call's clock and budgets, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ralph_action.agents.adapter import Adapter, Failure, Options, Stream, Traits
from ralph_action.agents.prices import Prices, estimated
from ralph_action.agents.process import ChildEnd, How, Watch, run_child
from ralph_action.agents.trouble import kind_of, resets_in_s
from ralph_action.clock import SystemClock
from ralph_action.outcome import Ended, ErrorClass, Outcome, Usage
from ralph_action.ports import Call, Stop

SILENCE_S = 150.0
"""How long a CLI that streams may say nothing after its start."""
KILLED = frozenset({-9, 137})
STARTED_S = 3.0
"""One that fails sooner, and has used nothing, has not begun."""


class Cli:
    """An agent as the loop knows it."""

    def __init__(
        self, adapter: Adapter, options: Options, prices: Prices | None = None, *, silence_s: float = SILENCE_S
    ) -> None:
        self._adapter = adapter
        self._options = options
        self._prices = prices or Prices()
        self._silence_s = silence_s
        self.name = adapter.TRAITS.name

    def run(self, call: Call, stop: Stop) -> Outcome:
        adapter, options = self._adapter, self._options
        stream = adapter.stream(call.show)

        def is_over_budget() -> bool:
            return self._usage(stream).exceeds(call.tokens_left, call.cost_left)

        has_budget = call.tokens_left is not None or call.cost_left is not None
        extra = {
            name: value for name, value in adapter.environment(options, call).items() if name not in call.environment
        }
        end = run_child(
            adapter.argv(options, call),
            call=call,
            stop=stop,
            stdin=adapter.stdin(call),
            on_line=stream.feed,
            watch=Watch(
                finished=lambda: stream.is_over,
                is_over_budget=is_over_budget if has_budget else lambda: False,
                silence_s=self._silence_s if adapter.TRAITS.is_streaming else None,
                replies=(lambda: stream.replies(call)) if adapter.TRAITS.is_dialogue else None,
            ),
            extra=extra,
        )
        now = datetime.fromisoformat(SystemClock().now())
        return outcome(stream, end, self._usage(stream), now=now, traits=adapter.TRAITS)

    def _usage(self, stream: Stream) -> Usage:
        return estimated(stream.usage, stream.model or self._options.model, self._prices, stream.of_models)


def outcome(stream: Stream, end: ChildEnd, usage: Usage, *, now: datetime, traits: Traits) -> Outcome:
    """Pure: what the call came to. The closing event decides; an exit code counts where there is no such event."""
    ended, failure = _ended(stream, end, traits)
    resets = None
    if failure is not None:
        at = failure.resets_at
        resets = max(at - now.timestamp(), 0.0) if at is not None else resets_in_s(failure.text, now)
    return Outcome(
        ended=ended,
        text=stream.text,
        usage=usage,
        duration_s=end.duration_s,
        exit_code=end.exit_code,
        session_id=stream.session_id,
        error=" ".join(failure.text.split())[:300] if failure else "",
        error_class=failure.kind if failure else None,
        resets_in_s=resets,
        denied=stream.denied,
    )


def _ended(stream: Stream, end: ChildEnd, traits: Traits) -> tuple[Ended, Failure | None]:
    early = None if end.is_finished else _ended_by_us(end)
    if early is not None:
        return _while_retrying(stream, *early)
    failure = stream.failure
    said = end.tail.splitlines()[-1][:200] if end.tail and not stream.is_over else ""
    if failure is not None:
        text, kind = f"{failure.text} ({said})" if said and said not in failure.text else failure.text, failure.kind
    elif traits.exits_honestly and end.exit_code:
        text, kind = f"exit code {end.exit_code}: {said or 'it printed nothing'}", ErrorClass.OTHER
    else:
        return Ended.DONE, None
    if kind is ErrorClass.OTHER:
        kind = _kind_of_end(stream, end, traits)
    if kind is ErrorClass.KILLED:
        text += f"; {end.killed or 'the kernel or somebody else killed it: most likely for want of memory'}"
    return Ended.FAILED, Failure(text=text, kind=kind, resets_at=failure.resets_at if failure else None)


def _kind_of_end(stream: Stream, end: ChildEnd, traits: Traits) -> ErrorClass:
    """What is known of an end that the stream does not explain. Its output may be anybody's words."""
    if end.exit_code in KILLED:
        return ErrorClass.KILLED
    if stream.is_over or (traits.exits_honestly and not traits.explains_itself):
        return ErrorClass.OTHER
    kind = kind_of(end.complaint)
    if kind is ErrorClass.OTHER and end.duration_s < STARTED_S and not stream.usage.tokens:
        return ErrorClass.START
    return kind


def _while_retrying(stream: Stream, ended: Ended, failure: Failure | None) -> tuple[Ended, Failure | None]:
    """A time limit that finds the CLI waiting for its service: the service is what failed, not the iteration."""
    again = stream.retrying
    if ended is not Ended.TIMEOUT or failure is None or again is None or again.kind is ErrorClass.OTHER:
        return ended, failure
    return Ended.FAILED, replace(again, text=f"{failure.text}; it was trying again after: {again.text}")


def _ended_by_us(end: ChildEnd) -> tuple[Ended, Failure | None] | None:
    """A call that we ended before it was over; None when it ended by itself."""
    after = f"ended after {end.duration_s:.0f} s"
    match end.how:
        case How.STOPPED:
            return Ended.CANCELLED, None
        case How.TIMEOUT:
            return Ended.TIMEOUT, Failure(text=f"{after}, at its time limit")
        case How.IDLE:
            return Ended.TIMEOUT, Failure(text=f"{after}: it had been silent for `idle-timeout`", kind=ErrorClass.IDLE)
        case How.SILENT:
            return Ended.FAILED, Failure(text=f"{after}: it had said nothing at all", kind=ErrorClass.SILENT)
        case How.LIMIT:
            return Ended.LIMIT, Failure(text=f"{after}: the task's budget was used up")
    return None
