"""A world in memory: workspaces, a branch and artifacts; what the program decides, its own pure functions decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ralph_action.checkpoint.records import NAME, newest_first, record_name
from ralph_action.checkpoint.retention import Limits, Record, outdated
from ralph_action.documents import read_state, state_document
from ralph_action.lease import Lease, why_refused
from ralph_action.outcome import Outcome
from ralph_action.resume.choose import Candidate, Choice, choose
from ralph_action.state import Checkpoint, TaskState

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Loaded = list[tuple[TaskState, Checkpoint | None]]
Key = tuple[str, int]


def key_of(state: TaskState) -> Key:
    """A state's run and sequence: no two states have the same."""
    return state.run, state.sequence


def _one_on(state: TaskState, outcome: Outcome, promised: bool) -> TaskState:
    return state.after(outcome, started="s", now="n", promised=promised)


@dataclass(frozen=True)
class Pieces:
    """What decides; a test hands in one that is broken."""

    after: Callable[[TaskState, Outcome, bool], TaskState] = _one_on
    choose: Callable[[Sequence[Candidate], TaskState, str], Choice] = choose
    why_refused: Callable[..., str] = why_refused
    newest_first: Callable[[Loaded], Loaded] = newest_first
    outdated: Callable[..., list[str]] = outdated
    accepts: Callable[[int, int], bool] = lambda parent, present: present in {0, parent}
    """Whether the state ref may move from `present` to what was made on top of `parent`; 0 is none."""
    is_push_atomic: bool = True
    """Whether state and branch move together; else the branch comes with the next push."""
    tries: int = 99
    """How many of a home's checkpoints are tried, the newest first."""
    is_foreign_marked: bool = True
    """Whether a folder that another machine's states are being brought to says so."""


class Folder:
    """An `.agent/` tree: name → record."""

    def __init__(self, files: dict[str, TaskState | Checkpoint] | None = None) -> None:
        self.files = dict(files or {})

    def write_state(self, state: TaskState, second: int) -> str:
        """As it is read back from its document."""
        name = f"metrics/state_20260101_{second:06d}.json"
        self.files[name] = read_state(state_document(state))
        return name

    def load(self, pieces: Pieces, *, bare_states: bool) -> Loaded:
        """As `checkpoint/reading.py` does from a disk."""
        records = [item for item in self.files.values() if isinstance(item, Checkpoint)]
        named = [(self.files.get(item.state_file), item) for item in records]
        found: Loaded = [
            (state, item) for state, item in named if isinstance(state, TaskState) and item.digest == str(key_of(state))
        ]
        states = sorted(name for name in self.files if name.startswith("metrics/"))
        bare = [self.files[name] for name in states[-3:] if name not in {item.state_file for item in records}]
        found += [(state, None) for state in bare if bare_states and isinstance(state, TaskState)]
        return pieces.newest_first(found)

    def as_of(self, checkpoint: Checkpoint) -> Folder:
        """What goes to another home: without the later records, as `later_records` says."""
        files = dict(self.files)
        for name in self.files:
            match = NAME.fullmatch(name.removeprefix("checkpoints/"))
            if match and int(match[1]) >= checkpoint.iteration:
                del files[name]
        return Folder({**files, record_name(checkpoint): checkpoint})

    def outdated(self, pieces: Pieces, keep: int, since: int | None) -> list[str]:
        valid = {key_of(state) for state, _ in self.load(pieces, bare_states=False)}
        records = []
        for name, item in self.files.items():
            if isinstance(item, Checkpoint):
                state = self.files.get(item.state_file)
                records.append(
                    Record(
                        name=name,
                        iteration=item.iteration,
                        sequence=item.sequence,
                        state_file=item.state_file,
                        is_valid=isinstance(state, TaskState) and key_of(state) in valid,
                    )
                )
        return pieces.outdated(list(self.files), records, Limits(keep=keep, days=0, now=EPOCH), since=since)


@dataclass
class Remote:
    """The branch home: the state ref moves by compare-and-swap, the branches only fast-forward."""

    version: int = 0
    """Of the state ref; 0 is none."""
    folder: Folder = field(default_factory=Folder)
    lease: Lease | None = None
    tips: dict[str, str] = field(default_factory=dict)
    head: TaskState | None = None
    """The state of the checkpoint that was brought last."""


@dataclass
class Artifact:
    """One upload, with a bundle of the work."""

    folder: Folder
    head: TaskState


@dataclass(frozen=True)
class Seen:
    """What one home gives, and what was brought there last; each None when it is nothing."""

    home: str
    folder: Folder
    candidate: Candidate | None
    head: TaskState | None


@dataclass(eq=False)
class World:
    """All homes; `line` and `kin` are what really happened, which the program does not know."""

    pieces: Pieces
    seconds: int = 0
    remote: Remote = field(default_factory=Remote)
    artifacts: list[Artifact] = field(default_factory=list)
    places: dict[str, Folder] = field(default_factory=dict)
    heads: dict[str, TaskState] = field(default_factory=dict)
    """Place → the last state that a run wrote there."""
    foreign: set[str] = field(default_factory=set)
    """Places where the last state may be of another place's run."""
    parents: dict[str, str] = field(default_factory=dict)
    """Commit → the one before it."""
    calls: list[Outcome] = field(default_factory=list)
    line: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    """State → the calls that it counts."""
    kin: dict[Key, frozenset[str]] = field(default_factory=dict)
    """State → the runs that it comes from, its own too."""

    @property
    def now(self) -> str:
        return (EPOCH + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def commit(self, parent: str) -> str:
        sha = f"{len(self.parents) + 1:040x}"
        self.parents[sha] = parent
        return sha

    def is_ancestor(self, older: str, newer: str) -> bool:
        while newer and newer != older:
            newer = self.parents[newer]
        return newer == older

    def newest_artifact(self) -> Artifact | None:
        """The newest run's newest, as their names say."""
        return max(
            self.artifacts,
            key=lambda item: (int(item.head.run_id), item.head.run_attempt, item.head.sequence),
            default=None,
        )

    def search(self, place: str, *, branch: bool = True, artifact: bool = True) -> Iterator[Seen]:
        """What each home that is in reach gives."""
        yield self._seen("local", self.places.get(place, Folder()), self.heads.get(place))
        if branch:
            yield self._seen("branch", self.remote.folder, self.remote.head)
        newest = self.newest_artifact()
        if artifact and newest is not None:
            yield self._seen("artifact", newest.folder, newest.head)

    def _seen(self, home: str, folder: Folder, head: TaskState | None) -> Seen:
        for state, record in folder.load(self.pieces, bare_states=home == "local")[: self.pieces.tries]:
            commit = record.commit if record else state.head_sha
            if home == "branch" and not self.is_ancestor(commit, self.remote.tips.get(state.branch, "")):
                continue
            found = Candidate(
                home=home,
                where=home,
                state=state,
                commit=commit,
                folder=Path(home),
                bare=record is None,
                checkpoint=record,
            )
            return Seen(home, folder, found, head)
        return Seen(home, folder, None, head)

    def is_prefix(self, head: TaskState | None, best: TaskState) -> bool:
        """Whether all calls that `head` counts are counted by `best`."""
        mine = self.line[key_of(head)] if head is not None else ()
        return self.line[key_of(best)][: len(mine)] == mine

    def is_kept(self, head: TaskState, home: str, best: TaskState, *, is_on_branch: bool) -> bool:
        """Whether going on from `best` keeps all that `head` counts, or another line has gone on without it."""
        if head.generation != best.generation:
            return head.generation < best.generation
        if self.is_prefix(head, best):
            return True
        if head.run == best.run or best.run in self.kin[key_of(head)]:
            return False
        is_other_line = (is_on_branch and home != "branch") or best.sequence >= head.sequence
        return head.run in self.kin[key_of(best)] or is_other_line

    def keeps_all(self, seen: list[Seen], best: TaskState, home: str) -> bool:
        """Of two lines the branch's counts, wherever its newest checkpoint is taken from."""
        tip = next((item.head for item in seen if item.home == "branch"), None)
        is_on_branch = home == "branch" or (tip is not None and tip.run == best.run)
        heads = [(item.head, item.home) for item in seen if item.head is not None]
        return all(self.is_kept(head, where, best, is_on_branch=is_on_branch) for head, where in heads)

    def check(self, state: TaskState) -> None:
        """The counters are the sums of the calls, each counted once."""
        line = self.line[key_of(state)]
        outcomes = [self.calls[number] for number in line]
        assert len(set(line)) == len(line)
        assert state.iteration == sum(item.ended != "cancelled" for item in outcomes)
        assert state.tokens_known == sum(item.usage.tokens or 0 for item in outcomes)
        assert state.cost_known == sum((item.usage.cost_usd or 0 for item in outcomes), start=state.cost_known * 0)
        assert state.active_seconds == sum(item.duration_s for item in outcomes)
        named = [item.summary for item in state.iterations]
        assert named == [item.text for item in outcomes if item.ended != "cancelled"]
        assert [item.number for item in state.iterations] == list(range(1, state.iteration + 1))


def with_homes(checkpoint: Checkpoint, homes: dict[str, str]) -> Checkpoint:
    """The record as it says what was reached."""
    return replace(checkpoint, homes={**checkpoint.homes, **homes})
