"""Collect the candidates of the three homes, each validated; say what was refused and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ralph_action.checkpoint.reading import load
from ralph_action.checkpoint.segments import read_manifest
from ralph_action.errors import DiskError, RalphError, StateError
from ralph_action.ports import ArtifactKind
from ralph_action.resume.choose import Candidate
from ralph_action.resume.shelf import Shelf
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
    shelf: Shelf | None = None
    """The artifacts that were looked at."""

    def refuse(self, home: str, where: str, why: str, *, is_damaged: bool = True) -> None:
        self.notes.append(f"{home}: {where}: refused: {why}")
        self.refusals.append(Refusal(home, where, why, is_damaged))

    def has_damaged(self, home: str) -> bool:
        return any(item.home == home and item.is_damaged for item in self.refusals)


class Work(Protocol):
    """The commits on this machine."""

    def has(self, commit: str) -> bool: ...

    def take(self, base: str, bundles: Sequence[Path]) -> str:
        """Take commits in that build on `base`; return what went wrong with the last that could not be taken."""
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
    segments: tuple[str, ...] = (),
) -> bool:
    """Take the furthest valid checkpoint of one `.agent/` tree. True when there is one.

    `refusal` says of a state and its record why what they name cannot be had; empty when it can. `segments` are
    the artifacts that the tree builds on.
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
        found.candidates.append(
            Candidate(
                home=home,
                where=where,
                state=state,
                commit=commit,
                folder=folder,
                segments=segments,
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


def search_artifacts(found: Found, shelf: Shelf, *, task: str, work: Work) -> None:
    """Take the newest artifact that holds a valid checkpoint whose commit can be had."""
    found.shelf = shelf
    number = 0
    for artifact in shelf.artifacts:
        if artifact.refusal:  # not counted: a fork could make many with newer names
            found.refuse("artifact", artifact.name, artifact.refusal, is_damaged=False)
            continue
        if artifact.kind is ArtifactKind.SEGMENT:
            continue
        number += 1
        if number > MAX_ARTIFACTS:
            return
        try:
            folder = shelf.fetch(artifact.name, patiently=True)
            segments = read_manifest(folder)
        except DiskError:
            raise  # an older one would be taken, or all begun anew, for want of room
        except RalphError as problem:
            found.refuse("artifact", artifact.name, str(problem), is_damaged=isinstance(problem, StateError))
            continue
        if search_folder(
            found,
            "artifact",
            folder / ".agent",
            artifact.name,
            task=task,
            bare_states=False,
            refusal=_needing(work, shelf, [*segments, artifact.name]),
            segments=segments,
        ):
            return


def _needing(work: Work, shelf: Shelf, names: Sequence[str]) -> Refusing:
    """Why the commits of a checkpoint cannot be had; they are taken from bundles when no other home has them."""

    def refusal(state: TaskState, checkpoint: Checkpoint | None) -> str:
        wanted = [commit for commit in ((checkpoint.commit, checkpoint.wip) if checkpoint else ()) if commit]
        if all(work.has(commit) for commit in wanted):
            return ""
        bundles, missing = shelf.bundles(names)
        problem = work.take(state.base_sha, bundles) if bundles else ""
        lacking = next((commit for commit in wanted if not work.has(commit)), "")
        causes = "".join(f"; {why}" for why in (*missing, problem) if why)
        return f"its commit {lacking[:12]} is in no home{causes}" if lacking else ""

    return refusal
