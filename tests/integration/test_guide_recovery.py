"""The user's guide, its commands as they are written: recovery, storage, more than one machine."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.integration.test_guide import LIST, Scratch, project, read

REMOTE = """git init -q --bare -b main ../remote.git
git remote add origin "$(realpath ../remote.git)"
git push -q origin main
"""
DAY_S = 24 * 60 * 60


@pytest.fixture
def scratch(tmp_path: Path, environment: dict[str, str]) -> Scratch:
    place = project(tmp_path, environment)
    place.agent(5)
    return place


def age(folder: Path, days: int) -> None:
    """Let everything below look as old as that."""
    then = time.time() - days * DAY_S
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (then, then))


INTERRUPTION = """# Simulate interruption
python ralph_orchestrator.py &
PID=$!
sleep 30
kill $PID

# Verify recovery
python ralph_orchestrator.py  # Should resume
"""


def test_recovery_after_an_interruption(scratch: Scratch) -> None:
    """Killed in iteration 3, it goes on at once with iteration 3; `sleep` waits for that moment, not for 30 s."""
    hang = '[ "$RALPH_ITERATION" != 3 ] || [ -e ~/hung ] || { touch ~/hung; exec tail -f /dev/null; }'
    scratch.agent(4, hang)
    wait = '[ "$1" = 30 ] && for _ in {1..600}; do [ -e ~/hung ] && exit; read -rt 0.1 <> <(:); done; exit 1'
    scratch.tool("sleep", wait)
    log = scratch.bash(INTERRUPTION)
    assert "going on from local" in log
    assert "after iteration 2" in log
    assert scratch.work() == [1, 2, 3, 4]
    state = scratch.state()
    assert (state["iteration"], state["status"]) == (4, "completed")
    states = [read(path) for path in scratch.files("metrics/state_*.json")]
    counts = [state["iteration"] for state in states]
    assert counts == sorted(counts)
    assert len({state["start_time"] for state in states}) == 1
    assert scratch.checkpoints() == [2, 4]


@pytest.mark.parametrize("is_fresh", [False, True], ids=["same clone", "fresh clone"])
def test_recovery_from_a_git_checkpoint(scratch: Scratch, is_fresh: bool) -> None:
    """The restored files are gone on with, the counters grow, and the later checkpoints stay in the history."""
    scratch.bash(REMOTE)
    scratch.prepare(3)
    if is_fresh:
        scratch.bash("mv project first; git clone -q -b ralph/project remote.git project", scratch.root)
        shutil.rmtree(scratch.saved)
    listed = scratch.bash(LIST).splitlines()
    last = scratch.bash("git rev-parse ralph/project").strip()
    (commit,) = [line.split()[0] for line in listed if "checkpoint 1:" in line]
    scratch.bash("git checkout <commit-hash>".replace("<commit-hash>", commit))
    assert scratch.work() == [1]
    log = scratch.bash("python ralph_orchestrator.py --prompt PROMPT.md")
    assert "after iteration 3" in log
    assert scratch.bash("git symbolic-ref HEAD") == "refs/heads/ralph/project\n"
    scratch.bash(f"git merge-base --is-ancestor {last} HEAD")
    assert scratch.bash(f"git show {last}:work.txt") == "1\n2\n3\n"
    assert scratch.state()["iteration"] == 5
    assert scratch.bash("git rev-parse HEAD") == scratch.bash("git ls-remote -q origin ralph/project | cut -f1")
    assert scratch.work() == [1, 4, 5], log


def test_going_back_after_the_end(scratch: Scratch) -> None:
    """A completed task begins anew from the restored checkpoint; the first branch stays as it was."""
    scratch.bash("python ralph_orchestrator.py --checkpoint-interval 1")
    last = scratch.bash("git rev-parse ralph/project")
    commit = next(line.split()[0] for line in scratch.bash(LIST).splitlines() if "checkpoint 2:" in line)
    scratch.bash(f"git checkout {commit}")
    scratch.bash("python ralph_orchestrator.py --prompt PROMPT.md")
    assert scratch.work() == [1, 2, 1, 2, 3, 4, 5]
    assert scratch.bash("git rev-parse ralph/project") == last
    assert scratch.bash("git symbolic-ref HEAD") == "refs/heads/ralph/project-2\n"


def test_recovery_from_a_prompt_archive(scratch: Scratch) -> None:
    """The restored prompt is what the agent gets from then on; the counters go on."""
    scratch.agent(4, 'cat >> ~/seen; [ "$RALPH_ITERATION" != 1 ] || echo "Do it badly." > PROMPT.md')
    scratch.prepare(2)
    first = scratch.files("prompts/*.md")[0]
    copy = "cp .agent/prompts/prompt_20240110_100000.md PROMPT.md"
    scratch.bash(copy.replace("prompt_20240110_100000.md", first.name))
    log = scratch.bash("python ralph_orchestrator.py")
    assert "after iteration 2" in log
    seen = Path(scratch.environment["HOME"], "seen").read_text().splitlines()
    assert [line for line in seen if line.startswith("Do it")] == ["Do it.", "Do it badly.", "Do it.", "Do it."]
    assert scratch.work() == [1, 2, 3, 4]
    assert scratch.bash("git show HEAD:PROMPT.md") == "Do it.\n"


OLD = """# Remove checkpoints older than 7 days
find .agent/prompts -mtime +7 -delete
find .agent/metrics -name "*.json" -mtime +7 -delete
"""
OLDER = "find .agent -type f -mtime +30 -delete"


@pytest.mark.parametrize(("command", "days"), [(OLD, 10), (OLDER, 40)], ids=["7 days", "30 days"])
def test_cleaning_by_age(scratch: Scratch, command: str, days: int) -> None:
    """The run still goes on from where it stood, and what was cleaned away does not come back."""
    scratch.prepare(3)
    age(scratch.folder / ".agent", days)
    names = {path.name for pattern in ("prompts/*", "metrics/*.json") for path in scratch.files(pattern)}
    scratch.bash(command)
    assert scratch.files("prompts/*") == scratch.files("metrics/*") == []
    log = scratch.bash("python ralph_orchestrator.py")
    assert "after iteration 3" in log
    assert scratch.work() == [1, 2, 3, 4, 5]
    assert scratch.state()["iteration"] == 5
    back = names & {path.name for pattern in ("prompts/*", "metrics/*.json") for path in scratch.files(pattern)}
    assert back == set()


LAST_100 = """# Keep only last 100 checkpoints
ls -t .agent/prompts/*.md | tail -n +101 | xargs rm -f
"""
ROTATION = """# Keep last 50 checkpoints
#!/bin/bash
MAX_CHECKPOINTS=50
COUNT=$(ls .agent/prompts/*.md 2>/dev/null | wc -l)
if [ $COUNT -gt $MAX_CHECKPOINTS ]; then
    ls -t .agent/prompts/*.md | tail -n +$(($MAX_CHECKPOINTS+1)) | xargs rm
fi
"""


@pytest.mark.parametrize(("command", "kept"), [(LAST_100, 100), (ROTATION, 50)], ids=["100", "50"])
def test_cleaning_by_number(scratch: Scratch, command: str, kept: int) -> None:
    """The newest archives stay, and what was rotated away does not come back with the next run."""
    count = kept + 3
    scratch.agent(count + 1, 'echo "Step $RALPH_ITERATION" > PROMPT.md')
    with (scratch.folder / "ralph.yml").open("a") as config:
        config.write("\nkeep-checkpoints: 1000\n")  # our own retention leaves it to the guide's
    scratch.bash(f"ralph --checkpoint-interval 1000 --max-iterations {count}", code=11)
    archives = scratch.files("prompts/*.md")
    assert len(archives) > kept
    for number, path in enumerate(archives):
        os.utime(path, (DAY_S + number, DAY_S + number))
    scratch.bash(command)
    assert scratch.files("prompts/*.md") == archives[-kept:]
    log = scratch.bash("python ralph_orchestrator.py")
    assert f"after iteration {count}" in log
    assert scratch.state()["iteration"] == count + 1
    assert scratch.files("prompts/*.md")[:kept] == archives[-kept:]


def test_a_backup_restores_the_task(scratch: Scratch) -> None:
    """The guide's tar file is all that a machine without the saved state needs."""
    scratch.prepare(3)
    scratch.bash("tar -czf ralph_checkpoints_$(date +%Y%m%d).tar.gz .agent/")
    shutil.rmtree(scratch.saved)
    shutil.rmtree(scratch.folder / ".agent")
    scratch.bash("tar -xzf ralph_checkpoints_*.tar.gz && rm ralph_checkpoints_*.tar.gz")
    log = scratch.bash("python ralph_orchestrator.py")
    assert "after iteration 3" in log
    assert scratch.work() == [1, 2, 3, 4, 5]
    assert scratch.checkpoints() == [1, 2, 3, 3, 5]


PULLS = ["git pull  # Get latest checkpoints", "watch -n 60 'git pull'"]


@pytest.mark.parametrize("command", PULLS, ids=["pull", "watch"])
def test_another_machine_pulls_the_checkpoints(scratch: Scratch, command: str) -> None:
    """Once it is on the task's branch, `git pull` alone brings each new checkpoint."""
    scratch.tool("watch", '[ "$1" = -n ] && exec sh -c "$3"')
    scratch.bash(REMOTE)
    scratch.bash("git clone -q remote.git other", scratch.root)
    other = scratch.root / "other"
    scratch.prepare(2)
    scratch.bash(command, other)
    scratch.bash("git checkout ralph/project", other)
    assert (other / "work.txt").read_text() == "1\n2\n"
    scratch.bash("python ralph_orchestrator.py --checkpoint-interval 5")
    scratch.bash(command, other)
    assert (other / "work.txt").read_text() == "1\n2\n3\n4\n5\n"
    listed = scratch.bash(LIST, other)
    assert len(re.findall("Ralph checkpoint 5: ", listed)) == 1
    assert listed == scratch.bash(LIST)


def test_another_terminal_pulls_the_checkpoints(scratch: Scratch) -> None:
    """`git pull` in the very clone that ralph works in has nothing to do, and says so without an error."""
    scratch.bash(REMOTE)
    scratch.prepare(2)
    assert "up to date" in scratch.bash("git pull  # Get latest checkpoints")


def test_a_shared_repository_with_a_relative_path(scratch: Scratch) -> None:
    """`origin` is what git takes it for: seen from the workspace."""
    scratch.bash("git init -q --bare -b main ../remote.git; git remote add origin ../remote.git")
    scratch.bash("python ralph_orchestrator.py --checkpoint-interval 5")
    assert scratch.bash("git rev-parse HEAD") == scratch.bash("git ls-remote -q origin ralph/project | cut -f1")
