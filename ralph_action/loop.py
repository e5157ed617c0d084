"""The loop, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from ralph_action import policy, reaction
from ralph_action.outcome import Ended, Outcome
from ralph_action.policy import Limits
from ralph_action.ports import Agent, Call, Checkpoints, Clock, Prompts, Report, Stop, Turn, Workspace, is_reached
from ralph_action.reaction import Reaction, Roster, Streak
from ralph_action.state import EXIT_OF, EXIT_OF_FAILURE, Status, StopReason, TaskState

FLUSH_S = 120.0
FLUSH_AFTER_SIGNAL_S = 4.0
"""The runner kills us 10 s after its first signal (design section 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The collaborators of one run."""

    agents: Mapping[str, Agent]
    """In the order of preference: the next one takes over while the first is at a limit."""
    checkpoints: Checkpoints
    workspace: Workspace
    prompts: Prompts
    clock: Clock
    report: Report
    stop: Stop
    call: Callable[[Turn, TaskState], Call]
    back_off_s: Callable[[int], float]
    """How long to wait after so many outages in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a run knows besides the task's state; it is forgotten with the run."""

    began_s: float
    saved_s: float
    """When the last checkpoint was taken."""
    is_late: bool = False
    """A checkpoint found no room: it is due again after the next iteration."""
    roster: Roster
    streak: Streak = field(default_factory=Streak)
    reason: StopReason | None = None
    """Why the loop ends, when a call has decided it."""


def run(state: TaskState, limits: Limits, parts: Parts) -> TaskState:
    """Go on with a task until something ends it; return its last state, checkpointed and flushed."""
    began_s = parts.clock.monotonic()
    here = Situation(began_s=began_s, saved_s=began_s, roster=Roster(tuple(parts.agents)))
    parts.report.started(state)
    state = _verified(state, parts)
    while (reason := _why_stop(state, here, limits, parts)) is None:
        turn = _next_turn(state, here, limits, parts)
        outcome = parts.agents[turn.agent].run(parts.call(turn, state), parts.stop)
        state, what, here = _one_on(state, turn, outcome, here, limits, parts)
        parts.checkpoints.record(state)
        parts.report.iteration_ended(state, outcome)
        state = _verified(state, parts)
        if _is_checkpoint_due(state, turn, outcome, what, here, limits, parts):
            state, is_late = _checkpoint(state, parts, _line(outcome))
            here = replace(here, saved_s=parts.clock.monotonic(), is_late=is_late)
        here = _after_trouble(turn, outcome, what, here, limits, parts)
    state = _ended(state, reason, here, parts)
    homes = parts.checkpoints.flush(FLUSH_AFTER_SIGNAL_S if reason is StopReason.SIGNAL else FLUSH_S)
    if state.status is Status.COMPLETED and not _is_safe(homes):
        # Honest: completed means pushed. Work that has left the machine nowhere is not done.
        why = StopReason.GIT if _is_local(homes) else StopReason.STATE
        state = state.ended(why, now=parts.clock.now())
        parts.checkpoints.record(state)
    parts.report.ended(state, homes)
    return state


def exit_code(state: TaskState) -> int:
    """The process's exit code for an ending that is no error."""
    if state.status in EXIT_OF:
        return EXIT_OF[state.status]
    return EXIT_OF_FAILURE.get(state.stop_reason, 70) if state.stop_reason else 70


def _why_stop(state: TaskState, here: Situation, limits: Limits, parts: Parts) -> StopReason | None:
    elapsed_s = parts.clock.monotonic() - here.began_s
    return here.reason or policy.why_stop(state, limits, elapsed_s=elapsed_s, stopping=parts.stop.reason)


def _next_turn(state: TaskState, here: Situation, limits: Limits, parts: Parts) -> Turn:
    elapsed_s = parts.clock.monotonic() - here.began_s
    turn = Turn(
        agent=here.roster.pick(parts.clock.monotonic()),
        number=state.iteration + 1,
        prompt=parts.prompts.read(),
        timeout_s=policy.call_timeout_s(state, limits, elapsed_s=elapsed_s),
        started=parts.clock.now(),
    )
    parts.report.iteration_started(turn.number, turn.agent)
    return turn


def _one_on(
    state: TaskState, turn: Turn, outcome: Outcome, here: Situation, limits: Limits, parts: Parts
) -> tuple[TaskState, Reaction, Situation]:
    """Count what the call used, whatever became of it, and decide what comes next."""
    progress = parts.workspace.progress()
    has_progress = not progress or progress != state.progress
    what, streak = reaction.react(outcome, here.streak, has_progress=has_progress)
    state = state.after(
        outcome,
        started=turn.started,
        now=parts.clock.now(),
        promised=policy.claims_done(outcome, limits.completion_promise, parts.prompts.read()),
        counts=what.counts,
        progress=progress,
        agent=turn.agent,
    )
    return state, what, replace(here, streak=streak, reason=what.reason)


def _verified(state: TaskState, parts: Parts) -> TaskState:
    """The agent's claim is worth what the user's commands say of it; a run that was killed here asks them again."""
    if not state.promised or parts.stop.requested.is_set():
        return state
    failure = parts.workspace.verify(state)
    if failure is None or parts.stop.requested.is_set():
        return state
    state = state.verified(failure, now=parts.clock.now())
    parts.checkpoints.record(state, "verified")
    parts.report.verified(state)
    return state


def _is_checkpoint_due(
    state: TaskState, turn: Turn, outcome: Outcome, what: Reaction, here: Situation, limits: Limits, parts: Parts
) -> bool:
    if state.promised or what.reason is not None or outcome.ended is Ended.CANCELLED:
        return False  # the last checkpoint comes at once
    if here.is_late:
        return True
    since_s = parts.clock.monotonic() - here.saved_s
    is_marked = policy.checkpoint_marked(outcome, turn.prompt, parts.prompts.read())
    return is_marked or what.is_limited or (what.counts and policy.checkpoint_due(state, limits, since_last_s=since_s))


def _after_trouble(
    turn: Turn, outcome: Outcome, what: Reaction, here: Situation, limits: Limits, parts: Parts
) -> Situation:
    """Let another agent take over, or wait, where that helps."""
    if what.reason is not None or not (what.is_limited or what.is_outage):
        return here
    now_s = parts.clock.monotonic()
    left_s = limits.max_runtime_s - (now_s - here.began_s)
    if what.is_limited:
        here = replace(here, roster=here.roster.limited(turn.agent, now_s + what.limited_s))
        reason = reaction.limit_reason(outcome, here.roster, min(limits.max_wait_s, left_s), now_s)
        wait_s = here.roster.wait_s(now_s)
        if reason is not None:
            return replace(here, reason=reason)
    else:
        wait_s = parts.back_off_s(here.streak.tries)
        if wait_s >= left_s:
            return replace(here, reason=StopReason.OUTAGE)
    if wait_s > 0:
        parts.report.waiting(wait_s, outcome)
        parts.clock.wait(wait_s, parts.stop)
    return replace(here, streak=here.streak.waited(wait_s))


def _ended(state: TaskState, reason: StopReason, here: Situation, parts: Parts) -> TaskState:
    """The last checkpoint, which says why the loop ended, and when a limit is over."""
    wait_s = here.roster.wait_s(parts.clock.monotonic())
    resets_at = parts.clock.later(wait_s) if 0 < wait_s < inf else ""
    state = replace(state.ended(reason, now=parts.clock.now()), resets_at=resets_at)
    return _checkpoint(state, parts, reason.value, is_last=True)[0]


def _checkpoint(state: TaskState, parts: Parts, line: str, *, is_last: bool = False) -> tuple[TaskState, bool]:
    """Take one; say whether it could not be taken."""
    state, checkpoint = parts.checkpoints.snapshot(state, line)
    if checkpoint is not None:
        parts.checkpoints.publish(checkpoint, is_last=is_last)
        parts.report.checkpointed(state, checkpoint)
    return state, checkpoint is None


def _line(outcome: Outcome) -> str:
    said = next((line.strip() for line in outcome.text.splitlines() if line.strip()), "")
    return (outcome.error or said or outcome.ended.value)[:72]


def _is_safe(homes: dict[str, str]) -> bool:
    remote = [text for home, text in homes.items() if home != "local" and text != "off"]
    return _is_local(homes) and (not remote or any(map(is_reached, remote)))


def _is_local(homes: dict[str, str]) -> bool:
    """Whether the last checkpoint was taken; what the remote homes have is an older one otherwise."""
    return homes.get("local", "reached") == "reached"
