"""Repositories inside the work tree: the files that a checkpoint takes of them, and what it cannot take."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.git import Git

LIST = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
UNSAVED = "is a submodule with changes that no checkpoint holds: commit and push them there"


def files_of(git: Git, top: Path, path: str, unread: dict[str, str]) -> list[str]:
    """The files of a repository at `path` and of those inside it, as git can add them; the others go to `unread`."""
    with acting_as(git.user):
        return [name for name in _names(git, top, path) if _can_be_added(top, name, unread)]


def links_of(git: Git, top: Path, known: set[str], listed: str) -> list[str]:
    """The links in `git ls-files -s -z` that are no submodules, and have a repository where they point."""
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry.startswith("160000 "))
    with acting_as(git.user):
        return [path for _, _, path in entries if path not in known and os.path.lexists(top / path / ".git")]


def submodules(git: Git, top: Path) -> set[str]:
    """The paths that `.gitmodules` names."""
    if not os.path.lexists(top / ".gitmodules"):
        return set()
    words = ("config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
    code, out, _ = git.attempt("-C", str(top), *words)
    entries = out.decode("utf-8", "surrogateescape").split("\0") if not code else []
    return {entry.partition("\n")[2] for entry in entries if entry}


def unsaved(git: Git, top: Path, path: str, *, moved: bool) -> bool:
    """Whether a submodule has changes, or was moved to a commit that no remote of it is known to have.

    A shallow checkout knows no remote's branch for the commit that it was made for: only a move counts.
    """
    with acting_as(git.user):
        if not os.path.lexists(top / path / ".git"):
            return False
    where = ("-C", str(top / path))
    changed = git.attempt(*where, "status", "--porcelain")[1]
    return bool(changed or (moved and git.attempt(*where, "rev-list", "-n", "1", "HEAD", "--not", "--remotes")[1]))


def _names(git: Git, top: Path, path: str) -> Iterator[str]:
    """Ask the repository, which knows what it ignores; where it is broken, all that lies there."""
    code, out, _ = git.attempt("-C", str(top / path), *LIST)
    if code:
        yield from _all_below(top, path)
        return
    for name in out.decode("utf-8", "surrogateescape").split("\0"):
        inner = f"{path}/{name}".rstrip("/")
        if not name or not os.path.lexists(top / inner):
            continue
        if (top / inner).is_symlink() or not (top / inner).is_dir():
            yield inner
        elif os.path.lexists(top / inner / ".git"):
            yield from _names(git, top, inner)
        else:
            yield from _all_below(top, inner)


def _all_below(top: Path, path: str) -> Iterator[str]:
    for folder, folders, files in os.walk(top / path):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118  names may be no text
        folders[:] = [name for name in folders if name != ".git"]
        for name in [*files, *links]:
            if name != ".git":
                yield (Path(folder) / name).relative_to(top).as_posix()


def _can_be_added(top: Path, name: str, unread: dict[str, str]) -> bool:
    """One file that git cannot read would end the adding of all others."""
    try:
        mode = (top / name).lstat().st_mode
        if stat.S_ISREG(mode):
            os.close(os.open(top / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError:
        return False
    except OSError as problem:
        unread[name] = f"cannot be read: {problem.strerror}"
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)
