"""The user's guide, its commands as they are written: troubleshooting."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.test_guide import Scratch, project
from tests.integration.test_guide_state import VALIDATE


@pytest.fixture
def scratch(tmp_path: Path, environment: dict[str, str]) -> Scratch:
    place = project(tmp_path, environment)
    place.agent(5)
    return place


INITIALIZE = """# Initialize git repository
git init
git add .
git commit -m "Initial commit"
"""


def test_no_repository_then_one(tmp_path: Path, environment: dict[str, str]) -> None:
    """The error has the guide's words and both remedies; the first remedy helps."""
    scratch = Scratch(tmp_path, environment)
    scratch.agent(2)
    log = scratch.bash("python ralph_orchestrator.py", code=4)
    assert "Not a git repository" in log
    assert "git init" in log
    assert "--no-git" in log
    assert sorted(path.name for path in scratch.folder.iterdir()) == ["PROMPT.md", "ralph.yml"]
    scratch.bash(INITIALIZE)
    scratch.bash("python ralph_orchestrator.py")
    assert scratch.checkpoints() == [2]
    assert scratch.bash("git ls-tree -r --name-only HEAD").split() == ["PROMPT.md", "ralph.yml", "work.txt"]


def test_no_repository_and_none_wanted(tmp_path: Path, environment: dict[str, str]) -> None:
    """The second remedy helps too; a repository that is made later does not hold `.agent/`."""
    scratch = Scratch(tmp_path, environment)
    scratch.agent(3)
    scratch.bash("python ralph_orchestrator.py", code=4)
    scratch.bash("python ralph_orchestrator.py --no-git --max-iterations 2", code=11)
    assert not (scratch.folder / ".git").exists()
    assert scratch.state()["iteration"] == 2
    scratch.bash(INITIALIZE)
    scratch.bash("python ralph_orchestrator.py")
    assert scratch.work() == [1, 2, 3]
    assert scratch.checkpoints() == [3]
    assert scratch.bash("git ls-tree -r --name-only HEAD").split() == ["PROMPT.md", "ralph.yml", "work.txt"]


def test_moved_to_larger_storage(scratch: Scratch) -> None:
    """The run goes on through the link and writes to the new place; no commit holds the link."""
    scratch.prepare(3)
    disk = scratch.root / "larger" / "disk"
    disk.mkdir(parents=True)
    scratch.bash(f"mv .agent {disk}/")
    scratch.bash(f"ln -s {disk}/.agent .agent")
    before = set(disk.glob(".agent/metrics/*"))
    log = scratch.bash("python ralph_orchestrator.py")
    assert "after iteration 3" in log
    assert scratch.work() == [1, 2, 3, 4, 5]
    assert (scratch.folder / ".agent").is_symlink()
    assert set(disk.glob(".agent/metrics/*")) > before
    assert scratch.state()["iteration"] == 5
    assert scratch.bash("git ls-tree -r --name-only HEAD").split() == ["PROMPT.md", "ralph.yml", "work.txt"]


def damage(folder: Path) -> None:
    newest = max(folder.glob("metrics/state_*.json"))
    newest.write_bytes(newest.read_bytes()[:100])


def test_a_corrupted_checkpoint(scratch: Scratch) -> None:
    """The log says so in the guide's words, and the one before it is used: no iteration is done twice."""
    scratch.prepare(3)
    (ours,) = scratch.saved.glob("*/agent")
    damage(ours)
    damage(scratch.folder / ".agent")
    log = scratch.bash("python ralph_orchestrator.py")
    assert "refused: " in log
    assert "Invalid checkpoint data" in log
    assert "after iteration 3" in log
    assert scratch.work() == [1, 2, 3, 4, 5]
    assert scratch.checkpoints()[-1] == 5


def test_a_corrupted_checkpoint_without_the_saved_state(scratch: Scratch) -> None:
    """The same with `.agent/` alone, as in a container that is gone."""
    scratch.prepare(3)
    shutil.rmtree(scratch.saved)
    damage(scratch.folder / ".agent")
    log = scratch.bash("python ralph_orchestrator.py")
    assert "Invalid checkpoint data" in log
    assert "after iteration 3" in log
    assert scratch.work() == [1, 2, 3, 4, 5]


def test_a_corrupted_view_is_repaired(scratch: Scratch) -> None:
    """A file of `.agent/` that somebody damaged is written again from the copy that counts."""
    scratch.prepare(3)
    damage(scratch.folder / ".agent")
    validate = f"{shlex.quote(sys.executable)} -c {shlex.quote(VALIDATE)}"
    assert "✗" in scratch.bash(validate)
    log = scratch.bash("python ralph_orchestrator.py")
    assert "after iteration 3" in log
    assert "✗" not in scratch.bash(validate)


EARLIER = """# Use previous checkpoint
ls -la .agent/prompts/  # Find earlier version
cp .agent/prompts/prompt_EARLIER.md PROMPT.md
"""


def test_the_guides_remedy_for_a_corrupted_checkpoint(scratch: Scratch) -> None:
    """An earlier prompt is found, copied and used."""
    scratch.agent(3, 'cat >> ~/seen; [ "$RALPH_ITERATION" != 1 ] || head -c 9 /dev/urandom > PROMPT.md')
    scratch.prepare(2)
    earlier = scratch.files("prompts/*.md")[0].name
    listed = scratch.bash(EARLIER.replace("prompt_EARLIER.md", earlier))
    assert earlier in listed
    scratch.bash("python ralph_orchestrator.py")
    seen = Path(scratch.environment["HOME"], "seen").read_bytes()
    assert seen.startswith(b"Do it.\n")
    assert seen.count(b"Do it.\n") > 1
    assert len(scratch.work()) == 3
