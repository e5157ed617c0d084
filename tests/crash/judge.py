"""Crash, run again, and say what was lost."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tests.crash.harness import COST, ROOT, TOKENS, Run, World


def points(root: Path, interval: int, source: Path = ROOT, keep: int = 50) -> tuple[list[str], str]:
    """Every point of an undisturbed run, and the tree that it ends with."""
    world = World(root, interval, source, keep)
    world.set_up()
    trace = root / "trace"
    run = world.run(trace=trace)
    if run.code != 0:
        raise AssertionError(run.log)
    return sorted(set(trace.read_text().splitlines())), world.tree()


def resuming_points(root: Path, interval: int, point: str, mode: str) -> list[str]:
    """The points of a run that resumes after a crash at `point`, up to its first iteration's end."""
    world = World(root, interval)
    world.set_up()
    world.run(crash_at=point)
    world.lose(mode)
    trace = root / "trace"
    world.run(trace=trace)
    found = trace.read_text().splitlines()
    return list(dict.fromkeys(found[: found.index("before append journal.jsonl#3")]))


def violations(
    root: Path,
    point: str | float,
    mode: str,
    tree: str,
    interval: int,
    source: Path = ROOT,
    *,
    keep: int = 50,
    then: str = "",
) -> list[str]:
    """Crash at the point, or after so many seconds, and run again; say what was lost.

    With `then` the second run is killed too, at that point of its own, and a third one goes on where it was.
    """
    world = World(root, interval, source, keep)
    world.set_up()
    mine = UsersOwn(world)
    first = world.run(crash_at=point) if isinstance(point, str) else world.run(after_s=point)
    found = mine.violations()
    durable = world.durable(mode, first.log)
    before = world.calls().total()
    world.lose(mode)
    if then and world.run(crash_at=then).code == 0:
        return found
    second = world.run()
    if first.code == 0:  # the point was not met this time, as it is the other thread's: nothing is to be seen
        return found
    if second.code != 0:
        return [*found, f"the run after it ended with {second.code}: {second.log[-1500:]}"]
    found += _counting(world, mode, second, durable, before, tree)
    if mode == "same":
        found += mine.violations()
    return found


def _counting(world: World, mode: str, second: Run, durable: int, before: int, tree: str) -> list[str]:
    """What the counters and the tree say."""
    found: list[str] = []
    state = world.state()
    is_second = state["generation"] == 2
    # A fresh clone lacks what the user had not committed, unless a checkpoint has it; and what the mode took away.
    has_all = mode == "same" or (durable > 0 and not (is_second and mode == "artifact"))
    if has_all and world.tree() != tree:
        found.append(f"the tree is another one, or none: {second.log[-1000:]}")
    if is_second:  # the first one had been completed, and was found so in a home that is left
        return found
    if second.resumed_after < durable:
        found.append(f"iteration {durable} was reported durable, it went on after {second.resumed_after}")
    done = len(state["iterations"])
    if [item["number"] for item in state["iterations"]] != list(range(1, done + 1)):
        found.append(f"the iterations are {[item['number'] for item in state['iterations']]}")
    if (state["tokens_used"], round(state["cost_incurred"], 6)) != (done * TOKENS, round(done * COST, 6)):
        found.append(f"the counters are {state['tokens_used']}, {state['cost_incurred']} after {done} iterations")
    # The call that was killed, and elsewhere those that no checkpoint had brought there yet.
    unrecorded = world.calls().total() - done
    if unrecorded > 1 + (0 if mode == "same" else max(before - durable, 0)):
        found.append(f"{unrecorded} calls are in no counter, {done} are")
    return found


class UsersOwn:
    """What is the user's in the workspace: branches, stashes, the index, uncommitted files."""

    FILES: ClassVar = {"kept.txt": "changed\n", "staged.txt": "staged\n", "untracked.txt": "untracked\n"}

    def __init__(self, world: World) -> None:
        self._git = world.git(world.work)
        self._work = world.work
        self._refs = self._own_refs()
        self._head = self._git.run("rev-parse", "HEAD")

    def violations(self) -> list[str]:
        found = [] if self._own_refs() == self._refs else ["the user's refs were changed"]
        for name, text in self.FILES.items():
            path = self._work / name
            if not path.is_file() or path.read_text() != text:
                found.append(f"the user's {name} was changed")
        staged = self._git.run("diff", "--cached", "--name-only")
        if self._git.run("rev-parse", "HEAD") == self._head and staged != "staged.txt":
            found.append(f"the user's index was changed: {staged!r}")
        return found

    def _own_refs(self) -> str:
        return self._git.run("for-each-ref", "refs/heads/theirs", "refs/heads/main", "refs/stash")
