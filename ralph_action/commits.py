"""The checkpoint's commits, made in the workspace; what the agent did to its repository is mended and said first."""

from __future__ import annotations

from collections.abc import Callable

from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.remotes import wip_ref
from ralph_action.checkpoint.vault import Vault
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import GitError


class WorkspaceCommits:
    """What a checkpoint needs of the workspace's git."""

    def __init__(
        self,
        worktree: Worktree,
        vault: Vault | None = None,
        note: Callable[[dict[str, str]], None] = lambda _left_out: None,
        say: Callable[[str], None] = lambda _text: None,
        base: str = "",
    ) -> None:
        """Know the parts.

        `note` keeps what was left out, path → why, where the user finds it; `base` is where the task began.
        """
        self._base = base
        self._worktree = worktree
        self._vault = vault
        self._note = note
        self._say = say
        self._noted: dict[str, str] = {}

    def commit(self, branch: str, last: str, message: str) -> str:
        try:
            commit = self._worktree.snapshot(branch, last, message).commit
        except GitError:
            if self._worktree.is_repository():
                raise
            commit = self._worktree.snapshot(branch, self._mend(branch, last), message).commit
        self._tell()
        return commit

    def commit_aside(self, task: str, last: str, message: str) -> str:
        return self._worktree.snapshot_aside(wip_ref(task), last, message)

    def after_commit(self, subject: str) -> str:
        return self._worktree.run_post_commit_hook(subject)

    def _mend(self, branch: str, last: str) -> str:
        """Make the repository anew, on top of the last checkpoint as far as our vault has it; the files stay."""
        worktree = self._worktree
        odd = worktree.root / ".git"
        with acting_as(worktree.user):
            if odd.is_symlink() or odd.exists():
                number = next(n for n in range(1, 1000) if not (worktree.root / f".git-broken-{n}").exists())
                odd.rename(worktree.root / f".git-broken-{number}")
        worktree.git.run("init", "--quiet")
        worktree.exclude_agent_dir()
        vault = self._vault
        known = {last: "the last checkpoint", self._base: "the commit that the task began at"}
        start = next((commit for commit in known if commit and vault is not None and vault.has(commit)), "")
        if start and vault is not None:
            vault.export_whole(worktree, start)
        worktree.prepare(branch, start or None)
        where = f"goes on from {known[start]}" if start else "has no history, so that its push may be refused"
        self._say(f"The agent removed or broke the repository (.git). It was made anew and {where}; the files stay.")
        return start

    def _tell(self) -> None:
        left_out = dict(self._worktree.left_out)
        if left_out == self._noted:
            return
        for path, why in sorted(left_out.items()):
            if self._noted.get(path) != why:
                self._say(f"In the checkpoint: {path!r} {why}.")
        self._noted = left_out
        self._note(left_out)
