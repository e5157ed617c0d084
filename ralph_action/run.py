"""`ralph run`: settings → places → resume → loop → exit code, wired from real collaborators."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ralph_action import loop
from ralph_action.begin import FOREIGN, begin, claim
from ralph_action.calls import Caller, limits_of
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.git import end_running
from ralph_action.checkpoint.guarded import Guarded
from ralph_action.checkpoint.homes import Homes
from ralph_action.clock import SystemClock
from ralph_action.commits import WorkspaceCommits
from ralph_action.crew import assemble
from ralph_action.errors import GitError, StateError
from ralph_action.github.context import Context
from ralph_action.lock import locked
from ralph_action.ports import Prompts, Stop, unseen
from ralph_action.prompts import FilePrompt, TextPrompt
from ralph_action.remote import Remotes, connect
from ralph_action.report.terminal import Console, LiveReport, LoggedConsole
from ralph_action.resume.choose import Choice
from ralph_action.retry import back_off_s
from ralph_action.settings import Settings
from ralph_action.state import StopReason, TaskState
from ralph_action.tree import follow_wip
from ralph_action.workplace import Workplace, agent_environment
from ralph_action.workspace import WorkspaceFiles, verifier

LOCK_S = 15.0
"""A run that was told to end needs some seconds for its last checkpoint."""


def run(
    settings: Settings, context: Context, env: Mapping[str, str], place: Workplace, console: Console, stop: Stop
) -> int:
    """Go on with the task, or begin it; return the exit code. One process at a time works on a task here.

    Raises:
        StateError: another process has it.

    """
    with locked(place.home / "lock", LOCK_S) as is_ours:
        if not is_ours:
            raise StateError(
                f"Another ralph works on the task `{settings.task}` in this workspace.",
                remedy="Wait for it, end it, or choose another `task`.",
            )
        return _run(settings, context, env, place, console, stop)


def _run(
    settings: Settings, context: Context, env: Mapping[str, str], place: Workplace, console: Console, stop: Stop
) -> int:
    clock = SystemClock()
    agent_dir = AgentDir(place.home / "agent", place.workspace / ".agent", place.user)
    console = LoggedConsole(console, lambda text: agent_dir.log(clock.now(), text))
    remotes = connect(settings, context, env, place, console.line)
    if settings.git and remotes.worktree is None:
        raise GitError(
            f"Not a git repository: {place.workspace}.",
            remedy="Run `git init` and commit once, check the repository out before this step, or use --no-git.",
        )
    remotes.clear_locks()
    if place.protections_off:
        console.line(place.protections_off)
    agents = assemble(settings, place, env, console.line, stop)
    if remotes.worktree is not None:
        remotes.worktree.exclude_agent_dir()
    console.set_output("status", "running")
    console.set_output("branch", settings.branch)
    new = _new_state(settings, context, clock.now())
    choice = begin(new, settings.resume, place, remotes, agent_dir)
    state = choice.state
    agent_dir.journal("run", clock.now(), run=state.run_id, attempt=state.run_attempt, sequence=state.sequence)
    agent_dir.write_state(state)
    (place.home / FOREIGN).unlink(missing_ok=True)
    claim(state, place, remotes, agent_dir, clock, _giver_up(stop, console))
    every_s = settings.checkpoint_every_s
    if every_s is not None and not follow_wip(state.task, remotes):
        every_s = None
    homes = Homes(
        agent_dir,
        _commits(settings, remotes, agent_dir, console, state),
        remotes.homes(agent_dir, state, clock),
        clock,
        console.line,
        metrics_interval=settings.metrics_interval,
        confirmed=remotes.confirmed,
        prepare=lambda: remotes.settle(state),
        keep=(settings.keep_checkpoints, settings.keep_days),
        every_s=every_s,
    )
    checkpoints = Guarded(
        homes,
        (place.home, place.workspace),
        console.line,
        lambda text: console.warning("disk", text),
        archive=agent_dir.write_prompt,
        mirror_trouble=lambda: agent_dir.mirror_trouble,
        needless=(place.home / "found",),
    )
    prompts = _prompts(settings, place, checkpoints.archive)
    show = console.agent_output if settings.verbose else unseen
    workspace = _workspace(settings, place, env, agent_dir, remotes, prompts, stop, console)
    is_resumed = choice.candidate is not None
    is_half = is_resumed and workspace.is_half(state)
    parts = loop.Parts(
        agents=agents,
        checkpoints=checkpoints,
        workspace=workspace,
        prompts=prompts,
        clock=clock,
        report=LiveReport(
            console,
            resumed_from=_resumed_from(choice),
            facts=remotes.facts,
            write_page=agent_dir.write_report,
            is_live=settings.verbose,
            agents=len(agents),
        ),
        stop=stop,
        call=Caller(settings, place, env, agent_dir, show, console.line, is_resumed=is_resumed, is_half=is_half).call,
        back_off_s=back_off_s,
    )
    try:
        return _code(loop.run(state, limits_of(settings), parts), settings)
    finally:
        homes.close()
        end_running()
        remotes.close()


def _commits(
    settings: Settings, remotes: Remotes, agent_dir: AgentDir, console: Console, state: TaskState
) -> WorkspaceCommits | None:
    if not settings.git or remotes.worktree is None:
        return None
    vault, note = remotes.vault, agent_dir.write_left_out
    return WorkspaceCommits(remotes.worktree, vault, note, console.line, state.base_sha)


def _giver_up(stop: Stop, console: Console) -> Callable[[str], None]:
    def lost(why: str) -> None:
        console.line(f"The run ends: {why}")
        stop.abandon(StopReason.GIT)

    return lost


def _new_state(settings: Settings, context: Context, now: str) -> TaskState:
    return TaskState(
        task=settings.task,
        agent=settings.agent,
        branch=settings.branch,
        start_time=now,
        updated=now,
        run_id=context.run_id or f"local-{os.uname().nodename}-{os.urandom(4).hex()}",
        run_attempt=context.run_attempt,
    )


def _prompts(settings: Settings, place: Workplace, keep: Callable[[str], None]) -> Prompts:
    archive = keep if settings.archive else None
    if settings.prompt:
        return TextPrompt(settings.prompt, archive)
    return FilePrompt(place.workspace / settings.prompt_file, settings.prompt_file, archive, place.user)


def _workspace(
    settings: Settings,
    place: Workplace,
    env: Mapping[str, str],
    agent_dir: AgentDir,
    remotes: Remotes,
    prompts: Prompts,
    stop: Stop,
    console: Console,
) -> WorkspaceFiles:
    is_measured = settings.git and settings.max_stagnation > 0
    run_verify = verifier(
        workspace=place.workspace,
        environment=agent_environment(place, env, settings.agent_env),
        user=place.user,
        timeout_s=settings.verify_timeout_s,
        new_log=agent_dir.new_log,
        stop=stop,
        show=console.agent_output,
    )
    return WorkspaceFiles(remotes.worktree if is_measured else None, prompts, settings.verify, run_verify)


def _resumed_from(choice: Choice) -> str:
    best = choice.candidate
    return "" if best is None else f"{best.home}: {best.where}, iteration {best.state.iteration}"


def _code(state: TaskState, settings: Settings) -> int:
    """The exit code, 0 for an ending that the user does not want to be red."""
    return loop.exit_code(state) if state.status.value in settings.fail_on else 0
