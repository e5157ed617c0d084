"""Our own bare repository, outside the workspace: the only place from which the token pushes.

Commits come in from the workspace as data, checked on the way (design section 6). No command here
touches a work tree that the agent can write.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ralph_action.checkpoint import rewriting, state_tree
from ralph_action.checkpoint.acting import acting_as
from ralph_action.checkpoint.git import Git, last_lines, pipe, plain_files
from ralph_action.checkpoint.refusals import refused
from ralph_action.checkpoint.remotes import PUSH_TIMEOUT_S
from ralph_action.checkpoint.rewriting import SHA
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.errors import GitError
from ralph_action.state import Checkpoint

PINS = (
    ("core.hooksPath", "/dev/null"),
    ("protocol.ext.allow", "never"),
    ("core.symlinks", "false"),
    ("gc.auto", "0"),
    ("safe.directory", "*"),
)


class Vault:
    """A bare repository that the agent cannot write, fed from `workspace`."""

    def __init__(self, path: Path, environment: Mapping[str, str], workspace: Worktree) -> None:
        self.path = path
        self.patience_s = PUSH_TIMEOUT_S
        """The longest that the remote is waited for, whatever a call asks for."""
        self.workspace = workspace
        local = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"} if environment.get("CI") else {}
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.git = Git(path, {**environment, **local, "GIT_DIR": str(path)}, config=PINS)
        if not (path / "HEAD").exists():
            self.git.run("init", "--quiet", "--bare", "--template=", str(path))

    def has(self, commit: str) -> bool:
        return bool(SHA.fullmatch(commit)) and self.git.succeeds("cat-file", "-e", f"{commit}^{{commit}}")

    def is_ancestor(self, older: str, newer: str) -> bool:
        return self.git.succeeds("merge-base", "--is-ancestor", older, newer)

    def origin_of(self, commit: str) -> str:
        return rewriting.origin_of(self.git, commit)

    def without(self, commit: str, onto: str, paths: Collection[str], also: str = "") -> str:
        """Commit `commit`'s tree on `onto`, and on `also`, its paths as they are in `onto`; return the commit."""
        made = rewriting.without(self.git, self.path / "rewriting-index", commit, [onto, also], paths)
        self._keep(made)
        return made

    def differing(self, one: str, other: str) -> list[str]:
        return rewriting.differing(self.git, one, other)

    def patch(self, old: str, new: str, folder: str) -> bytes:
        return rewriting.patch(self.git, old, new, folder)

    def take_base(self, commit: str) -> None:
        """Bring the commit that the branch begins at, with all that it reaches, into the vault.

        A shallow workspace has a border: it is written first, as data, so that nothing beyond it is missed.
        """
        if self.has(commit):
            return
        self._take_shallow()
        self._index(f"{commit}\n")
        self._keep(commit)

    def take(self, commit: str, have: str) -> None:
        """Bring `commit` and what `have` does not reach into the vault.

        Raises:
            GitError: the objects are damaged or not complete.

        """
        if self.has(commit):
            return
        if not SHA.fullmatch(commit):
            message = f"{commit!r} is no commit."
            raise GitError(message)
        since = f"^{have}\n" if have and self.has(have) and self.workspace.has(have) else ""
        if not since:
            self._take_shallow()
        self._index(f"{commit}\n{since}")
        self.git.run("rev-list", "--objects", "--quiet", commit, *([f"^{have}"] if since else []))
        self._keep(commit, have)

    def take_bundle(self, bundle: Path) -> list[str]:
        """Bring a bundle's commits in; return them. Raises GitError when it does not fit on what is here."""
        self.git.run("bundle", "verify", "--quiet", str(bundle))
        heads = [line.split()[0] for line in self.git.run("bundle", "unbundle", str(bundle)).splitlines() if line]
        for commit in heads:
            self.git.run("rev-list", "--objects", "--quiet", commit)
            self._keep(commit)
        return heads

    def export_to(self, workspace: Worktree, commit: str) -> None:
        """Hand a commit and what it needs to the workspace, as data."""
        have = workspace.head_sha()
        since = f"^{have}\n" if have and self.has(have) else ""
        border = self._border()
        if border and not since:
            message = f"The workspace lacks the history that {commit[:12]} builds on."
            raise GitError(message, remedy="Check the repository out at the original commit, or with fetch-depth: 0.")
        pipe(
            self.git,
            ["pack-objects", "--revs", "--stdout", "--quiet"],
            f"{commit}\n{since}".encode(),
            workspace.git,
            ["index-pack", "--stdin", "--fix-thin"],
        )

    def export_whole(self, workspace: Worktree, commit: str) -> None:
        """Hand a commit with all that it reaches to a workspace that has nothing; the border of a shallow one, too."""
        if border := self._border():
            with acting_as(workspace.user):
                workspace.path("shallow").write_text("".join(f"{line}\n" for line in border))
        pipe(
            self.git,
            ["pack-objects", "--revs", "--stdout", "--quiet"],
            f"{commit}\n".encode(),
            workspace.git,
            ["index-pack", "--stdin"],
        )

    def commit_state(
        self,
        folder: Path,
        parent: str,
        message: str,
        checkpoint: Checkpoint | None = None,
        without: Collection[str] = (),
    ) -> str:
        """Commit a folder of ours, without its logs, on top of `parent`; return the commit.

        Args:
            folder: the `.agent/` that counts.
            parent: the state commit before it; empty for none.
            message: the commit's.
            checkpoint: what the state is of. The loop has gone on since: its later records name commits that
                are not pushed with this one, so they stay out. Without one only the claim is renewed.
            without: files that stay out.

        """
        commit = state_tree.committed(self.git, self.path / "state-index", folder, parent, message, checkpoint, without)
        self._keep(commit, parent)
        return commit

    def check_out_state(self, commit: str, folder: Path) -> None:
        """Write a state commit's plain files to a fresh folder. Raises GitError."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in plain_files(self.path, commit):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def remote_refs(self, url: str, token: str, patterns: Sequence[str]) -> dict[str, str]:
        """Ask the remote which refs it has. Raises GitError."""
        out = self._remote(["ls-remote", "--quiet", url, *patterns], url, token, 60.0)
        pairs = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
        return {ref: sha for sha, ref in pairs}

    def fetch(self, url: str, token: str, refspecs: Sequence[str]) -> None:
        """Fetch refs into the vault. Raises GitError."""
        fsck = ["-c", "fetch.fsckObjects=true"]
        quiet = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]
        self._remote([*fsck, "fetch", *quiet, "--update-shallow", url, *refspecs], url, token, PUSH_TIMEOUT_S)

    def push(
        self, url: str, token: str, refs: Sequence[tuple[str, str]], timeout_s: float = PUSH_TIMEOUT_S
    ) -> list[str]:
        """Move all refs forward, or none; return those that were not there before.

        Raises:
            PushRejected: the remote refused; `moved` when somebody else was faster.
            GitError: it did not answer; transient unless it took all of its time.

        """
        pairs = [f"{commit}:{ref}" for commit, ref in refs]
        out = self._remote(["push", "--atomic", "--porcelain", "--no-verify", url, *pairs], url, token, timeout_s)
        return [line.split("\t")[1].rpartition(":")[2] for line in out.splitlines() if line.startswith("*\t")]

    def _remote(self, command: Sequence[str], url: str, token: str, timeout_s: float) -> str:
        """Run a command that speaks to the remote; the token is in its environment alone."""
        git = Git(self.path, self.git.environment, config=[*PINS, *credential(url, token)])
        timeout_s = min(timeout_s, self.patience_s)
        try:
            code, out, err = git.attempt(*command, timeout_s=timeout_s)
        except GitError as problem:  # it hangs: a second try would take as long
            raise GitError(
                f"The remote did not answer within {timeout_s:.0f} s.",
                remedy="It is tried again with the next checkpoint; check the network and the server.",
                transient="push" not in command,
            ) from problem
        if code:
            raise refused(command, code, out.decode(errors="replace"), err.decode(errors="replace"))
        return out.decode("utf-8", errors="surrogateescape")

    def _index(self, wanted: str) -> None:
        pipe(
            self.workspace.git,
            # No search for deltas: the way is a pipe, and for 100 MB it took 18 s instead of 4. The push makes its own.
            ["pack-objects", "--revs", "--stdout", "--quiet", "--window=0"],
            wanted.encode(),
            self.git,
            ["index-pack", "--stdin", "--fix-thin", "--fsck-objects"],
        )

    def _take_shallow(self) -> None:
        code, out, _ = self.workspace.git.attempt("rev-parse", "--is-shallow-repository")
        if code or out.strip() != b"true":
            return
        code, out, err = self.workspace.git.attempt("rev-list", "--all", "HEAD", "--max-parents=0")
        if code:
            raise GitError(f"git rev-list failed: {last_lines(err)}")
        border = {line for line in out.decode().split() if SHA.fullmatch(line)} | set(self._border())
        (self.path / "shallow").write_text("".join(f"{line}\n" for line in sorted(border)))

    def _border(self) -> list[str]:
        shallow = self.path / "shallow"
        return shallow.read_text().split() if shallow.is_file() else []

    def _keep(self, commit: str, older: str = "") -> None:
        """A ref of ours, so that the commit counts as known in later negotiations; one that it reaches needs none.

        A ref for each of ten thousand checkpoints would make every push read ten thousand files.
        """
        lines = [f"update refs/vault/{commit} {commit}"]
        if SHA.fullmatch(older) and older != commit and self.is_ancestor(older, commit):
            lines.append(f"delete refs/vault/{older}")
        self.git.run("update-ref", "--stdin", stdin="".join(f"{line}\n" for line in lines).encode())


def credential(url: str, token: str) -> list[tuple[str, str]]:
    """The token for one call: an empty header first, which cancels one that a checkout left behind."""
    if not token or not url.startswith(("http://", "https://")):
        return []
    parts = urlsplit(url)
    key = f"http.{parts.scheme}://{parts.netloc}/.extraheader"
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return [("credential.helper", ""), (key, ""), (key, f"AUTHORIZATION: basic {basic}")]
