"""Find and end every descendant of an agent call, also those that left its process group.

Tools of the agent CLIs run in sessions of their own and outlive a group kill, so a mark in the
environment finds them: it is inherited by whatever they start.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterable

from ralph_action.children import bury, strangers

MARK = "RALPH_CALL"
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans below us become our children, not init's."""


def become_subreaper() -> None:
    """Let orphaned descendants come to us; works without privileges, on Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def adopted() -> set[int]:
    """Our children that nobody here started."""
    parents, _, _ = _table("")
    return strangers(pid for pid, parent in parents.items() if parent == os.getpid())


def find(root: int, mark: str, spared: Collection[int] | None = None) -> set[int]:
    """The living processes below `root`, of its session, or with our mark.

    Args:
        root: the call's first process.
        mark: what its environment holds.
        spared: our adopted children before the call; those that came since are the call's too, as a daemon's
            that threw its environment away. None looks at no adopted ones.

    """
    parents, sessions, marked = _table(mark)
    found = {pid for pid, session in sessions.items() if session == root} | marked
    if spared is not None:
        ours = (pid for pid, parent in parents.items() if parent == os.getpid())
        found |= strangers(ours) - set(spared)
    if root in parents:
        found.add(root)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        grown = bool(more)
        found |= more
    found.discard(os.getpid())
    return found


def end_all(root: int, mark: str, *, grace_s: float, spared: Collection[int] | None = None) -> None:
    """TERM to all, KILL after `grace_s` to what is left; what they start meanwhile too."""
    _signal(_parents_first(root, find(root, mark, spared)), signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        reap(keep=root)
        if not find(root, mark, spared):
            return
        time.sleep(0.02)
    for _ in range(200):
        left = find(root, mark, spared)
        if not left:
            return
        _signal(_parents_first(root, left), signal.SIGKILL)
        reap(keep=root)
        time.sleep(0.01)


def reap(*, keep: int) -> None:
    """Bury orphans that came to us; the child `keep` is its owner's to wait for."""
    bury(pid for pid in _zombies() if pid != keep)


def _table(mark: str) -> tuple[dict[int, int], dict[int, int], set[int]]:
    needle = f"{MARK}={mark}".encode()
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    marked: set[int] = set()
    for pid in _pids():
        try:
            facts = _facts(pid)
            if facts[0] == "Z":
                continue
            parents[pid], sessions[pid] = int(facts[1]), int(facts[3])
            with open(f"/proc/{pid}/environ", "rb") as stream:  # noqa: PTH123  the fastest way, in a tight loop
                if needle in stream.read().split(b"\0"):
                    marked.add(pid)
        except OSError:
            continue  # it ended, or is another user's
    return parents, sessions, marked


def _zombies() -> list[int]:
    mine = str(os.getpid())
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            facts = _facts(pid)
            if facts[0] == "Z" and facts[1] == mine:
                found.append(pid)
    return found


def _facts(pid: int) -> list[str]:
    """State, parent, group, session: proc(5), after the name in brackets."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
        return stream.read().rpartition(")")[2].split()[:4]


def _pids() -> Iterable[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208


def _parents_first(root: int, pids: set[int]) -> list[int]:
    """A shell whose child ends first would go on with its next command."""
    return sorted(pids, key=lambda pid: (pid != root, pid))


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
