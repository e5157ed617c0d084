"""A run with an artifact home over a store in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.artifact_home import ArtifactHome
from ralph_action.checkpoint.segments import Sent
from ralph_action.checkpoint.stored import Stored
from ralph_action.errors import GitHubError
from ralph_action.ports import ArtifactKind
from ralph_action.state import Checkpoint
from tests.unit.records import new_state


class Memory:
    """A store that keeps the zips; each kind can be refused, and deleting too."""

    def __init__(self) -> None:
        self.zips: dict[str, bytes] = {}
        self.made: list[Stored] = []
        self.refused: set[str] = set()

    def upload(self, kind: ArtifactKind, sequence: int, again: int, zipped: Path) -> Stored:
        if kind.value in self.refused:
            raise GitHubError(f"no {kind.value} today")
        done = Stored(name=f"{kind.value}-{sequence}-{again}", kind=kind, sequence=sequence, again=again)
        assert done.name not in self.zips
        self.zips[done.name] = zipped.read_bytes()
        self.made.append(done)
        return done

    def mine(self) -> Sequence[Stored]:
        return [item for item in self.made if item.name in self.zips]

    def delete(self, name: str) -> None:
        if "delete" in self.refused:
            raise GitHubError("Forbidden", status=403)
        del self.zips[name]

    def files(self, name: str) -> dict[str, bytes]:
        with zipfile.ZipFile(BytesIO(self.zips[name])) as source:
            return {entry: source.read(entry) for entry in source.namelist()}


class Run:
    """A run's `.agent/` and its artifact home, an iteration at a time."""

    def __init__(self, root: Path, *, gap_s: float = 0, most: int = 100, bundle_bytes: int = 10) -> None:
        self.store, self.said, self.since = Memory(), list[str](), list[str]()
        self.now = 0.0
        self.bundle_bytes = bundle_bytes
        self.agent_dir = AgentDir(root / "agent", None, None)
        self.state = new_state()
        self.home = ArtifactHome(
            self.agent_dir.path,
            root / "scratch",
            self.store,
            self.bundle,
            "base",
            sent=Sent(),
            gap_s=gap_s,
            monotonic=lambda: self.now,
            say=self.said.append,
            most=most,
        )

    def bundle(self, into: Path, checkpoint: Checkpoint, since: str) -> None:
        self.since.append(f"{since}..{checkpoint.commit}")
        into.write_bytes(b"x" * self.bundle_bytes)

    def checkpoint(self) -> Checkpoint:
        """One more iteration, and its checkpoint."""
        number = self.state.iteration + 1
        self.state = replace(self.state, iteration=number, sequence=number)
        self.agent_dir.new_log(number).write_text(f"log {number}\n")
        name, digest = self.agent_dir.write_state(self.state)
        made = Checkpoint(
            iteration=number, sequence=number, branch="b", commit=f"c{number}", state_file=name, digest=digest
        )
        self.agent_dir.write_checkpoint(made)
        self.agent_dir.journal("checkpoint", "now", iteration=number)
        return made

    def store_some(self, count: int, *, is_last: bool = False) -> list[str]:
        stands = []
        for number in range(count):
            made = self.checkpoint()
            stands.append(self.home.store(made, "", is_last=is_last and number == count - 1))
            self.home.tidy()
        return stands
