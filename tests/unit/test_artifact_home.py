"""What the artifact home uploads and deletes, over a store in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.checkpoint.artifact_home import SMALL_BUNDLE_BYTES
from ralph_action.checkpoint.segments import already_there, read_manifest
from ralph_action.ports import ArtifactKind
from tests.unit.artifact_run import Run

STATE, SEGMENT, WHOLE = ArtifactKind
KINDS = [STATE, STATE, STATE, STATE, SEGMENT, STATE, STATE]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_each_log_goes_up_once_and_the_states_stay_small(run: Run) -> None:
    """A state has one record and the state that it names; the fourth is followed by a segment of what came before."""
    assert run.store_some(6) == ["reached"] * 6
    assert [item.kind for item in run.store.made] == KINDS
    assert sorted(run.store.zips) == ["segment-4-0", "state-5-0", "state-6-0"]
    state, segment = run.store.files("state-6-0"), run.store.files("segment-4-0")
    records = [name for name in state if name.startswith(".agent/checkpoints/")]
    assert records == [".agent/checkpoints/checkpoint_6.json"]
    assert json.loads(state[records[0]])["state_file"] in {name.removeprefix(".agent/") for name in state}
    assert not [name for name in state if name.startswith(".agent/logs/")]
    assert sorted(name for name in segment if "/logs/iter" in name) == [
        f".agent/logs/iteration_{n}_1.jsonl" for n in range(1, 5)
    ]
    assert sorted(name for name in segment if "/checkpoints/" in name) == [
        f".agent/checkpoints/checkpoint_{n}.json" for n in range(1, 5)
    ]
    assert len([name for name in segment if "/metrics/state_" in name]) == 4
    assert [line.count(b"\n") for line in (segment[".agent/journal.jsonl"], state[".agent/journal.jsonl"])] == [4, 2]
    assert json.loads(state["artifact.json"])["segments"] == ["segment-4-0"]


def test_each_named_state_is_in_one_segment(run: Run) -> None:
    """So that a record that comes back is worth something; and no state goes up in two."""
    run.store_some(8)
    found = [name for item in run.store.mine() if item.kind is SEGMENT for name in run.store.files(item.name)]
    states = [name for name in found if "/metrics/state_" in name]
    assert len(states) == len(set(states)) == 8


def test_the_bundles_are_a_chain(run: Run) -> None:
    """A state's begins where the last segment ends; the whole one has all commits."""
    run.store_some(6, is_last=True)
    assert run.since == ["base..c1", "base..c2", "base..c3", "base..c4", "c4..c5", "c4..c6", "base..c6"]


def test_the_whole_one_replaces_the_others(run: Run) -> None:
    """It is finalized before they go, and holds every log."""
    assert run.store_some(6, is_last=True)[-1] == "reached"
    assert list(run.store.zips) == ["agent-6-0"]
    assert [item.kind for item in run.store.made[-2:]] == [STATE, WHOLE]
    files = run.store.files("agent-6-0")
    assert len([name for name in files if "/logs/iteration_" in name]) == 6
    assert len([name for name in files if "/checkpoints/" in name]) == 6
    assert "work.bundle" in files


@pytest.mark.fault(
    "artifact",
    "A segment with logs cannot be uploaded",
    "the checkpoint counts all the same; it is said once, and the segment goes up with a later one.",
)
def test_a_segment_that_fails_costs_no_checkpoint(run: Run) -> None:
    """The states carry the commits until it is there."""
    run.store.refused = {"segment"}
    assert run.store_some(6) == ["reached"] * 6
    assert run.said == ["Logs and older records are not in the artifacts yet: no segment today"]
    assert run.since[-1] == "base..c6"
    run.store.refused.clear()
    run.store_some(2)
    assert run.since[-1] == "c7..c8"
    logs = [name for name in run.store.files("segment-7-0") if "/logs/iteration_" in name]
    assert len(logs) == 7


@pytest.mark.fault(
    "artifact",
    "The whole `.agent/` at the end of a run cannot be uploaded",
    "the last state is there before it is tried, states and segments stay, and the record says so; it is tried again.",
)
def test_a_whole_one_that_fails_leaves_the_others(run: Run) -> None:
    run.store.refused = {"agent"}
    stand = run.store_some(5, is_last=True)[-1]
    assert stand == "the checkpoint is there, but not all of .agent/: no agent today"
    assert sorted(run.store.zips) == ["segment-4-0", "state-4-0", "state-5-0"]
    run.store.refused.clear()
    last = run.home._stated
    assert last is not None
    assert run.home.store(last, "", is_last=True) == "reached"
    run.home.tidy()
    assert list(run.store.zips) == ["agent-5-0"]
    assert [item.kind for item in run.store.made].count(STATE) == 5


def test_a_refused_delete_is_said_once(run: Run) -> None:
    run.store.refused = {"delete"}
    assert run.store_some(6, is_last=True) == ["reached"] * 6
    assert run.said == ["Older artifacts of this run stay: they could not be deleted: Forbidden"]
    assert len(run.store.zips) == 8


def test_uploads_keep_their_distance(tmp_path: Path) -> None:
    """One is uploaded, the next waits until two minutes are over, the last one waits for nothing."""
    run = Run(tmp_path, gap_s=120)
    assert run.store_some(2) == ["reached", "waiting"]
    run.now = 121
    assert run.store_some(2) == ["reached", "waiting"]
    assert run.store_some(1, is_last=True) == ["reached"]
    assert [item.sequence for item in run.store.made] == [1, 3, 5, 5]


@pytest.mark.fault(
    "artifact",
    "A job makes more artifacts than the service takes",
    "from the 440th on uploads wait for the run's end, which has some left; the branch goes on.",
)
def test_the_last_uploads_are_kept_for_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path, most=5)
    assert run.store_some(6) == ["reached"] * 4 + ["waiting"] * 2
    assert run.store_some(1, is_last=True) == ["reached"]
    assert list(run.store.zips) == ["agent-7-0"]


def test_what_is_there_is_not_uploaded_again(run: Run) -> None:
    """The publisher asks again when another home has not got it."""
    made = run.checkpoint()
    assert [run.home.store(made, "", is_last=False) for _ in range(2)] == ["reached"] * 2
    assert len(run.store.made) == 1


@pytest.mark.parametrize(("confirmed", "carries"), [("c4", False), ("", True), ("c3", True)])
def test_a_large_bundle_goes_along_while_the_push_is_not_confirmed(
    tmp_path: Path, confirmed: str, carries: bool
) -> None:
    """A segment that leaves it out is no link of the chain."""
    run = Run(tmp_path, bundle_bytes=SMALL_BUNDLE_BYTES + 1)
    run.home.store(run.checkpoint(), "c1", is_last=False)
    run.home.store(run.checkpoint(), "c2", is_last=False)
    run.home.store(run.checkpoint(), "c3", is_last=False)
    run.home.store(run.checkpoint(), confirmed, is_last=False)
    assert ("work.bundle" in run.store.files("state-4-0")) is carries
    assert ("work.bundle" in run.store.files("segment-4-0")) is carries
    run.home.store(run.checkpoint(), "c5", is_last=False)
    assert run.since[-1] == ("c4..c5" if carries else "base..c5")


def test_timed_checkpoints_of_one_sequence_have_names_of_their_own(run: Run) -> None:
    """Their state is that of the last iteration, however many there are."""
    made = run.checkpoint()
    for number in range(3):
        assert run.home.store(replace(made, wip=f"w{number}"), "", is_last=False) == "reached"
    assert [item.name for item in run.store.made] == ["state-1-0", "state-1-1", "state-1-2"]
    assert ".agent/checkpoints/wip.json" in run.store.files("state-1-2")


def test_notes_go_up_as_they_change(run: Run) -> None:
    """What the agent keeps for itself is in the states until a segment has it."""
    note = run.agent_dir.path / "agent-notes" / "plan.md"
    note.parent.mkdir()
    note.write_text("first")
    run.store_some(5)
    assert run.store.files("segment-4-0")[".agent/agent-notes/plan.md"] == b"first"
    assert ".agent/agent-notes/plan.md" not in run.store.files("state-5-0")
    note.write_text("second thoughts")
    run.store_some(1)
    assert run.store.files("state-6-0")[".agent/agent-notes/plan.md"] == b"second thoughts"


def test_a_state_that_is_gone_is_no_checkpoint(run: Run) -> None:
    made = run.checkpoint()
    (run.agent_dir.path / made.state_file).unlink()
    assert run.home.store(made, "", is_last=False).startswith("it could not be packed")
    assert run.store.made == []


def test_what_a_run_began_with_does_not_go_up_again(run: Run, tmp_path: Path) -> None:
    """It is in the artifacts that the run came from, which are named."""
    run.store_some(2)
    run.home._sent = already_there(run.agent_dir.path, ["old"])
    run.store_some(2)
    segment = run.store.files("segment-4-0")
    assert sorted(name for name in segment if "/logs/iter" in name) == [
        f".agent/logs/iteration_{n}_1.jsonl" for n in (3, 4)
    ]
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "artifact.json").write_bytes(segment["artifact.json"])
    assert read_manifest(tmp_path / "x") == ("old",)
