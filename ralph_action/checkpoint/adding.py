"""Fill an index with the whole work tree: what git alone would lose or refuse is taken in another way, or named."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.git import Git
from ralph_action.errors import GitError

MAX_FILE_BYTES = 100 * 1024 * 1024
"""GitHub refuses a push with a larger file in it, and with it all the others."""
LINK = "160000"
INSIDE = "is a repository of its own: its files are in the checkpoint, its history is not"
OFF = {"clean": "", "process": "", "required": "false"}
"""A filter that does nothing."""
NO_COMMIT = re.compile(r"error: '(.*)/' does not have a commit checked out")
NO_FILTER = re.compile(r"clean filter '(.*?)' failed")
UNREADABLE = re.compile(r'error: (?:open\("(.*)"\): (.*)|unable to index file \'(.*)\')')


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that is another one than in the last commit."""

    mode: str
    was: str
    """Its mode there; zeros when it is new."""
    path: str


class Adding:
    """Adds to an index that is ours; what it leaves out is in `left_out` afterwards, path → why."""

    def __init__(self, git: Git, root: Path, limit: int = MAX_FILE_BYTES) -> None:
        self._git = git
        self._root = root
        self._limit = limit
        self.left_out: dict[str, str] = {}
        self._off: set[str] = set()
        """The filters that failed."""
        self._inside: set[str] = set()
        """The repositories that were found inside."""

    def add_all(self, environment: Mapping[str, str], head: str) -> None:
        """Add what can be read. `head` is the last commit, empty without one. Raises GitError."""
        found: dict[str, str] = {}
        large = [path for path in self.left_out if self._size(path) > self._limit]
        err = self._add(environment, large, found)
        changes = self._changes(environment, head)
        for path in self._foreign(changes, err):
            self._take_files_of(path, environment)
            self._inside.add(path)
        found |= {path: INSIDE for path in self._inside if (self._root / path / ".git").exists()}
        if any(change.mode == LINK for change in changes):  # what was in a repository of its own counts now
            changes = self._changes(environment, head)
        large += [change.path for change in changes if change.mode != LINK and self._size(change.path) > self._limit]
        self._drop(large, environment, head)
        found |= dict.fromkeys(large, f"is larger than {self._limit / 2**20:.0f} MiB, which GitHub refuses")
        self.left_out = found

    def _add(self, environment: Mapping[str, str], without: list[str], found: dict[str, str]) -> str:
        """Add all but some paths; a filter that fails, as git-lfs does where it is not installed, is left away."""
        words = ["add", "-A", "--ignore-errors", "--", ".", *(f":(exclude,top,literal){path}" for path in without)]
        for _ in range(4):
            code, _, raw = self._git.attempt(*words, env=environment)
            err = raw.decode("utf-8", errors="surrogateescape")
            if not code:
                break
            names = set(NO_FILTER.findall(err))
            if names <= self._off and "fatal" not in err:
                break
            for name in sorted(names - self._off):  # for every later command, as each may look at the files
                self._git.config += [(f"filter.{name}.{key}", off) for key, off in OFF.items()]
            self._off |= names
        else:
            if code and "fatal" in err and not NO_COMMIT.search(err):
                message = f"git add failed: {err.strip()[-400:]}"
                raise GitError(message)
        found |= {f"filter {name}": "failed: its files are committed as they lie" for name in self._off}
        for match in UNREADABLE.finditer(err):
            if match[1]:
                found[match[1]] = f"cannot be read: {match[2]}"
        return err

    def _changes(self, environment: Mapping[str, str], head: str) -> list[Change]:
        against = head or self._git.run("hash-object", "-t", "tree", "--stdin", stdin=b"")
        words = ("diff-index", "--cached", "--raw", "-z", "--no-renames", "--diff-filter=AMT", against)
        return changes_of(self._git.run(*words, env=environment))

    def _foreign(self, changes: Iterable[Change], err: str) -> list[str]:
        """The repositories inside that are no submodules: git would keep a number of a commit, and no file."""
        links = [change.path for change in changes if change.mode == LINK and change.was != LINK]
        links += NO_COMMIT.findall(err)
        if not links:
            return []
        words = ("config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
        code, out, _ = self._git.attempt(*words)
        known = {entry.partition("\n")[2] for entry in out.decode(errors="replace").split("\0")} if not code else set()
        return [path for path in dict.fromkeys(links) if path not in known]

    def _take_files_of(self, path: str, environment: Mapping[str, str]) -> None:
        """Add the files of a repository inside as plain files."""
        words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        code, out, _ = self._git.attempt("-C", path, *words)
        names = [name for name in out.decode("utf-8", "surrogateescape").split("\0") if name] if not code else []
        self._git.attempt("update-index", "--force-remove", "--", path, env=environment)
        with acting_as(self._git.user):
            there = [f"{path}/{name}" for name in names if os.path.lexists(self._root / path / name)]
        given = "\0".join(there).encode("utf-8", "surrogateescape")
        self._git.attempt("update-index", "--add", "--remove", "-z", "--stdin", stdin=given, env=environment)

    def _drop(self, paths: list[str], environment: Mapping[str, str], head: str) -> None:
        """Let the index have of some files what the last commit has: its version, or none."""
        if not paths:
            return
        given = "\0".join(paths).encode("utf-8", "surrogateescape")
        if not head:
            self._git.run("update-index", "--force-remove", "-z", "--stdin", stdin=given, env=environment)
            return
        words = ("reset", "--quiet", head, "--pathspec-from-file=-", "--pathspec-file-nul")
        self._git.run(*words, stdin=given, env={**environment, "GIT_LITERAL_PATHSPECS": "1"})

    def _size(self, path: str) -> int:
        with contextlib.suppress(OSError), acting_as(self._git.user):
            return (self._root / path).lstat().st_size
        return 0


def changes_of(raw: str) -> list[Change]:
    """Pure: what `git diff-index --raw -z` says."""
    words = raw.split("\0")
    return [
        Change(mode=facts.split()[1], was=facts.split()[0].removeprefix(":"), path=path)
        for facts, path in zip(words[::2], words[1::2], strict=False)
    ]
