"""`ralph validate`: every home that can be reached, looked into as a resume would, and nothing changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ralph_action import tree
from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.listing import damaged_states, listed
from ralph_action.errors import RalphError, StateError
from ralph_action.github.context import Context
from ralph_action.github.runner import Runner
from ralph_action.hand import Task, Values, find_task, show
from ralph_action.ports import User
from ralph_action.remote import Remotes, connect
from ralph_action.remote_search import search_branch
from ralph_action.resume.find import Found, search_artifacts
from ralph_action.resume.shelf import Shelf
from ralph_action.state import TaskState


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of the table."""

    home: str
    where: str
    iteration: str
    verdict: str
    is_damaged: bool = False


def validate(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner) -> int:
    """Print what each home holds; return 3 when something is damaged, else 0."""
    task = find_task(values, environ, workspace)
    remotes = connect(task.settings, Context.from_environ(environ), environ, task.place, runner.line)
    scratch = task.place.home / "validated"
    try:
        seen = [*_local(task), *_branch(task, remotes, scratch), *_artifact(task, remotes, scratch)]
    finally:
        remotes.close()
        shutil.rmtree(scratch, ignore_errors=True)
    rows = [("home", "where", "iteration", "verdict")]
    show([*rows, *((row.home, row.where, row.iteration, row.verdict) for row in seen)], runner)
    damaged = sum(row.is_damaged for row in seen)
    if not damaged:
        return 0
    count = "1 thing is" if damaged == 1 else f"{damaged} things are"
    runner.error("validate", f"{count} damaged. A run goes on from the furthest valid checkpoint; nothing was deleted.")
    return StateError.exit_code


def _local(task: Task) -> list[Seen]:
    """Our copy counts; the workspace's is a view of it, from which people clean files away as the guide says."""
    ours, view = task.place.home / "agent", task.place.workspace / ".agent"
    rows = list(_folder(task, ours, "saved state", None, is_view=False))
    rows += _folder(task, view, ".agent/", task.place.user, is_view=bool(rows))
    return rows or [Seen("local", str(view), "", "no checkpoint")]


def _folder(task: Task, folder: Path, where: str, user: User | None, *, is_view: bool) -> Iterator[Seen]:
    with acting_as(user):
        records = list(listed(folder))
        states = list(damaged_states(folder))
        cleaned = {
            item.name
            for item in records
            if is_view and item.checkpoint and not (folder / item.checkpoint.state_file).exists()
        }
    named = {item.checkpoint.state_file for item in records if item.checkpoint and item.why}
    for name, why in states:
        if name not in named:
            yield Seen("local", f"{where}: {name}" if where != ".agent/" else where + name, "", why, is_damaged=True)
    is_first = True
    for item in records:
        if item.name in cleaned:
            continue
        place = f"{where}: {item.name}" if where != ".agent/" else where + item.name
        commit = item.commit
        why = item.why
        if not why and commit and task.settings.git and not task.worktree.has(commit):
            why = f"its commit {commit[:12]} is not in this repository"
        if why:
            yield Seen("local", place, item.key, why, is_damaged=True)
        elif is_first:
            is_first = False
            yield Seen("local", place, item.key, "ok")


def _branch(task: Task, remotes: Remotes, scratch: Path) -> list[Seen]:
    if not remotes.url or remotes.vault is None:
        return [Seen("branch", "", "", "off")]
    new = _wanted(task)
    try:
        remotes.ask_state(new.task, f"refs/heads/{new.branch}*")
    except RalphError as problem:
        return [Seen("branch", remotes.url, "", f"cannot be reached: {problem}")]
    if not remotes.state_ref:
        return [Seen("branch", remotes.url, "", "no checkpoint")]
    found = Found()
    try:
        search_branch(found, new, remotes, scratch / "branch")
    except RalphError as problem:
        if problem.transient:
            return [Seen("branch", remotes.state_ref, "", f"cannot be reached: {problem}")]
        found.refuse("branch", remotes.state_ref, str(problem))
    return _rows("branch", found) or [Seen("branch", remotes.state_ref, "", "no checkpoint")]


def _artifact(task: Task, remotes: Remotes, scratch: Path) -> list[Seen]:
    if remotes.artifacts is None:
        return [Seen("artifact", "", "", "off")]
    found = Found()
    try:
        artifacts = remotes.artifacts.listed(task.settings.task)
    except RalphError as problem:
        return [Seen("artifact", "list", "", f"cannot be reached: {problem}")]
    shelf = Shelf(artifacts, scratch)
    search_artifacts(found, shelf, task=task.settings.task, work=tree.Here(remotes))
    names = [name for item in found.candidates for name in item.segments]
    rows = _rows("artifact", found) + [_segment(shelf, name) for name in names]
    return rows or [Seen("artifact", "", "", "no checkpoint")]


def _segment(shelf: Shelf, name: str) -> Seen:
    """One of the artifacts that hold the older logs and records of the newest."""
    try:
        shelf.fetch(name)
    except RalphError as problem:
        return Seen("artifact", name, "", f"its logs are missing: {problem}", isinstance(problem, StateError))
    return Seen("artifact", name, "", "ok: older logs and records")


def _rows(home: str, found: Found) -> list[Seen]:
    rows = [Seen(home, item.where, "", item.why, item.is_damaged) for item in found.refusals]
    return rows + [Seen(home, item.where, str(item.state.iteration), "ok") for item in found.candidates]


def _wanted(task: Task) -> TaskState:
    """What is looked for: the task by its key, on whichever generation's branch."""
    settings = task.settings
    return TaskState(task=settings.task, agent=settings.agent, branch=settings.branch, start_time="")
