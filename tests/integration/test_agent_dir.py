"""`.agent/` on disk."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.files import write_atomically
from ralph_action.checkpoint.reading import load
from ralph_action.ports import User
from ralph_action.state import Checkpoint
from tests.unit.records import done, new_state


def checkpointed(agent_dir: AgentDir, iteration: int) -> None:
    state = replace(new_state(), iteration=iteration, sequence=iteration * 2)
    name, digest = agent_dir.write_state(state)
    agent_dir.write_checkpoint(
        Checkpoint(
            iteration=iteration,
            sequence=state.sequence,
            branch="ralph/t",
            commit="c" * 40,
            state_file=name,
            digest=digest,
        )
    )


def test_the_layout_is_the_guides(tmp_path: Path) -> None:
    """Names and folders as the user's guide writes them, in ours and in the workspace."""
    agent_dir = AgentDir(tmp_path / "ours", tmp_path / "work" / ".agent", None)
    state = new_state().after(done(), started="s", now="n")
    agent_dir.write_state(state, metrics=True)
    agent_dir.write_state(state)
    agent_dir.write_prompt("one")
    checkpointed(agent_dir, 3)
    agent_dir.journal("run", "now", run="7")
    for root in (tmp_path / "ours", tmp_path / "work" / ".agent"):
        names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        shapes = [re.sub(r"\d{8}_\d{6}", "STAMP", name) for name in names]
        assert shapes == [
            "checkpoints/checkpoint_3.json",
            "journal.jsonl",
            "metrics/metrics_STAMP.json",
            "metrics/state_STAMP.json",
            "metrics/state_STAMP.json",
            "metrics/state_STAMP.json",
            "prompts/prompt_STAMP.md",
        ]


def test_the_furthest_valid_checkpoint_comes_first(tmp_path: Path) -> None:
    """A damaged newer one is refused by name, and the one before it is used."""
    agent_dir = AgentDir(tmp_path, None, None)
    for iteration in (5, 10, 15):
        checkpointed(agent_dir, iteration)
    record = json.loads((tmp_path / "checkpoints" / "checkpoint_15.json").read_text())
    (tmp_path / record["state_file"]).write_text("{}")
    (tmp_path / "checkpoints" / "checkpoint_20.json").write_text('{"schema": "ralph-che')
    found, refused = load(tmp_path, bare_states=False)
    assert [state.iteration for state, _ in found] == [10, 5]
    assert len(refused) == 2
    assert all("Invalid checkpoint data" in why for why in refused)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/hostname", "metrics/../../x.json", "prompts/x.json"])
def test_a_record_cannot_point_outside(tmp_path: Path, name: str) -> None:
    """The state file is one below metrics/, whatever a record says."""
    agent_dir = AgentDir(tmp_path, None, None)
    checkpointed(agent_dir, 1)
    path = tmp_path / "checkpoints" / "checkpoint_1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"state_file": name}))
    found, refused = load(tmp_path, bare_states=False)
    assert found == []
    assert len(refused) == 1


def test_bare_states_count_at_home_only(tmp_path: Path) -> None:
    """Between checkpoints the local state is further than the last record."""
    agent_dir = AgentDir(tmp_path, None, None)
    checkpointed(agent_dir, 5)
    agent_dir.write_state(replace(new_state(), iteration=7, sequence=14))
    assert [state.iteration for state, _ in load(tmp_path, bare_states=True)[0]] == [7, 5]
    assert [state.iteration for state, _ in load(tmp_path, bare_states=False)[0]] == [5]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """And no temporary file beside it."""
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_new_generation_sets_the_old_records_aside(tmp_path: Path) -> None:
    """They stay readable, and no longer count."""
    agent_dir = AgentDir(tmp_path / "ours", tmp_path / "mirror", None)
    checkpointed(agent_dir, 5)
    agent_dir.begin_generation(1)
    assert load(tmp_path / "ours", bare_states=False) == ([], [])
    assert (tmp_path / "ours" / "generations" / "1" / "checkpoints" / "checkpoint_5.json").exists()
    assert list((tmp_path / "mirror" / "checkpoints").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_link_of_the_agent_leads_nowhere_new(tmp_path: Path) -> None:
    """Root writes the mirror with the agent's rights: a link to a root-only folder is not followed."""
    tmp_path.chmod(0o755)
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, 1001, 1001)
    (work / ".agent").mkdir()
    (work / ".agent" / "metrics").symlink_to(secret)
    AgentDir(tmp_path / "ours", work / ".agent", User(1001, 1001)).write_state(new_state())
    assert list(secret.iterdir()) == []
    assert len(list((tmp_path / "ours" / "metrics").iterdir())) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_it_is_the_agents_rights_that_hold_a_link_back(within_reach: Path) -> None:
    """The same write lands in a plain folder, and behind a link to a folder of the agent's; never in one of root's."""
    work, theirs, secret = (within_reach / name for name in ("work", "theirs", "secret"))
    secret.mkdir(mode=0o700)
    (secret / "key").write_text("s3cr3t")
    for folder in (work, work / ".agent", work / ".agent" / "metrics", theirs):
        folder.mkdir()
        os.chown(folder, 1001, 1001)
    agent_dir = AgentDir(within_reach / "ours", work / ".agent", User(1001, 1001))
    metrics = work / ".agent" / "metrics"
    agent_dir.write_state(new_state())
    (written,) = metrics.iterdir()
    assert written.stat().st_uid == 1001
    written.unlink()
    metrics.rmdir()
    for target, count in ((theirs, 1), (secret, 0)):
        metrics.symlink_to(target)
        agent_dir.write_state(new_state())
        metrics.unlink()
        assert len(list(target.glob("state_*"))) == count
    (work / ".agent" / "note.md").write_text("mine")
    (work / ".agent" / "key.md").symlink_to(secret / "key")
    (work / ".agent" / "other.md").symlink_to(next(theirs.iterdir()))
    (work / ".agent" / "more").symlink_to(secret)
    (work / ".agent" / "roots.md").write_text("s3cr3t")
    (work / ".agent" / "roots.md").chmod(0o600)
    agent_dir.keep_notes()
    kept = [path for path in (within_reach / "ours" / "agent-notes").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == ["note.md"]
    assert list(secret.iterdir()) == [secret / "key"]
