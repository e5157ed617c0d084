"""One run in the world of `world.py`: the order of its steps is the program's, and it may be killed at each of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ralph_action.checkpoint.records import record_name
from ralph_action.lease import Lease, renewed
from ralph_action.outcome import Outcome
from ralph_action.state import Checkpoint, Status, StopReason, TaskState
from tests.unit.world import Artifact, Folder, World, key_of, with_homes

KEPT = 2
VERSIONS = count(1)
"""As a commit's name: never the same twice, whatever became of the ref."""


class KilledError(Exception):
    """Nothing of the run happens any more."""


class Run:
    """A process at work on the task in one place."""

    def __init__(self, world: World, place: str, number: int, attempt: int) -> None:
        self.world = world
        self.place = place
        self.lease = Lease(run_id=str(number), run_attempt=attempt, until="")
        self.new = TaskState(
            task="t", agent="a", branch="ralph/t", start_time="s", run_id=str(number), run_attempt=attempt
        )
        self.state = self.new
        self.fuse: int | None = None
        self.is_over = False
        self.has_branch = False
        self.version = 0
        """The state ref that the next push goes on top of."""
        self.held = ""
        """Until when the claim that is on the remote counts; empty without one."""
        self.queue: Checkpoint | None = None
        self.late: Checkpoint | None = None
        self.last_sequence = -1
        self.since: int | None = None
        self.latest: Checkpoint | None = None
        self.reached: dict[str, str] = {}
        self.is_claimed = False

    @property
    def folder(self) -> Folder:
        return self.world.places.setdefault(self.place, Folder())

    @property
    def is_live(self) -> bool:
        """Whether its claim counts: it was landed, and has not lapsed."""
        return not self.is_over and self.held > self.world.now

    def step(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise KilledError

    def begin(self, resume: str, *, branch: bool, artifact: bool, knows_over: frozenset[str]) -> bool:
        """Search, choose, restore. False when the run is refused."""
        world = self.world
        seen = list(world.search(self.place, branch=branch, artifact=artifact))
        candidates = [item.candidate for item in seen if item.candidate is not None]
        if not branch and not candidates:
            return False
        if branch:
            self.has_branch, self.version = True, world.remote.version
            is_foreign = self.place in world.foreign and world.pieces.is_foreign_marked
            local = next((item.state for item in candidates if item.home == "local" and not is_foreign), None)
            if world.pieces.why_refused(
                world.remote.lease, self.lease, local, world.now, lambda lease: lease.run_id in knows_over
            ):
                return False
        choice = world.pieces.choose(candidates, self.new, resume)
        best = choice.candidate
        if best is None:
            finished = [item for item in candidates if item.state.generation == choice.finished]
            assert bool(finished) == bool(candidates)
            if finished:
                over = [item for item in finished if item.state.status is Status.COMPLETED and item.is_published]
                assert over or resume == "never"
                kept = over or finished
                assert any(world.keeps_all(seen, item.state, item.home) for item in kept)
            assert choice.state.generation == choice.finished + 1
            assert choice.state.branch == ("ralph/t" if not candidates else f"ralph/t-{choice.finished + 1}")
            self._enter(choice.state, (), frozenset(), max((item.state.sequence for item in finished), default=-1))
            if candidates:
                furthest = max(candidates, key=lambda item: item.state.sequence)
                self._take_over(next(item.folder for item in seen if item.candidate is furthest))
                self._begin_generation()
        else:
            heads = [(item.home, key_of(item.head)) for item in seen if item.head is not None]
            left = f"something durable was left: {best.home} {key_of(best.state)} of {heads}"
            assert world.keeps_all(seen, best.state, best.home), left
            assert choice.state.generation == best.state.generation
            self._enter(
                choice.state, world.line[key_of(best.state)], world.kin[key_of(best.state)], best.state.sequence
            )
            self.step()
            if best.home != "local":
                if not world.is_prefix(world.heads.get(self.place), best.state):
                    del world.heads[self.place]  # another run has gone on without it: it is parked, and said
                self._take_over(next(item.folder for item in seen if item.candidate is best))
        self._write(self.state)
        world.foreign.discard(self.place)
        return True

    def claim(self, knows_over: frozenset[str]) -> None:
        """As `begin.claim` does: a push that has landed since the search may be our own dead run's."""
        self.is_claimed = True
        if not self.has_branch:
            return
        self.step()
        if not self._push(None, is_last=False):
            world, remote = self.world, self.world.remote
            why = world.pieces.why_refused(
                remote.lease, self.lease, None, world.now, lambda lease: lease.run_id in knows_over
            )
            states = remote.folder.load(world.pieces, bare_states=True)
            self.version = remote.version
            if why or not states or states[0][0].sequence >= self.state.sequence:
                self.is_over = True
            else:
                self._push(None, is_last=False)
        self.step()

    def iterate(self, outcome: Outcome, *, promised: bool) -> None:
        """One agent call is over: it is counted, and written."""
        world = self.world
        world.calls.append(outcome)
        line = (*world.line[key_of(self.state)], len(world.calls) - 1)
        self.step()
        after = world.pieces.after(self.state, outcome, promised)
        self._enter(after, line, world.kin[key_of(self.state)], self.state.sequence)
        self._write(after)

    def snapshot(self, *, is_last: bool = False) -> None:
        """State, commit, record: in this order."""
        world, before = self.world, self.state
        state = replace(before, sequence=before.sequence + 1)
        self._enter(state, world.line[key_of(before)], world.kin[key_of(before)], before.sequence)
        name = self._write(state)
        self.step()
        self.state = replace(state, head_sha=world.commit(before.head_sha))
        self.step()
        record = Checkpoint(
            iteration=state.iteration,
            sequence=state.sequence,
            branch=state.branch,
            commit=self.state.head_sha,
            state_file=name,
            digest=str(key_of(state)),
            homes={"local": "reached"},
        )
        self.folder.files[record_name(record)] = record
        world.heads[self.place] = state
        self.latest = self.queue = record
        self.last_sequence = record.sequence if is_last else self.last_sequence
        self.since = record.sequence if self.since is None else self.since
        for gone in self.folder.outdated(world.pieces, KEPT, self.since):
            self.step()
            del self.folder.files[gone]

    def publish(self, *, branch: bool, artifact: bool) -> None:
        """The background thread's turn: branch first, then the artifact, then what was reached is written down."""
        record = self.queue or self.late
        if record is None:
            return
        self.queue = None
        is_last = record.sequence == self.last_sequence
        homes = {"branch": "off", "artifact": "no answer"}
        if self.has_branch:
            homes["branch"] = "no answer"
            self.step()
            if branch and not self.is_over:
                homes["branch"] = "reached" if self._push(record, is_last=is_last) else "moved"
        self.step()
        if artifact:
            folder = self.folder.as_of(record)
            head = folder.files.get(record.state_file)
            assert isinstance(head, TaskState)
            self.world.artifacts.append(Artifact(folder, head))
            homes["artifact"] = "reached"
        self.step()
        self.late = None if set(homes.values()) <= {"reached", "off"} else record
        self.reached = homes
        latest = self.latest
        if latest is None or latest.iteration != record.iteration or latest.sequence <= record.sequence:
            self.folder.files[record_name(record)] = with_homes(record, homes)
        self.since = record.sequence
        if homes["branch"] == "moved":
            self.is_over = True

    def renew(self) -> None:
        if self.has_branch and not self._push(None, is_last=False):
            self.is_over = True

    def finish(self, reason: StopReason, *, branch: bool, artifact: bool) -> None:
        """The last checkpoint, its publishing, and an honest end."""
        ended = self.state.ended(reason, now="n")
        world, before = self.world, self.state
        self._enter(ended, world.line[key_of(before)], world.kin[key_of(before)], before.sequence)
        self.snapshot(is_last=True)
        self.publish(branch=branch, artifact=artifact)
        if self.state.status is Status.COMPLETED and "reached" not in self.reached.values():
            after, key = self.state.ended(StopReason.GIT, now="n"), key_of(self.state)
            self._enter(after, world.line[key], world.kin[key], self.state.sequence)
            self._write(after)
        self.is_over = True

    def _enter(self, state: TaskState, line: tuple[int, ...], kin: frozenset[str], before: int) -> None:
        """Be at a state, and know what it really comes from."""
        assert state.sequence > before, "the sequence does not grow"
        key = key_of(state)
        assert key not in self.world.line, "two states have one name"
        self.world.line[key], self.world.kin[key] = line, kin | {state.run}
        self.state = state
        self.world.check(state)

    def _write(self, state: TaskState) -> str:
        self.step()
        name = self.folder.write_state(state, len(self.world.line))
        self.world.heads[self.place] = state
        self.step()
        return name

    def _take_over(self, source: Folder) -> None:
        """States first, records last."""
        self.world.foreign.add(self.place)
        for name in sorted(source.files, reverse=True):
            self.step()
            self.folder.files[name] = source.files[name]

    def _begin_generation(self) -> None:
        for name in sorted(name for name in self.folder.files if name.startswith("checkpoints/")):
            self.step()
            del self.folder.files[name]

    def _push(self, record: Checkpoint | None, *, is_last: bool) -> bool:
        """Branch and state in one atomic push. False when the remote refuses it."""
        world, remote = self.world, self.world.remote
        tip = remote.tips.get(record.branch, "") if record else ""
        is_forward = record is None or world.is_ancestor(tip, record.commit)
        if not world.pieces.accepts(self.version, remote.version) or not is_forward:
            return False
        remote.version = self.version = next(VERSIONS)
        remote.lease = None if is_last else renewed(self.lease, world.now)
        self.held = remote.lease.until if remote.lease else ""
        if record is not None:
            remote.folder = self.folder.as_of(record)
            head = remote.folder.files.get(record.state_file)
            assert isinstance(head, TaskState)
            remote.head = head
            is_late = not world.pieces.is_push_atomic
            remote.tips[record.branch] = world.parents[record.commit] if is_late else record.commit
        return True
