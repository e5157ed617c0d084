"""Collect the candidates of the three homes, each validated; say what was refused and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ralph_action.checkpoint.reading import load
from ralph_action.errors import RalphError, StateError
from ralph_action.resume.choose import Candidate
from ralph_action.state import Checkpoint, TaskState

Refusing = Callable[[TaskState, Checkpoint | None], str]
"""Says why what a state and its record name cannot be had; of a state that no checkpoint names the record is None."""

MAX_ARTIFACTS = 5
"""How many artifacts, the newest first, are looked into before the home is given up."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not taken."""

    home: str
    where: str
    why: str
    is_damaged: bool
    """False: it may be sound, but is another task's, or nobody's to take, or out of reach."""


@dataclass(slots=True)
class Found:
    """What the search came to."""

    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """For the log: home, what was found or why it was refused."""
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, home: str, where: str, why: str, *, is_damaged: bool = True) -> None:
        self.notes.append(f"{home}: {where}: refused: {why}")
        self.refusals.append(Refusal(home, where, why, is_damaged))

    def has_damaged(self, home: str) -> bool:
        return any(item.home == home and item.is_damaged for item in self.refusals)


class Artifact(Protocol):
    """An artifact that may hold a checkpoint of the task."""

    @property
    def name(self) -> str: ...

    @property
    def refusal(self) -> str: ...

    def fetch(self, into: Path) -> Path:
        """Download and unpack safely; return the folder. Raises RalphError."""
        ...


def search_folder(
    found: Found,
    home: str,
    folder: Path,
    where: str,
    *,
    task: str,
    bare_states: bool,
    refusal: Refusing = lambda _state, _checkpoint: "",
) -> bool:
    """Take the furthest valid checkpoint of one `.agent/` tree. True when there is one.

    `refusal` says of a state and its record why what they name cannot be had; empty when it can.
    """
    states, refused = load(folder, bare_states=bare_states)
    for why in refused:
        found.refuse(home, where, why)
    for state, checkpoint in states:
        if state.task != task:
            found.refuse(home, where, f"belongs to the task `{state.task}`", is_damaged=False)
            continue
        commit = checkpoint.commit if checkpoint else state.head_sha
        if why := refusal(state, checkpoint):
            found.refuse(home, where, f"iteration {state.iteration}: {why}")
            continue
        bundle = folder.parent / "work.bundle"
        found.candidates.append(
            Candidate(
                home=home,
                where=where,
                state=state,
                commit=commit,
                folder=folder,
                bundle=bundle if bundle.is_file() else None,
                bare=checkpoint is None,
                checkpoint=checkpoint,
            )
        )
        aside = ", with the files of the one after it" if checkpoint and checkpoint.wip else ""
        found.notes.append(
            f"{home}: {where}: iteration {state.iteration}, {state.status.value}, sequence {state.sequence}{aside}"
        )
        return True
    return False


def search_artifacts(
    found: Found,
    artifacts: Iterable[Artifact],
    scratch: Path,
    *,
    task: str,
    have_commit: Callable[[str], bool],
) -> None:
    """Take the newest artifact that holds a valid checkpoint whose commit can be had."""
    number = 0
    for artifact in artifacts:
        if artifact.refusal:  # not counted: a fork could make many with newer names
            found.refuse("artifact", artifact.name, artifact.refusal, is_damaged=False)
            continue
        number += 1
        if number > MAX_ARTIFACTS:
            return
        try:
            folder = artifact.fetch(scratch / f"artifact-{number}")
        except RalphError as problem:
            found.refuse("artifact", artifact.name, str(problem), is_damaged=isinstance(problem, StateError))
            continue
        carries_work = (folder / "work.bundle").is_file()

        def refusal(_state: TaskState, checkpoint: Checkpoint | None, carries_work: bool = carries_work) -> str:  # noqa: FBT001
            named = (checkpoint.commit, checkpoint.wip) if checkpoint and not carries_work else ()
            lacking = [commit for commit in named if commit and not have_commit(commit)]
            return f"its commit {lacking[0][:12]} is in no home" if lacking else ""

        agent = folder / ".agent"
        if search_folder(found, "artifact", agent, artifact.name, task=task, bare_states=False, refusal=refusal):
            return
