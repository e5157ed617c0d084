"""The workspace's repository: every command here runs as the agent's user and holds no secret.

The agent may have put programs into the repository's hooks and configuration. They run with nothing
that the agent does not have anyway (design section 6).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.adding import MAX_FILE_BYTES, Adding
from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.hooks import HOOK_TIMEOUT_S, run_hook
from ralph_action.durable import step
from ralph_action.errors import GitError
from ralph_action.ports import User

AIDER = ("/.aider.chat.history.md", "/.aider.input.history", "/.aider.tags.cache.v*")
EXCLUDED = ("/.agent", "/ralph_checkpoints_*.tar.gz", *AIDER)
"""`.agent` may be a link, so it has no slash; then its backups, then a diary that would count as progress."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit of the whole work tree."""

    commit: str
    tree: str


class Worktree:
    """The repository whose work tree is `root`."""

    def __init__(
        self, root: Path, user: User | None, environment: Mapping[str, str], *, limit: int = MAX_FILE_BYTES
    ) -> None:
        """Know the place; a file larger than `limit` bytes stays out of commits."""
        self.root = root
        self.user = user
        safe = [("safe.directory", str(root)), ("safe.directory", str(root.resolve())), ("gc.auto", "0")]
        self.git = Git(
            root, environment, user=user, config=[*safe, ("core.quotePath", "false"), ("core.looseCompression", "0")]
        )
        self._adding = Adding(self.git, limit)

    @property
    def left_out(self) -> dict[str, str]:
        """What the last commit lacks, or has in another way than git would: path → why."""
        return self._adding.left_out

    def is_repository(self) -> bool:
        code, out, _ = self.git.attempt("rev-parse", "--is-inside-work-tree")
        return code == 0 and out.strip() == b"true"

    def head_sha(self) -> str:
        """HEAD's commit; empty in an empty repository."""
        return self.ref_sha("HEAD")

    def newest_of_others(self) -> str:
        """The newest commit of HEAD that is none of our checkpoints; empty when there is none."""
        words = ("--first-parent", "--invert-grep", "--grep=^Ralph-Task: ", "HEAD", "--")
        return self.git.attempt("log", "-1", "--format=%H", *words)[1].decode().strip()

    def ref_sha(self, ref: str) -> str:
        """A ref's commit; empty when there is none."""
        code, out, _ = self.git.attempt("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return out.decode().strip() if code == 0 else ""

    def has(self, commit: str) -> bool:
        return self.git.succeeds("cat-file", "-e", f"{commit}^{{commit}}")

    def is_ancestor(self, older: str, newer: str) -> bool:
        return self.git.succeeds("merge-base", "--is-ancestor", older, newer)

    def remote_url(self, name: str) -> str:
        code, out, _ = self.git.attempt("remote", "get-url", name)
        return out.decode().strip() if code == 0 else ""

    def path(self, name: str) -> Path:
        """A path below the git folder, as git resolves it (linked work trees, core.hooksPath)."""
        return self.root / self.git.run("rev-parse", "--git-path", name)

    def _index_and_head(self) -> tuple[Path, str]:
        """The index's path and HEAD's commit, mostly in one question; the commit is empty in an empty repository."""
        code, out, _ = self.git.attempt("rev-parse", "--git-path", "index", "HEAD^{commit}")
        if code:
            return self.path("index"), ""
        path, head = out.decode("utf-8", "surrogateescape").splitlines()
        return self.root / path, head

    def exclude_agent_dir(self) -> None:
        """Keep `.agent/` and its backups out of commits by the repository's own exclude file; once."""
        exclude = self.path("info/exclude")
        with acting_as(self.user):
            lines = exclude.read_text().splitlines() if exclude.is_file() else []
            if missing := [line for line in EXCLUDED if line not in lines]:
                exclude.parent.mkdir(exist_ok=True)
                exclude.write_text("\n".join([*lines, *missing, ""]))

    def prepare(self, branch: str, start: str | None) -> None:
        """Put HEAD on the task's branch, which begins at `start` or HEAD. Index and files stay as they are."""
        ref = f"refs/heads/{branch}"
        commit = start or self.head_sha()
        if commit and not self.ref_sha(ref):
            self.git.run("update-ref", ref, commit, "0" * 40)
        self.git.run("symbolic-ref", "HEAD", ref)

    def follow_origin(self, branch: str) -> None:
        """Let `git pull` find the checkpoints; what the user has set stays."""
        if self.remote_url("origin") and not self.git.succeeds("config", "--get", f"branch.{branch}.remote"):
            self.git.run("config", f"branch.{branch}.merge", f"refs/heads/{branch}")
            self.git.run("config", f"branch.{branch}.remote", "origin")

    def snapshot(self, branch: str, last: str, message: str) -> Snapshot:
        """Commit the whole work tree on `branch`.

        A kill leaves the user's index as it was until the commit stands; the branch only fast-forwards.

        Args:
            branch: the task's branch.
            last: the commit of the last checkpoint; empty when there is none.
            message: the whole commit message.

        """
        index, head = self._index_and_head()
        private = index.with_name(f"ralph-index-{os.getpid()}")
        ref = f"refs/heads/{branch}"
        try:
            with acting_as(self.user), contextlib.suppress(FileNotFoundError):
                shutil.copy2(index, private)  # keeps the stat cache: only changed files are read
            environment = {"GIT_INDEX_FILE": str(private)}
            tip = self.ref_sha(ref)
            self._adding.add_all(environment, head)
            tree = self.git.run("write-tree", env=environment)
            parents = self._parents(head, last or tip)
            arguments = [word for parent in parents for word in ("-p", parent)]
            commit = self.git.run("commit-tree", tree, *arguments, stdin=message.encode())
            self.git.run("update-ref", "-m", message.splitlines()[0], ref, commit, tip or "0" * 40)
            if self.git.attempt("symbolic-ref", "--quiet", "HEAD")[1].decode().strip() != ref:
                self.git.run("symbolic-ref", "HEAD", ref)
            self._adding.seen = commit
            self._install_index(private, index)
        finally:
            with contextlib.suppress(OSError), acting_as(self.user):
                private.unlink(missing_ok=True)
        return Snapshot(commit, tree)

    def snapshot_aside(self, ref: str, last: str, message: str) -> str:
        """Commit the work tree on a ref of ours while the agent works: HEAD, index and branches stay as they are.

        Returns:
            The commit; empty when there is nothing that `last` does not have.

        """
        tree = self.present_tree()
        head, tip = self.head_sha(), self.ref_sha(ref)
        if not last or tree == self.git.run("rev-parse", f"{last}^{{tree}}"):
            return ""
        if tip and tree == self.git.run("rev-parse", f"{tip}^{{tree}}"):
            return tip
        arguments = [word for parent in dict.fromkeys((head, tip)) if parent for word in ("-p", parent)]
        commit = self.git.run("commit-tree", tree, *arguments, stdin=message.encode())
        self.git.run("update-ref", "-m", message.splitlines()[0], ref, commit, tip or "0" * 40)
        return commit

    def join(self, ref: str, other: str) -> None:
        """Let a ref of ours build on `other`, too: what it had stays in its history, and its files if it had any."""
        tip = self.ref_sha(ref)
        if not tip:
            self.git.run("update-ref", ref, other, "0" * 40)
        elif not self.is_ancestor(other, tip):
            words = ("commit-tree", f"{tip}^{{tree}}", "-p", tip, "-p", other)
            self.git.run("update-ref", ref, self.git.run(*words, stdin=b"Ralph: joined"), tip)

    def present_tree(self) -> str:
        """The tree of the work tree as it lies, untracked files too; index and HEAD stay as they are."""
        index, head = self._index_and_head()
        private = index.with_name(f"ralph-index-{os.getpid()}-{threading.get_native_id()}")
        environment = {"GIT_INDEX_FILE": str(private)}
        try:
            with acting_as(self.user), contextlib.suppress(FileNotFoundError):
                shutil.copy2(index, private)
            self._adding.add_all(environment, head)
            return self.git.run("write-tree", env=environment)
        finally:
            with contextlib.suppress(OSError), acting_as(self.user):
                private.unlink(missing_ok=True)

    def park(self, ref: str, tree: str, parents: list[str]) -> None:
        """Keep a tree and the commits that it came from under a ref of ours."""
        arguments = [word for parent in parents for word in ("-p", parent)]
        commit = self.git.run("commit-tree", tree, *arguments, stdin=b"Ralph: parked before a resume")
        self.git.run("update-ref", ref, commit, "0" * 40)

    def run_post_commit_hook(self, subject: str, timeout_s: float = HOOK_TIMEOUT_S) -> str:
        """Run the user's hook with the commit's subject as $1; return what went wrong, if anything."""
        return run_hook(self.path("hooks/post-commit"), subject, self.root, self.user, self.git.environment, timeout_s)

    def bundle(self, into: Path, branch: str, base: str, aside: str = "") -> None:
        """Write the branch's commits since `base` to a file of ours; made as the user, taken through a pipe.

        `aside` names one more ref to take along.
        """
        tip = self.ref_sha(f"refs/heads/{branch}")
        since = [f"^{base}"] if base and (aside or base != tip) and self.has(base) else []
        refs = [f"refs/heads/{branch}", *([aside] if aside else [])]
        with into.open("wb") as stream:
            words = ("bundle", "create", "-", *refs, *since)
            process = self.git.start(*words, stdin=subprocess.DEVNULL, stdout=stream.fileno())
            _, err = process.communicate(timeout=600)
        if process.returncode:
            into.unlink(missing_ok=True)
            raise GitError(f"git bundle failed: {err.decode(errors='replace').strip()}")

    def _parents(self, head: str, last: str) -> list[str]:
        """HEAD; when the agent went back, the last checkpoint; when it rewrote history, both."""
        if not head or not last or head == last:
            return [head or last] if head or last else []
        if self.is_ancestor(last, head):
            return [head]
        if self.is_ancestor(head, last):
            return [last]
        return [head, last]

    def _install_index(self, private: Path, index: Path) -> None:
        """Let the user's index show the commit, under git's own lock; a held lock leaves it as it is."""
        lock = index.with_name("index.lock")
        with acting_as(self.user):
            try:
                os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            except FileExistsError:
                return
            with step("write index lock"):
                private.replace(lock)
            with step("rename index"):
                lock.replace(index)
