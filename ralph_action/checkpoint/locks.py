"""Lock files that a killed git left behind: taken away when nobody is there who could hold them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.ports import User


def clear_all(git_dir: Path) -> None:
    """Take every lock out of a repository that is ours alone; the task's lock says that nobody works in it."""
    for lock in (*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)


def clear_stale(git_dir: Path, names: Iterable[str], root: Path, user: User | None) -> list[str]:
    """Take locks out of the workspace's repository unless a git command is at work there; return their names.

    Args:
        git_dir: where they lie.
        names: of what is locked: `index`, `HEAD`, a ref.
        root: the work tree.
        user: with whose rights they are removed.

    """
    found = [f"{name}.lock" for name in names if os.path.lexists(git_dir / f"{name}.lock")]
    if not found or _git_is_at_work({root.resolve(), git_dir.resolve()}):
        return []
    with acting_as(user), contextlib.suppress(OSError):
        for name in found:
            (git_dir / name).unlink(missing_ok=True)
    return found


def _git_is_at_work(folders: set[Path]) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_git = (process / "comm").read_text().startswith("git")
            is_dead = (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            where = (process / "cwd").readlink()
            if is_git and not is_dead and any(where.is_relative_to(folder) for folder in folders):
                return True
    return False
