"""Pure: which checkpoint a run goes on from, and what that makes of the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ralph_action.errors import StateError
from ralph_action.ports import is_reached
from ralph_action.state import KEPT_RUNS, Checkpoint, Status, TaskState

HOMES = ("local", "branch", "artifact")
"""The order in which equally far candidates are preferred: the cheapest to restore first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A valid checkpoint in one home."""

    home: str
    where: str
    """For people: the path, the ref, the artifact's name."""
    state: TaskState
    commit: str
    """What the work tree must become; empty without git."""
    folder: Path
    """Its `.agent/` tree."""
    segments: tuple[str, ...] = ()
    """The artifacts that it builds on, the oldest first."""
    bare: bool = False
    """True when no checkpoint names the state: the work tree as it lies belongs to it."""
    checkpoint: Checkpoint | None = None

    @property
    def lacks(self) -> tuple[str, ...]:
        """Files that its commit lacks, because the remote did not take them."""
        return self.checkpoint.withheld if self.checkpoint else ()

    @property
    def wip(self) -> str:
        """The commit that has the files of the unfinished iteration; empty when it has none."""
        return self.checkpoint.wip if self.checkpoint else ""

    @property
    def is_published(self) -> bool:
        """Whether it has left the machine, or nothing was there for it to go to."""
        if self.home != "local":
            return True
        homes = dict(self.checkpoint.homes) if self.checkpoint else {}
        homes.pop("local", None)
        return any(map(is_reached, homes.values())) or (bool(homes) and set(homes.values()) == {"off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the run begins with."""

    state: TaskState
    candidate: Candidate | None
    """What must be restored; None for a new task or generation."""
    finished: int = 0
    """The generation that was found completed, when a new one begins; else 0."""
    left_behind: tuple[Candidate, ...] = ()
    """What was not looked at further, as another run has gone on since."""


def left_behind(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that another run has gone on from, or beside: what only they have is not the task's any more.

    A machine that was away may have more iterations than the run that went on without it, so the sequence does not
    tell. Of two that went different ways the one on the branch counts: only on top of it can anything be pushed.
    """
    return [item for item in candidates if any(_is_beyond(other, item) for other in candidates)]


def _is_beyond(other: Candidate, item: Candidate) -> bool:
    theirs, mine = other.state, item.state
    if theirs.generation != mine.generation or theirs.run == mine.run or theirs.run in mine.runs:
        return False
    return mine.run in theirs.runs or (other.home == "branch" and item.home != "branch")


def furthest(candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate with the largest generation and sequence.

    Of equals one that a record names wins: a state alone may have been brought here by a run that was killed before
    it brought the files. Then the workspace's own, where the files lie; then the newest that has files of an unfinished
    iteration; then what lacks none that the remote did not take; then the nearer home.
    """
    return max(candidates, key=_distance, default=None)


def _distance(item: Candidate) -> tuple[int, int, bool, bool, str, bool, int]:
    taken = item.checkpoint.time if item.checkpoint and item.wip else ""
    is_here, near = item.home == "local", -HOMES.index(item.home)
    return item.state.generation, item.state.sequence, not item.bare, is_here, taken, not item.lacks, near


def choose(candidates: Sequence[Candidate], new: TaskState, resume: str) -> Choice:
    """Decide what to go on from.

    Args:
        candidates: every valid checkpoint that was found.
        new: the state of a task that begins now.
        resume: `auto`, `never`, `require`, or the id of a run that was looked into.

    Raises:
        StateError: `require` finds nothing that can go on.

    """
    behind = left_behind(candidates)
    best = furthest([item for item in candidates if item not in behind])
    is_required = resume not in {"auto", "never"}
    if best is None:
        if is_required:
            raise StateError(
                f"`resume: {resume}`, but no home has a valid checkpoint of the task `{new.task}`.",
                remedy="Check the `task` input and the permissions, or use `resume: auto`.",
            )
        return Choice(state=new, candidate=None)
    completed = best.state.status is Status.COMPLETED and best.is_published
    if completed and is_required:
        raise StateError(
            f"`resume: {resume}`, but the task `{new.task}` is completed.",
            remedy="Use `resume: auto` to begin a new generation of it.",
        )
    if completed or resume == "never":
        generation = best.state.generation + 1
        state = replace(
            new,
            generation=generation,
            branch=f"{new.branch}-{generation}",
            sequence=max(item.state.sequence for item in candidates) + 1,  # of those that are left behind, too
        )
        return Choice(state=state, candidate=None, finished=best.state.generation)
    state = gone_on(best, new)
    latest = max((item.state.sequence for item in behind), default=0)  # their records stay where they are
    state = replace(state, sequence=max(state.sequence, latest + 1))
    return Choice(state=state, candidate=best, left_behind=tuple(behind))


def gone_on(best: Candidate, new: TaskState) -> TaskState:
    """The found state as this run goes on with it: every counter kept, failures in a row begin anew."""
    return replace(
        best.state,
        agent=new.agent,
        status=Status.RUNNING,
        stop_reason=None,
        failures=0,
        stagnant=0,
        resets_at="",
        head_sha=best.commit or best.state.head_sha,
        sequence=best.state.sequence + 1,
        run_id=new.run_id,
        run_attempt=new.run_attempt,
        runs=(*best.state.runs, best.state.run)[-KEPT_RUNS:],
        updated=new.updated,
    )
