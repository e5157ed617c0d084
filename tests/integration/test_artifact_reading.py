"""A resume from artifacts of which the newest cannot be had: the next older one is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ralph_action.artifacts import Place as Named
from ralph_action.artifacts import ServiceArtifacts
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.checkpoint.archive import pack
from ralph_action.checkpoint.segments import stamps
from ralph_action.github.context import Context
from ralph_action.ports import ArtifactKind
from ralph_action.resume.find import Found, search_artifacts
from ralph_action.resume.shelf import Shelf
from ralph_action.state import Checkpoint
from tests.lab.github import GitHub
from tests.unit.records import new_state


class Anywhere:
    """A machine that needs no commit."""

    def has(self, commit: str) -> bool:
        return True

    def take(self, base: str, bundles: Sequence[Path]) -> str:
        raise AssertionError(base, bundles)


Look = Callable[[], Found]


@pytest.fixture
def look(github: GitHub, tmp_path: Path) -> Look:
    """Run 7 has left two states, of iterations 1 and 2; run 8 looks for them, by REST."""
    env = github.start_run(7)
    writing = ServiceArtifacts(Context.from_environ(env), "", 0, {}, print)
    for number in (1, 2):
        there = AgentDir(tmp_path / f"made-{number}", None, None)
        name, digest = there.write_state(new_state(iteration=number, sequence=number))
        made = Checkpoint(iteration=number, sequence=number, branch="b", commit="c", state_file=name, digest=digest)
        there.write_checkpoint(replace(made, homes={"local": "reached"}))
        pack(there.path, sorted(stamps(there.path)), tmp_path / "made.zip", {})
        writing.upload(Named("t", "7", 1), ArtifactKind.STATE, number, 0, tmp_path / "made.zip")
    writing.close()
    reading = ServiceArtifacts(Context.from_environ(github.start_run(8)), github.issue_token(), 0, {}, print)

    def found() -> Found:
        result = Found()
        search_artifacts(result, Shelf(reading.listed("t"), tmp_path / "got"), task="t", work=Anywhere())
        reading.close()
        return result

    return found


def test_the_newest_state_is_taken(look: Look) -> None:
    """As long as nothing is wrong with it."""
    assert [item.state.iteration for item in look().candidates] == [2]


def refused(found: Found) -> str:
    """Why the newest was not taken; the older one was."""
    assert [item.state.iteration for item in found.candidates] == [1]
    (refusal,) = found.refusals
    assert refusal.where == "ralph-state-t-7-1-00000002"
    return refusal.why


@pytest.mark.fault("artifact", "The newest artifact is gone (404)", "it is named, and the next older one is taken.")
@pytest.mark.fault("artifact", "The newest artifact has expired (410)", "it is named, and the next older one is taken.")
@pytest.mark.parametrize("status", [404, 410])
def test_an_artifact_that_is_gone(github: GitHub, look: Look, status: int) -> None:
    github.faults.fail("zip", status)
    assert f"HTTP {status}" in refused(look())


@pytest.mark.fault(
    "artifact",
    "A download does not match its digest",
    "it is not unpacked; it is named, and the next older one is taken.",
)
def test_a_digest_that_does_not_match(github: GitHub, look: Look) -> None:
    newest = github.artifacts.all[-1]
    assert newest.data is not None
    newest.data = newest.data[:-1] + bytes([newest.data[-1] ^ 1])
    assert "does not match its digest" in refused(look())


@pytest.mark.fault(
    "artifact",
    "A zip is truncated, and the service gives no digest",
    "it is refused as damaged, and the next older one is taken.",
)
def test_a_truncated_zip(github: GitHub, look: Look) -> None:
    newest = github.artifacts.all[-1]
    assert newest.data is not None
    newest.data, newest.digest = newest.data[:300], ""
    assert "the zip is damaged" in refused(look())


def test_a_list_that_does_not_answer(github: GitHub, look: Look, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said with the permission that is missing; a run begins from another home."""
    github.faults.fail("rest", 403)
    assert look().candidates == []
    assert "Artifacts of earlier runs cannot be listed" in capsys.readouterr().out
