"""A workspace whose checkpoints go to the lab's GitHub through the real vault and branch home, without the loop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ralph_action.checkpoint.files import as_bytes
from ralph_action.checkpoint.git import Git
from ralph_action.checkpoint.records import record_name
from ralph_action.checkpoint.remotes import BranchHome, Stand, state_ref, wip_ref
from ralph_action.checkpoint.vault import Vault, credential
from ralph_action.checkpoint.worktree import Worktree
from ralph_action.state import Checkpoint
from tests.lab.github import GitHub

BRANCH, STATE, WIP = "refs/heads/ralph/t", state_ref("t"), wip_ref("t")


class Held:
    """This run's claim; remembers why it was lost."""

    side = "run-1"

    def __init__(self) -> None:
        self.why: list[str] = []
        self.due = False

    def hold(self) -> None:
        """Nothing is written."""

    def release(self) -> None:
        """Nothing was written."""

    def is_due(self) -> bool:
        return self.due

    def lost(self, why: str) -> None:
        self.why.append(why)


class Pushes:
    """One run on one machine."""

    def __init__(self, github: GitHub, environment: Mapping[str, str], root: Path) -> None:
        self.github = github
        self.url = f"{github.url}/org/project.git"
        self.token = github.issue_token()
        self.remote = Git(github.root / "org" / "project.git", environment)
        self.work = Worktree(root / "work", None, environment)
        self.work.root.mkdir(parents=True)
        self.git = Git(self.work.root, environment, config=credential(self.url, self.token))
        self.git.run("init", "--quiet", "--initial-branch=main")
        if not self.remote.succeeds("rev-parse", "main"):
            (self.work.root / "README.md").write_text("hello\n")
            self.git.run("add", ".")
            self.git.run("commit", "--quiet", "-m", "first")
            self.git.run("push", "--quiet", self.url, "main")
        else:
            self.git.run("pull", "--quiet", self.url, "main")
        self.base = self.work.head_sha()
        self.work.prepare("ralph/t", None)
        self.vault = Vault(root / "vault", environment, self.work)
        self.vault.take_base(self.base)
        self.folder = root / "agent"
        (self.folder / "checkpoints").mkdir(parents=True)
        (self.folder / "metrics").mkdir()
        self.held = Held()
        self.said: list[str] = []
        self.last = ""
        self.number = 0
        self.home = self.new_home()

    def new_home(self) -> BranchHome:
        """A later run on this machine: it asks where the remote is."""
        found = self.vault.remote_refs(self.url, self.token, [BRANCH, STATE, WIP])
        stand = Stand(
            ref=STATE,
            state=found.get(STATE, ""),
            branch="ralph/t",
            tip=found.get(BRANCH, ""),
            base=self.base,
            wip_ref=WIP,
            wip=found.get(WIP, ""),
        )
        return BranchHome(self.vault, (self.url, self.token), "t", self.folder, self.held, stand, self.said.append)

    def checkpoint(self, files: Mapping[str, str | None]) -> Checkpoint:
        """Write files, or delete those that are None, and commit them."""
        for name, text in files.items():
            path = self.work.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.number += 1
        message = f"Ralph checkpoint {self.number}: x\n\nRalph-Task: t\nRalph-Iteration: {self.number}"
        self.last = self.work.snapshot("ralph/t", self.last, message).commit
        made = Checkpoint(
            iteration=self.number,
            sequence=self.number,
            branch="ralph/t",
            commit=self.last,
            state_file=f"metrics/state_{self.number}.json",
            digest="d",
        )
        (self.folder / made.state_file).write_text(str(self.number))
        (self.folder / record_name(made)).write_bytes(as_bytes(made.to_json()))
        return made

    def store(self, files: Mapping[str, str | None], *, is_last: bool = False) -> str:
        return self.home.store(self.checkpoint(files), "", is_last=is_last)

    def store_aside(self, made: Checkpoint, files: Mapping[str, str]) -> str:
        """A timed checkpoint: the files are beside the branch, which stays where `made` put it."""
        for name, text in files.items():
            (self.work.root / name).write_text(text)
        wip = self.work.snapshot_aside(WIP, made.commit, "Ralph work in progress")
        return self.home.store(replace(made, wip=wip), "", is_last=False)

    def there(self, name: str, ref: str = BRANCH) -> str:
        """A file on the remote; empty when it is not there."""
        code, out, _ = self.remote.attempt("show", f"{ref}:{name}")
        return out.decode() if code == 0 else ""

    def tip(self, ref: str = BRANCH) -> str:
        code, out, _ = self.remote.attempt("rev-parse", "--verify", "--quiet", ref)
        return out.decode().strip() if code == 0 else ""

    def record(self) -> dict[str, object]:
        """The newest checkpoint's record in the state that was pushed."""
        document: dict[str, object] = json.loads(self.there(f"checkpoints/checkpoint_{self.number}.json", STATE))
        return document

    def reaches(self, text: str) -> bool:
        """Whether any commit that a ref of the remote reaches holds a text."""
        commits = self.remote.run("rev-list", "--all").split()
        return any(self.remote.succeeds("grep", "-q", "-F", text, commit) for commit in commits)
