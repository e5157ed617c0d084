"""A checkpoint's commit as the remote takes it: the same tree without some files, on what the remote has.

Plumbing in the vault with an index of its own. The commits that the workspace made stay as they are; what is pushed
beside them names the one that it stands for in a trailer, so that any later run knows the two for one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ralph_action.checkpoint.git import Git

FULL = "Ralph-Full"
"""The trailer's name."""
SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}


def without(git: Git, index: Path, commit: str, parents: Sequence[str], paths: Collection[str]) -> str:
    """Commit `commit`'s tree on `parents`, its paths as they are in the first; return the commit.

    All between the two becomes one commit: what has to be left out may be in any of them.
    """
    onto, env = parents[0], {"GIT_INDEX_FILE": str(index), **LITERAL}
    git.run("read-tree", commit, env=env)
    gone = _entries(git, commit, paths)
    back = _entries(git, onto, paths) if onto else {}
    lines = [f"0 {'0' * len(commit)}\t{path}" for path in gone] + [f"{entry}\t{path}" for path, entry in back.items()]
    if lines:
        stdin = "".join(f"{line}\0" for line in lines).encode(errors="surrogateescape")
        git.run("update-index", "-z", "--index-info", stdin=stdin, env=env)
    tree = git.run("write-tree", env=env)
    if onto and origin_of(git, onto) == commit and git.run("rev-parse", f"{onto}^{{tree}}") == tree:
        return onto  # pushed already, and its answer was lost
    message = git.run("log", "-1", "--format=%B", commit).rstrip()
    words = [word for parent in parents if parent for word in ("-p", parent)]
    return git.run("commit-tree", tree, *words, stdin=f"{message}\n{FULL}: {commit}\n".encode(errors="surrogateescape"))


def origin_of(git: Git, commit: str) -> str:
    """The commit that a pushed one stands for; empty when it is no such one, or is not here."""
    code, out, _ = git.attempt("log", "-1", f"--format=%(trailers:key={FULL},valueonly)", commit)
    said = out.decode(errors="replace").split()
    return said[-1] if code == 0 and said and SHA.fullmatch(said[-1]) else ""


def differing(git: Git, one: str, other: str) -> list[str]:
    """The paths of the files that are not the same in two commits."""
    out = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", one, other)
    return [name for name in out.split("\0") if name]


def patch(git: Git, old: str, new: str, folder: str) -> bytes:
    """What `git apply` makes of a folder's files in `old` those in `new`."""
    words = ["diff-tree", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv"]
    code, out, _ = git.attempt(*words, old, new, "--", folder, env=LITERAL)
    return out if code == 0 else b""


def _entries(git: Git, commit: str, paths: Collection[str]) -> Mapping[str, str]:
    """Path → mode, kind and object of the files at or below some paths."""
    if not paths:
        return {}
    out = git.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *sorted(paths), env=LITERAL)
    pairs = (line.split("\t", 1) for line in out.split("\0") if line)
    return {path: entry for entry, path in pairs}
