"""Artifacts that build on others: what is brought back, what is missing, and what must not come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.segments import read_manifest
from ralph_action.errors import GitHubError, StateError
from ralph_action.ports import ArtifactKind
from ralph_action.resume.find import Found, search_artifacts
from ralph_action.resume.shelf import PATIENCE, Shelf, bring_back
from ralph_action.state import Checkpoint
from tests.unit.records import new_state

CHECKPOINT = Checkpoint(
    iteration=5, sequence=5, branch="b", commit="c5", state_file="metrics/state_20260101_000005.json", digest="d"
)


class Made:
    """An artifact of the given files, or the problem that fetching it meets."""

    def __init__(self, name: str, files: dict[str, str] | Exception, refusal: str = "") -> None:
        self.name = name
        self.kind = ArtifactKind(name.partition("-")[0])
        self.refusal = refusal
        self.files = files
        self.fetched = 0

    def fetch(self, into: Path) -> Path:
        self.fetched += 1
        if isinstance(self.files, Exception):
            raise self.files
        for name, text in self.files.items():
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return into


def segment(number: int, **files: str) -> Made:
    named = {f".agent/{name.replace('__', '/')}": text for name, text in files.items()}
    log = {f".agent/logs/iteration_{number}_1.jsonl": f"log {number}", ".agent/journal.jsonl": f"line {number}\n"}
    return Made(f"segment-{number}", {**log, **named})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An `.agent/` that was restored from a state."""
    here = tmp_path / "agent"
    (here / "agent-notes").mkdir(parents=True)
    (here / "journal.jsonl").write_text("line 5\n")
    (here / "agent-notes" / "plan").write_text("newest")
    return here


def test_everything_comes_back_in_its_order(tmp_path: Path, folder: Path) -> None:
    """Lines are put before those that are there; of a note the newest stays."""
    made = [segment(2), segment(1, agent_notes__plan="oldest")]
    made[0].files |= {".agent/agent-notes/plan": "older", ".agent/agent-notes/b": "b2"}  # type: ignore[operator]
    made[1].files |= {".agent/agent-notes/b": "b1"}  # type: ignore[operator]
    assert bring_back(Shelf(made, tmp_path / "got"), ["segment-1", "segment-2"], folder, CHECKPOINT) == []
    assert (folder / "journal.jsonl").read_text() == "line 1\nline 2\nline 5\n"
    assert sorted(path.name for path in (folder / "logs").iterdir()) == ["iteration_1_1.jsonl", "iteration_2_1.jsonl"]
    assert (folder / "agent-notes" / "plan").read_text() == "newest"
    assert (folder / "agent-notes" / "b").read_text() == "b2"


@pytest.mark.fault(
    "artifact",
    "A segment with older logs is missing, damaged or refused",
    "it is named with the cause, the others are brought back, and the run goes on.",
)
def test_a_missing_segment_is_said(tmp_path: Path, folder: Path) -> None:
    made = [segment(3), Made("segment-2", StateError("the zip is damaged")), Made("segment-4", {}, "a fork made it")]
    names = ["segment-1", "segment-2", "segment-3", "segment-4"]
    missing = bring_back(Shelf(made, tmp_path / "got"), names, folder, CHECKPOINT)
    assert missing == [
        "segment-4: a fork made it",
        "segment-2: the zip is damaged",
        "segment-1: the lists do not show it.",
    ]
    assert (folder / "logs" / "iteration_3_1.jsonl").exists()
    assert made[2].fetched == 0


def test_a_service_that_does_not_answer_is_not_asked_for_each(tmp_path: Path, folder: Path) -> None:
    """Each try takes its time, and nothing depends on them."""
    made = [Made(f"segment-{n}", GitHubError("no answer")) for n in range(9)]
    missing = bring_back(Shelf(made, tmp_path / "got"), [item.name for item in made], folder, CHECKPOINT)
    assert len(missing) == 9
    assert sum(item.fetched for item in made) == PATIENCE


@pytest.mark.parametrize(
    "name",
    [
        "checkpoints/checkpoint_6.json",
        "checkpoints/wip.json",
        "metrics/state_20260101_000006.json",
        "lease.json",
        "report.html",
        "other/x",
    ],
)
def test_nothing_later_comes_back(tmp_path: Path, folder: Path, name: str) -> None:
    """A later record or state would be taken for the furthest; the claim and the report are of their moment."""
    made = segment(4)
    made.files |= {f".agent/{name}": "{}"}  # type: ignore[operator]
    assert bring_back(Shelf([made], tmp_path / "got"), ["segment-4"], folder, CHECKPOINT) == []
    assert not (folder / name).exists()
    assert (folder / "logs" / "iteration_4_1.jsonl").exists()


def test_what_was_refused_is_not_taken_over(tmp_path: Path) -> None:
    """A kill before the next checkpoint would make it the furthest that is found here."""
    later = Made("state-9", segment(4).files)
    later.files |= {".agent/checkpoints/checkpoint_6.json": "{}", f".agent/{CHECKPOINT.state_file}": "{}"}  # type: ignore[operator]
    ours = AgentDir(tmp_path / "ours", None, None)
    ours.take_over(later.fetch(tmp_path / "got") / ".agent", CHECKPOINT)
    assert not list((ours.path / "checkpoints").iterdir())
    assert (ours.path / CHECKPOINT.state_file).exists()
    assert (ours.path / "logs" / "iteration_4_1.jsonl").exists()


class Work:
    """A machine that can take some bundles in: those whose commits follow one another."""

    def __init__(self) -> None:
        self.commits = {"base"}

    def has(self, commit: str) -> bool:
        return commit in self.commits

    def take(self, base: str, bundles: Sequence[Path]) -> str:
        problem = ""
        for bundle in bundles:
            since, tip = bundle.read_text().split("..")
            if since in self.commits:
                self.commits.add(tip)
            else:
                problem = f"{since} is lacking"
        return problem


def state(tmp_path: Path, number: int, bundle: str, *names: str) -> Made:
    """A valid state artifact that builds on others."""
    there = AgentDir(tmp_path / f"made-{number}", None, None)
    name, digest = there.write_state(new_state(iteration=number, sequence=number))
    record = Checkpoint(
        iteration=number, sequence=number, branch="b", commit=f"c{number}", state_file=name, digest=digest
    )
    there.write_checkpoint(record)
    files = {
        f".agent/{part}": (there.path / part).read_text() for part in (name, f"checkpoints/checkpoint_{number}.json")
    }
    listed = ", ".join(f'"{name}"' for name in names)
    manifest = f'{{"schema": "ralph-artifact/1", "kind": "state", "segments": [{listed}]}}'
    return Made(f"state-{number}", {**files, "artifact.json": manifest, "work.bundle": bundle})


@pytest.mark.parametrize(
    ("segment_2", "best", "said"),
    [
        ({"work.bundle": "c1..c2"}, 3, ""),
        ({}, 0, "c2 is lacking"),
        (GitHubError("gone"), 0, "segment-2: gone; c2 is lacking"),
        ({"work.bundle": "c9..c2"}, 0, "c2 is lacking"),
    ],
)
def test_a_chain_of_bundles(tmp_path: Path, segment_2: dict[str, str] | Exception, best: int, said: str) -> None:
    """It is taken in before a candidate counts; with a missing link the older artifact is looked at."""
    new = new_state()
    chain = ["segment-1", "segment-2"]
    made = [
        state(tmp_path, 3, "c2..c3", *chain),
        Made("segment-2", segment_2),
        Made("segment-1", {"work.bundle": "base..c1"}),
        state(tmp_path, 0, "base..c0"),
    ]
    found = Found()
    search_artifacts(found, Shelf(made, tmp_path / "got"), task=new.task, work=Work())
    assert [item.state.iteration for item in found.candidates] == [best]
    assert [item.why for item in found.refusals] == (
        [f"iteration 3: its commit c3 is in no home; {said}"] if said else []
    )
    assert found.candidates[0].segments == (tuple(chain) if best else ())


@pytest.mark.fault(
    "artifact",
    "An artifact has a schema that is not known here",
    "it is refused and named, and the next older one is taken.",
)
@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "ralph-artifact/2", "segments": []}', '{"segments": [1]}'])
def test_a_manifest_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    bad, good = state(tmp_path, 2, "base..c2"), state(tmp_path, 1, "base..c1")
    assert isinstance(bad.files, dict)
    bad.files["artifact.json"] = text
    found = Found()
    search_artifacts(found, Shelf([bad, good], tmp_path / "got"), task=new_state().task, work=Work())
    assert [item.state.iteration for item in found.candidates] == [1]
    assert [(item.where, item.is_damaged) for item in found.refusals] == [("state-2", True)]
    assert "Invalid checkpoint data: artifact.json" in found.refusals[0].why


def test_an_artifact_of_an_older_version(tmp_path: Path) -> None:
    """It has no manifest, and builds on nothing."""
    assert read_manifest(tmp_path) == ()
