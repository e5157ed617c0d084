"""The loop's `Checkpoints`: the local home at once, branch and artifact through the publisher."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.publisher import TICK_S, Publisher
from ralph_action.checkpoint.records import trailers
from ralph_action.disk import told
from ralph_action.errors import RalphError
from ralph_action.ports import Clock, is_settled
from ralph_action.state import Checkpoint, TaskState


class Commits(Protocol):
    """What a checkpoint needs of the workspace's git."""

    def commit(self, branch: str, last: str, message: str) -> str:
        """Commit the whole work tree; return the commit."""
        ...

    def commit_aside(self, task: str, last: str, message: str) -> str:
        """Commit it beside the branch, HEAD and index untouched; empty when `last` has all of it."""
        ...

    def after_commit(self, subject: str) -> str:
        """Run the user's post-commit hook; return what went wrong, if anything."""
        ...


class Remote(Protocol):
    """A home off this machine."""

    @property
    def home(self) -> str: ...

    def store(self, checkpoint: Checkpoint, confirmed: str, *, is_last: bool) -> str:
        """Bring the checkpoint there.

        Args:
            checkpoint: what to bring.
            confirmed: the last commit that the branch home is known to hold.
            is_last: whether nothing comes after it in this run.

        Returns:
            `reached`, `waiting` when it is too early, or why not.

        """
        ...

    def renew(self) -> None:
        """Do what is due between two checkpoints. Raises RalphError."""
        ...

    def tidy(self) -> None:
        """Take away what the newest checkpoint made needless; not to do it is no loss."""
        ...


class Homes:
    """Local first and blocking; the remote homes beside the next iteration."""

    def __init__(  # noqa: PLR0913  each is a part of its own
        self,
        agent_dir: AgentDir,
        commits: Commits | None,
        remotes: list[Remote],
        clock: Clock,
        say: Callable[[str], None],
        *,
        metrics_interval: int,
        confirmed: str = "",
        prepare: Callable[[], None] = lambda: None,
        keep: tuple[int, int] | None = None,
        every_s: float | None = None,
    ) -> None:
        """Know the parts.

        `keep` is how many files of each kind stay, and for how many days; None: all. `every_s` is the time
        between timed checkpoints; None: there are none.
        """
        self._keep = keep
        self._every_s = every_s
        self._aside = ("", 0)
        """The last timed checkpoint's commit, and the sequence of its state."""
        self._saved_at = clock.monotonic()
        self._since: int | None = None
        """The sequence from which on this run's checkpoints may be on their way to another home."""
        self._agent_dir = agent_dir
        self._commits = commits
        self._remotes = remotes
        self._clock = clock
        self._say = say
        self._metrics_interval = metrics_interval
        self._confirmed = confirmed
        self._latest: Checkpoint | None = None
        self._late: Checkpoint | None = None
        """The newest checkpoint, while a home has not got it."""
        self._last_sequence = -1
        self._lock = threading.Lock()
        self._said: dict[str, str] = {}
        """Home → what stands there as it was last said."""
        tick_s = min(TICK_S, every_s or TICK_S)
        self._publisher = Publisher(self._store, self._stored, prepare, self._tick, tick_s, self._tidy)

    def record(self, state: TaskState, event: str = "iteration") -> None:
        metrics = state.iteration > 0 and state.iteration % self._metrics_interval == 0
        with self._lock:
            self._agent_dir.write_state(state, metrics=metrics)
            self._agent_dir.mirror_logs(state.iteration)
            last = state.iterations[-1] if state.iterations else None
            facts = last.to_json() if last else {}
            self._agent_dir.journal(event, self._clock.now(), sequence=state.sequence, **facts)

    def snapshot(self, state: TaskState, line: str) -> tuple[TaskState, Checkpoint]:
        """State → commit that names its digest → record that names both (invariant: pointer last)."""
        state = replace(state, sequence=state.sequence + 1)
        with self._lock:
            self._agent_dir.keep_notes()
            state_file, digest = self._agent_dir.write_state(state)
        commit, subject = "", f"Ralph checkpoint {state.iteration}: {line}"
        if self._commits is not None:
            commit = self._commits.commit(state.branch, state.head_sha, f"{subject}\n\n{trailers(state, digest)}")
        checkpoint = Checkpoint(
            iteration=state.iteration,
            sequence=state.sequence,
            branch=state.branch,
            commit=commit,
            state_file=state_file,
            digest=digest,
            homes={"local": "reached"},
            time=self._clock.now(),
        )
        with self._lock:
            self._agent_dir.write_checkpoint(checkpoint)
            self._agent_dir.journal("checkpoint", checkpoint.time, iteration=state.iteration, commit=commit)
            self._latest = checkpoint
            self._saved_at = self._clock.monotonic()
            if self._keep is not None:
                self._since = checkpoint.sequence if self._since is None else self._since
                self._agent_dir.prune(*self._keep, since=self._since)
        if self._commits is not None and (problem := self._commits.after_commit(subject)):
            self._say(f"The post-commit hook failed: {problem}")
        return replace(state, head_sha=commit or state.head_sha), checkpoint

    def publish(self, checkpoint: Checkpoint, *, is_last: bool) -> None:
        if is_last:
            self._last_sequence = checkpoint.sequence
        self._publisher.publish(checkpoint)

    def flush(self, timeout_s: float) -> dict[str, str]:
        return {"local": "reached", **self._publisher.flush(timeout_s)}

    def make_room(self) -> int:
        """Remove every old record, prompt and log that no resume needs; return their bytes."""
        with self._lock:
            return sum(self._agent_dir.prune(1, 0, since=self._since).values())

    def close(self) -> None:
        self._publisher.close()

    def _store(self, checkpoint: Checkpoint) -> dict[str, str]:
        """Branch first: when the push is confirmed, the artifact needs no bundle."""
        homes = {"branch": "off", "artifact": "off"}
        for remote in self._remotes:
            try:
                is_last = checkpoint.sequence == self._last_sequence
                homes[remote.home] = remote.store(checkpoint, self._confirmed, is_last=is_last)
            except (RalphError, OSError) as problem:
                homes[remote.home] = str(told(problem, self._agent_dir.path))
            if remote.home == "branch" and homes["branch"] == "reached":
                self._confirmed = checkpoint.commit
        return homes

    def _tick(self) -> None:
        """Take a timed checkpoint; renew the claim; bring the newest one where it could not be brought before."""
        if self._is_timed_due():
            self._snapshot_aside()
        late = self._late
        if late is not None:
            self._stored(late, self._store(late))
        for remote in self._remotes:
            remote.renew()
        self._tidy()

    def _tidy(self) -> None:
        for remote in self._remotes:
            remote.tidy()

    def _is_timed_due(self) -> bool:
        is_over = self._last_sequence >= 0
        return self._every_s is not None and not is_over and self._clock.monotonic() - self._saved_at >= self._every_s

    def _snapshot_aside(self) -> None:
        """A checkpoint inside an iteration: the state is that of the last finished one, the files are further."""
        self._saved_at = self._clock.monotonic()
        if self._commits is None or self._agent_dir.last is None:
            return
        with self._lock:
            self._agent_dir.keep_notes()
            state, state_file, digest = self._agent_dir.last
            last = self._latest.commit if self._latest else state.head_sha or state.base_sha
        subject = f"Ralph work in progress after iteration {state.iteration}"
        wip = self._commits.commit_aside(state.task, last, f"{subject}\n\n{trailers(state, digest)}")
        is_new, self._aside = self._aside != (wip, state.sequence), (wip, state.sequence)
        checkpoint = Checkpoint(
            iteration=state.iteration,
            sequence=state.sequence,
            branch=state.branch,
            commit=last,
            state_file=state_file,
            digest=digest,
            homes={"local": "reached"},
            time=self._clock.now(),
            wip=wip,
        )
        with self._lock:
            if not wip or not is_new or self._agent_dir.last[0].sequence != state.sequence:
                return  # the iteration has ended meanwhile: its own checkpoint is further
            self._agent_dir.write_checkpoint(checkpoint)
            self._agent_dir.journal("timed checkpoint", checkpoint.time, iteration=state.iteration, commit=wip)
        self._stored(checkpoint, self._store(checkpoint))

    def _stored(self, checkpoint: Checkpoint, homes: dict[str, str]) -> None:
        self._late = None if all(map(is_settled, homes.values())) else checkpoint
        for home, text in homes.items():
            if text not in {"reached", "off", "waiting"} and self._said.get(home) != text:
                stands = f"is {text}" if is_settled(text) else f"was not reached: {text}"
                self._say(f"The {home} home {stands}")
            elif text == "reached" and self._said.get(home, "reached") != "reached":
                self._say(f"The {home} home is reached again; it has all of the work.")
            if text != "waiting":
                self._said[home] = text
        with self._lock:
            reached = replace(checkpoint, homes={**checkpoint.homes, **homes})
            latest = self._latest
            if latest is None or not _is_replaced(checkpoint, latest):
                self._agent_dir.write_checkpoint(reached)
            self._since = checkpoint.sequence
            self._agent_dir.journal("published", self._clock.now(), iteration=checkpoint.iteration, homes=homes)


def _is_replaced(checkpoint: Checkpoint, latest: Checkpoint) -> bool:
    """Whether the record of the latest stands where this one's was, or has taken it away."""
    same_place = bool(checkpoint.wip) or latest.iteration == checkpoint.iteration
    return same_place and latest.sequence > checkpoint.sequence
