"""The action's post stage: a new container, same workspace, that finishes what the main stage left.

It runs after a cancel too, with minutes of time (design section 7). The newest checkpoint's record says
which homes it has not reached; a state that is still `running` means that there was not even a last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.homes import Homes
from ralph_action.checkpoint.reading import load
from ralph_action.clock import SystemClock
from ralph_action.commits import WorkspaceCommits
from ralph_action.github.context import Context
from ralph_action.github.runner import Runner
from ralph_action.lock import locked
from ralph_action.ports import is_reached, is_settled
from ralph_action.remote import connect
from ralph_action.settings import resolve
from ralph_action.state import Checkpoint, Status, StopReason, TaskState
from ralph_action.workplace import find_workplace

LOCK_S = 90.0
FLUSH_S = 150.0


def finish(
    values: Mapping[str, str | bool],
    environ: Mapping[str, str],
    workspace: Path,
    runner: Runner,
    lock_s: float = LOCK_S,
) -> int:
    """Commit, push and upload what is missing; a no-op when nothing is. Returns the exit code, 0 or 1.

    The old container may still be alive: it is waited for, and after `lock_s` left to what it does.
    """
    if environ.get("GITHUB_ACTIONS") == "true" and not environ.get("STATE_ralph_home"):
        runner.line("Nothing to finish: the main stage did not get as far as a state.")
        return 0
    settings = resolve(values, environ, workspace)
    place = find_workplace(environ, workspace, settings.task)
    with locked(place.home / "lock", lock_s) as is_ours:
        if not is_ours:
            runner.line("The main stage still works on the task; the post stage leaves it to it.")
            return 0
        states, _ = load(place.home / "agent", bare_states=True)
        if not states:
            runner.line("Nothing to finish: the main stage left no state.")
            return 0
        state, checkpoint = states[0]
        missing = what_is_missing(state, checkpoint)
        if not missing:
            runner.line("Nothing to finish: the last checkpoint has reached its homes.")
            return 0
        runner.line(f"Finishing what the main stage left: {missing}")
        clock = SystemClock()
        remotes = connect(settings, Context.from_environ(environ), environ, place, runner.line)
        remotes.clear_locks()
        agent_dir = AgentDir(place.home / "agent", place.workspace / ".agent", place.user)
        branch = f"refs/heads/{state.branch}"
        remotes.confirmed = remotes.ask_state(state.task, branch).get(branch, "")
        remotes.claim(agent_dir, state, clock, runner.line)
        commits = WorkspaceCommits(remotes.worktree) if settings.git and remotes.worktree else None
        homes = Homes(
            agent_dir,
            commits,
            remotes.homes(agent_dir, state, clock),
            clock,
            runner.line,
            metrics_interval=settings.metrics_interval,
            confirmed=remotes.confirmed,
        )
        if state.status is Status.RUNNING or checkpoint is None:
            state, checkpoint = homes.snapshot(state.ended(StopReason.SIGNAL, now=clock.now()), "post stage")
        homes.publish(checkpoint, is_last=True)
        stands = homes.flush(FLUSH_S)
        homes.close()
        remotes.close()
        runner.line("Homes: " + ", ".join(f"{home} {text}" for home, text in stands.items()))
        late = {home: text for home, text in stands.items() if not is_settled(text)}
        for home, text in late.items():
            runner.warning("ralph", f"The {home} home has not got the last checkpoint: {text}")
        return 0 if any(is_reached(text) for home, text in stands.items() if home != "local") or not late else 1


def what_is_missing(state: TaskState, checkpoint: Checkpoint | None) -> str:
    """Pure: what the post stage has to do; empty when nothing."""
    if state.status is Status.RUNNING or checkpoint is None:
        return "no last checkpoint was taken"
    late = [home for home, text in checkpoint.homes.items() if not is_settled(text)]
    if late:
        return f"the last checkpoint has not reached: {', '.join(late)}"
    return "" if set(checkpoint.homes) - {"local"} else "the last checkpoint was not published"
