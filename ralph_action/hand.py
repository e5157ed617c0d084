"""The commands that a person gives by hand: what is kept, listed, checked, brought back and backed up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.listing import Listed, listed
from ralph_action.checkpoint.reading import load
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.clock import SystemClock
from ralph_action.errors import GitError, SettingsError, StateError
from ralph_action.github.runner import Runner
from ralph_action.lock import locked
from ralph_action.settings import Settings, default_task, resolve
from ralph_action.state import TaskState
from ralph_action.workplace import Workplace, find_workplace

LOCK_S = 5.0
SHA = re.compile(r"[0-9a-f]{4,64}")
Values = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Task:
    """The workspace's task as it lies here."""

    settings: Settings
    place: Workplace
    folder: Path
    """The `.agent/` to read: our copy, or the workspace's where there is none of ours."""
    state: TaskState | None
    """The furthest; None when there is no valid one."""

    @property
    def worktree(self) -> Worktree:
        return Worktree(self.place.workspace, self.place.user, self.place.environment)


def find_task(values: Values, environ: Mapping[str, str], workspace: Path) -> Task:
    """Find the task: the one that is named, else the one that `.agent/` or HEAD tells of, else the folder's."""
    settings = resolve(values, environ, workspace, for_agent=False)
    place = find_workplace(environ, workspace, settings.task)
    if not values.get("task") and settings.task == default_task(environ, workspace):
        told = _task_here(place)
        if told and told != settings.task:
            with suppress(OSError):
                place.home.rmdir()  # nobody has asked for it; one that holds anything stays
            settings = resolve({**values, "task": told}, environ, workspace, for_agent=False)
            place = find_workplace(environ, workspace, settings.task)
    folder = next((path for path in (place.home / "agent", workspace / ".agent") if _has_records(path)), None)
    folder = folder or workspace / ".agent"
    with acting_as(place.user if folder != place.home / "agent" else None):
        states, _ = load(folder, bare_states=True)
    return Task(settings, place, folder, states[0][0] if states else None)


def clean(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner) -> int:
    """Remove what is kept no longer, now."""
    task = find_task(values, environ, workspace)
    keep, days = task.settings.keep_checkpoints, task.settings.keep_days
    with _working_on(task):
        agent_dir = AgentDir(task.place.home / "agent", workspace / ".agent", task.place.user)
        gone = agent_dir.prune(keep, days)
        if gone:
            agent_dir.journal("cleaned", SystemClock().now(), files=len(gone), bytes=sum(gone.values()))
    limit = f"the newest {keep} of each kind" + (f", at most {days} days old" if days else "")
    runner.line(f"Cleaned `{task.settings.task}`: {len(gone)} files, {sum(gone.values())} bytes; kept: {limit}.")
    return 0


def checkpoints(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner) -> int:
    """List the checkpoints that this machine has a record of, the newest last."""
    task = find_task(values, environ, workspace)
    records = _records(task)
    if not records:
        raise StateError(
            f"There is no checkpoint of the task `{task.settings.task}` in {task.folder}.",
            remedy="Run `ralph run` here first, or name another task with --task.",
        )
    subjects = _subjects(task.worktree, [item.commit for item in records if item.commit])
    rows = [("iteration", "time", "commit", "homes", "subject")]
    for item in records:
        if item.why or item.checkpoint is None:
            rows.append((item.key, "damaged", "", "", f"{item.name}: {item.why}"))
            continue
        commit = item.commit
        homes = ", ".join(f"{home} {text}" for home, text in item.checkpoint.homes.items())
        subject = subjects.get(commit, "its commit is not in this repository" if commit else "no commit (--no-git)")
        rows.append((item.key, item.checkpoint.time, commit[:12], homes, subject))
    show(rows, runner)
    return 0


def restore(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner) -> int:
    """Bring the work tree back to a checkpoint; the present is parked first."""
    from ralph_action.resume.restore import bring_back

    wanted = str(values.get("argument", ""))
    if not wanted:
        problem = "which checkpoint? Give its iteration or its commit; `ralph checkpoints` lists them."
        raise SettingsError([("restore", problem)])
    task = find_task(values, environ, workspace)
    worktree = task.worktree
    if not worktree.is_repository():
        raise GitError(f"Not a git repository: {workspace}.", remedy="Run `ralph restore` where the task's files are.")
    with _working_on(task):
        commit = _commit_of(wanted, task, worktree)
        branch = task.state.branch if task.state else task.settings.branch
        if not worktree.ref_sha(f"refs/heads/{branch}"):
            raise StateError(
                f"The branch {branch} of the task `{task.settings.task}` is not in this repository.",
                remedy=f"Run `ralph resume`, or `git fetch origin {branch}:{branch}`, and try again.",
            )
        parked = bring_back(worktree, commit, branch, task.settings.task)
        agent_dir = AgentDir(task.place.home / "agent", workspace / ".agent", task.place.user)
        agent_dir.journal("restored", SystemClock().now(), commit=commit, parked=parked)
    runner.line(f"What was here is parked under {parked}; `git checkout {parked} -- .` brings its files back.")
    runner.line(
        f"The files are those of {commit[:12]}; {branch} stays at its tip, and the next checkpoint commits them on top."
    )
    return 0


def export(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner) -> int:
    """Back `.agent/` up, as the guide's tar command does."""
    from ralph_action.checkpoint.backup import backup

    task = find_task(values, environ, workspace)
    if task.worktree.is_repository():
        task.worktree.exclude_agent_dir()
    day = SystemClock().now()[:10].replace("-", "")
    target = workspace / (str(values.get("argument", "")) or f"ralph_checkpoints_{day}.tar.gz")
    source = workspace / ".agent" if (workspace / ".agent").is_dir() else task.folder
    count = backup(source, target, task.place.user if source == workspace / ".agent" else None)
    runner.line(f"Exported {count} files of .agent/ to {target}")
    return 0


def show(rows: Sequence[Sequence[str]], runner: Runner) -> None:
    """Print a table, its columns as wide as they need; what others wrote is one line each."""
    flat = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in flat) for column in range(len(flat[0]))]
    for row in flat:
        runner.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _task_here(place: Workplace) -> str:
    """The task that worked in the workspace last; empty when nothing tells."""
    with acting_as(place.user):
        states, _ = load(place.workspace / ".agent", bare_states=True)
    if states:
        return states[0][0].task
    return _task_of("HEAD", Worktree(place.workspace, place.user, place.environment))


def _task_of(commit: str, worktree: Worktree) -> str:
    """The task whose checkpoint a commit is; empty when it is none."""
    code, out, _ = worktree.git.attempt("log", "-1", "--format=%(trailers:key=Ralph-Task,valueonly)", commit, "--")
    return "" if code else out.decode(errors="replace").strip()


def _has_records(folder: Path) -> bool:
    return any((folder / "checkpoints").glob("checkpoint_*.json")) or any((folder / "metrics").glob("state_*.json"))


def _records(task: Task) -> list[Listed]:
    """The local records, the newest last."""
    with acting_as(task.place.user if task.folder != task.place.home / "agent" else None):
        return list(listed(task.folder))[::-1]


@contextmanager
def _working_on(task: Task) -> Iterator[None]:
    """Hold the task's lock, as a run does. Raises StateError when another process has it."""
    with locked(task.place.home / "lock", LOCK_S) as is_ours:
        if not is_ours:
            raise StateError(
                f"Another ralph works on the task `{task.settings.task}` in this workspace.",
                remedy="Wait for it or end it, and try again.",
            )
        yield


def _subjects(worktree: Worktree, commits: Sequence[str]) -> dict[str, str]:
    """The subjects of those commits that are here, asked for at once."""
    asked = "".join(f"{commit}\n" for commit in commits if SHA.fullmatch(commit))
    words = ("log", "--no-walk=unsorted", "--ignore-missing", "--format=%H %s", "--stdin")
    code, out, _ = worktree.git.attempt(*words, stdin=asked.encode()) if asked else (1, b"", b"")
    lines = out.decode(errors="replace").splitlines() if not code else []
    return {sha: subject for sha, _, subject in (line.partition(" ") for line in lines)}


def _commit_of(wanted: str, task: Task, worktree: Worktree) -> str:
    """The commit that an iteration or a sha means. Raises StateError when it is no checkpoint of the task."""
    key, lists = task.settings.task, "`ralph checkpoints` and `git log --oneline` list them."
    records = {item.key: item for item in _records(task)}
    item = records.get(wanted)
    commit = wanted
    if item is not None:
        if item.checkpoint is None:
            raise StateError(f"The record of checkpoint {wanted} is damaged: {item.why}", remedy="Give its commit.")
        commit = item.commit
        if not commit:
            raise StateError(f"Checkpoint {wanted} has no commit: it was made with --no-git.", remedy="Choose another.")
    if not SHA.fullmatch(commit):
        raise StateError(f"There is no checkpoint {wanted!r} of the task `{key}` here.", remedy=lists)
    code, out, _ = worktree.git.attempt("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if code:
        what = f"checkpoint {wanted}" if item else f"{wanted!r}"
        branch = task.state.branch if task.state else task.settings.branch
        raise StateError(
            f"The commit of {what} is not in this repository, or more than one begins so.",
            remedy=f"{lists} A shallow clone gets the others by `git fetch --unshallow origin {branch}`.",
        )
    sha = out.decode().strip()
    of = _task_of(sha, worktree)
    if of != key:
        whose = f"is a checkpoint of the task `{of}`" if of else "is no checkpoint"
        raise StateError(f"{sha[:12]} {whose}, and the task here is `{key}`.", remedy=f"Choose one of its own: {lists}")
    return sha
