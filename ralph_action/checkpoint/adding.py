"""Fill an index with the whole work tree: what git alone would lose or refuse is taken in another way, or named."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.git import Git, last_lines
from ralph_action.checkpoint.inside import UNSAVED, files_of, links_of, submodules, unsaved
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

    def __init__(self, git: Git, limit: int = MAX_FILE_BYTES) -> None:
        self._git = git
        self.seen = ""
        """The last commit that was made here: what it has was looked at."""
        self._limit = limit
        self.left_out: dict[str, str] = {}
        self._off: set[str] = set()
        """The filters that failed."""
        self._inside: set[str] = set()
        """The repositories that were found inside."""
        self._moved: set[str] = set()
        """The submodules that were put on another commit."""

    @cached_property
    def _top(self) -> Path:
        """The whole work tree's folder: the workspace may lie below it."""
        return Path(self._git.run("rev-parse", "--show-toplevel"))

    def add_all(self, environment: Mapping[str, str], head: str) -> None:
        """Add what can be read. `head` is the last commit, empty without one. Raises GitError."""
        found: dict[str, str] = {}
        large = [path for path in self.left_out if self._size(path) > self._limit]
        err = self._add(environment, large, found)
        changes = self._changes(environment, head)
        known = submodules(self._git, self._top)
        foreign = self._foreign(changes, err, known, environment, head)
        for path in foreign:
            self._take_files_of(path, environment, found)
            self._inside.add(path)
        found |= {path: INSIDE for path in self._inside if os.path.lexists(self._top / path / ".git")}
        self._moved |= {change.path for change in changes if change.mode == LINK} & known
        unsaved_now = [path for path in known if unsaved(self._git, self._top, path, moved=path in self._moved)]
        found |= dict.fromkeys(unsaved_now, UNSAVED)
        if foreign:  # what was in a repository of its own counts now
            changes = self._changes(environment, head)
        large += [change.path for change in changes if change.mode != LINK and self._size(change.path) > self._limit]
        self._drop(large, environment, head)
        found |= dict.fromkeys(large, f"is larger than {self._limit / 2**20:.0f} MiB, which GitHub refuses")
        self.left_out = found

    def _add(self, environment: Mapping[str, str], without: list[str], found: dict[str, str]) -> str:
        """Add all but some paths; a filter that fails, as git-lfs does where it is not installed, is left away."""
        excluded = [f":(exclude,top,literal){path}" for path in without]
        words = ["add", "-A", "--ignore-errors", *(["--", ":/", *excluded] if excluded else [])]
        for _ in range(4):
            code, _, raw = self._git.attempt(*words, env=environment)
            err = raw.decode("utf-8", errors="surrogateescape")
            if not code or (not self._turn_off(err) and "fatal" not in err):
                break
        else:
            if code and "fatal" in err and not NO_COMMIT.search(err):
                message = f"git add failed: {err.strip()[-400:]}"
                raise GitError(message)
        found |= {f"filter {name}": "failed: its files are committed as they lie" for name in self._off}
        for match in UNREADABLE.finditer(err):
            if match[1]:
                found[match[1]] = f"cannot be read: {match[2]}"
        return err

    def _turn_off(self, err: str) -> bool:
        """Turn the filters off that failed, for every later command too; whether there was one."""
        names = set(NO_FILTER.findall(err)) - self._off
        for name in sorted(names):
            self._git.config += [(f"filter.{name}.{key}", off) for key, off in OFF.items()]
        self._off |= names
        return bool(names)

    def _changes(self, environment: Mapping[str, str], head: str) -> list[Change]:
        against = head or self._git.run("hash-object", "-t", "tree", "--stdin", stdin=b"")
        words = ("diff-index", "--cached", "--raw", "-z", "--no-renames", "--diff-filter=AMT", against)
        return changes_of(self._git.run(*words, env=environment))

    def _foreign(
        self, changes: Iterable[Change], err: str, known: set[str], environment: Mapping[str, str], head: str
    ) -> list[str]:
        """The repositories inside that are no submodules: git would keep a number of a commit, and no file."""
        links = [change.path for change in changes if change.mode == LINK and change.was != LINK]
        links += NO_COMMIT.findall(err)
        if head != self.seen:  # the agent may have committed a link itself: no difference shows it
            listed = self._git.run("-C", str(self._top), "ls-files", "-s", "-z", env=environment)
            links += links_of(self._git, self._top, known, listed)
        return [path for path in dict.fromkeys(links) if path not in known]

    def _take_files_of(self, path: str, environment: Mapping[str, str], found: dict[str, str]) -> None:
        """Add the files of a repository inside as plain files."""
        given = "\0".join(files_of(self._git, self._top, path, found)).encode("utf-8", "surrogateescape")
        index = ("-C", str(self._top), "update-index")
        self._git.attempt(*index, "--force-remove", "--", path, env=environment)
        for _ in range(4):
            code, _, raw = self._git.attempt(*index, "--add", "--remove", "-z", "--stdin", stdin=given, env=environment)
            if not code or not self._turn_off(raw.decode("utf-8", "surrogateescape")):
                break
        if code:
            message = f"The files of the repository in {path} cannot be added: {last_lines(raw)}"
            raise GitError(message, remedy=f"Take {path} out of the workspace, or ignore it.")

    def _drop(self, paths: list[str], environment: Mapping[str, str], head: str) -> None:
        """Let the index have of some files what the last commit has: its version, or none."""
        if not paths:
            return
        given = "\0".join(paths).encode("utf-8", "surrogateescape")
        if not head:
            self._git.run(
                "-C", str(self._top), "update-index", "--force-remove", "-z", "--stdin", stdin=given, env=environment
            )
            return
        words = ("-C", str(self._top), "reset", "--quiet", head, "--pathspec-from-file=-", "--pathspec-file-nul")
        self._git.run(*words, stdin=given, env={**environment, "GIT_LITERAL_PATHSPECS": "1"})

    def _size(self, path: str) -> int:
        with contextlib.suppress(OSError), acting_as(self._git.user):
            return (self._top / path).lstat().st_size
        return 0


def changes_of(raw: str) -> list[Change]:
    """Pure: what `git diff-index --raw -z` says."""
    words = raw.split("\0")
    return [
        Change(mode=facts.split()[1], was=facts.split()[0].removeprefix(":"), path=path)
        for facts, path in zip(words[::2], words[1::2], strict=False)
    ]
