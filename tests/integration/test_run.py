"""The whole program in real processes: a command as the agent, a bare remote, artifacts in a folder."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.place import WAIT, WORK, Place, kill_tree, state_of


def test_a_task_runs_to_its_promise(place: Place) -> None:
    """Commits on the branch, state on its ref, an artifact each, and the user's main untouched."""
    work = place.clone("one")
    command = f'{WORK}; [ "$RALPH_ITERATION" = 3 ] && echo LOOP_COMPLETE; true'
    code, log = place.run(work, "--command", command, "--checkpoint-interval", "1")
    assert code == 0, log
    state = state_of(work)
    assert (state["status"], state["iteration"], state["tokens_used"]) == ("completed", 3, None)
    subjects = place.remote.run("log", "--format=%s", "ralph/t").splitlines()
    assert subjects[0] == "Ralph checkpoint 3: promise-kept"
    assert place.remote.run("show", "ralph/t:done.txt") == "1\n2\n3"
    assert place.remote.run("log", "--format=%s", "main") == "The task"
    assert "metrics" in place.remote.run("ls-tree", "--name-only", "refs/ralph/t/state")
    assert len(list(place.artifacts.iterdir())) >= 1
    trailers = place.remote.run("log", "-1", "--format=%(trailers:only)", "ralph/t")
    assert "Ralph-Iteration: 3" in trailers


@pytest.mark.parametrize("lost", ["branch", "artifact", "none"])
def test_a_killed_machine_goes_on_elsewhere(place: Place, lost: str) -> None:
    """SIGKILL of the whole tree in iteration 2; a fresh shallow clone goes on from any one home."""
    flags = ("--checkpoint-interval", "1", "--max-iterations", "3")
    first = place.clone("first")
    process = place.start(first, "--command", f"{WAIT}; {WORK}", *flags)
    place.wait_for_iteration()
    for _ in range(600):
        if (
            list(place.artifacts.glob("*.zip"))
            and place.remote.succeeds("rev-parse", "--verify", "-q", "refs/heads/ralph/t")
            and '"event": "published"' in (first / ".agent" / "journal.jsonl").read_text()
        ):
            break
        time.sleep(0.05)
    kill_tree(process)
    shutil.rmtree(first)
    if lost == "branch":
        place.remote.run("update-ref", "-d", "refs/heads/ralph/t")
        place.remote.run("update-ref", "-d", "refs/ralph/t/state")
    if lost == "artifact":
        shutil.rmtree(place.artifacts)
    second = place.clone("second")
    code, log = place.run(second, "--command", WORK, *flags)
    assert code == 11, log
    assert "after iteration 1" in log
    assert (second / "done.txt").read_text() == "1\n2\n3\n"
    state = state_of(second)
    assert (state["iteration"], state["stop_reason"]) == (3, "max-iterations")
    assert place.remote.run("show", "ralph/t:done.txt") == "1\n2\n3"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_what_is_there(place: Place, number: int) -> None:
    """Everything done so far is committed, pushed and uploaded; a rerun in place goes on."""
    work = place.clone("one")
    process = place.start(work, "--command", f"{WAIT}; {WORK}")
    place.wait_for_iteration()
    process.send_signal(number)
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 130, log
    assert place.remote.run("show", "ralph/t:half.txt") == "half"
    assert "homes: local reached, branch reached, artifact reached" in log
    state = state_of(work)
    assert (state["status"], state["iteration"]) == ("cancelled", 1)
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2")
    assert code == 11, log
    assert (work / "done.txt").read_text() == "1\n2\n"


def test_a_local_kill_between_checkpoints_loses_no_counter(place: Place) -> None:
    """The work tree as it lies belongs to the local state: the finished iteration is not done again."""
    work = place.clone("one")
    process = place.start(work, "--command", f"{WAIT}; {WORK}")
    place.wait_for_iteration()
    kill_tree(process)
    code, log = place.run(work, "--command", WORK, "--max-iterations", "3")
    assert code == 11, log
    assert "going on from local" in log
    assert (work / "done.txt").read_text() == "1\n2\n3\n"


def test_a_completed_task_begins_a_second_generation(place: Place) -> None:
    """On a branch of its own from the present HEAD; the first one stays as it was."""
    work = place.clone("one")
    finish = f"{WORK}; echo LOOP_COMPLETE"
    assert place.run(work, "--command", finish)[0] == 0
    first = place.remote.run("rev-parse", "ralph/t")
    head = Git(work, place.environment).run("rev-parse", "HEAD")
    code, log = place.run(work, "--command", finish)
    assert code == 0, log
    assert place.remote.run("rev-parse", "ralph/t") == first
    assert place.remote.run("rev-parse", "ralph/t-2^") == head
    state = state_of(work)
    assert (state["generation"], state["iteration"], state["branch"]) == (2, 1, "ralph/t-2")


def test_without_git(place: Place, tmp_path: Path) -> None:
    """`--no-git` in a folder that is no repository: the local home and the artifact are left."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "PROMPT.md").write_text("x")
    code, log = place.run(folder, "--command", WORK, "--max-iterations", "1", "--no-git", "--no-archive")
    assert code == 11, log
    assert not (folder / ".git").exists()
    assert list((folder / ".agent" / "prompts").glob("*")) == [] if (folder / ".agent" / "prompts").exists() else True
    assert state_of(folder)["iteration"] == 1


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--agent", "cluade"], 2, "Did you mean claude?"),
        (["--prompt-file", "none.md"], 2, "none.md"),
        (["--max-iterations", "lots"], 2, "max-iterations: 'lots'"),
        (["--branch", "a..b"], 2, "branch: 'a..b'"),
        (["--resume", "require"], 3, "no home has a valid checkpoint"),
    ],
)
def test_bad_input_touches_nothing(place: Place, flags: list[str], code: int, said: str) -> None:
    """A clear message, its own exit code, and the workspace as it was."""
    work = place.clone("one")
    before = Git(work, place.environment).run("for-each-ref")
    found, log = place.run(work, "--command", WORK, *flags)
    assert found == code, log
    assert said in log
    assert Git(work, place.environment).run("for-each-ref") == before
    assert sorted(path.name for path in work.iterdir()) == [".git", "PROMPT.md"]


def test_no_repository(place: Place, tmp_path: Path) -> None:
    """The guide's own words, and both remedies."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "PROMPT.md").write_text("x")
    code, log = place.run(folder, "--command", WORK)
    assert code == 4
    assert "Not a git repository" in log
    assert "--no-git" in log


def test_a_newer_schema_is_never_begun_over(place: Place) -> None:
    """A state of a newer version stops the run with the remedy."""
    work = place.clone("one")
    assert place.run(work, "--command", WORK, "--max-iterations", "1")[0] == 11
    for folder in (work / ".agent", *(place.root / "state-one").glob("*/agent")):
        for path in (*folder.glob("metrics/state_*.json"),):
            path.write_text(path.read_text().replace("ralph-state/1", "ralph-state/9"))
        for path in folder.glob("checkpoints/*.json"):
            path.write_text(path.read_text().replace("ralph-checkpoint/1", "ralph-checkpoint/9"))
    place.remote.run("update-ref", "-d", "refs/ralph/t/state")
    shutil.rmtree(place.artifacts)
    code, log = place.run(work, "--command", WORK)
    assert code == 3, log
    assert "Use a newer ralph-action" in log


@pytest.mark.fault(
    "artifact",
    "The newest artifact is damaged",
    "the log names it and says why, and the run goes on from the one before it, which is kept for that.",
)
def test_a_damaged_artifact_is_refused_and_the_next_older_used(place: Place) -> None:
    """A run that was killed leaves its last two states."""
    work = place.clone("one")
    third = '[ "$RALPH_ITERATION" = 3 ] && sleep 300'
    process = place.start(work, "--command", f"{third}; {WORK}", "--checkpoint-interval", "1")
    place.wait_until(lambda: len(list(place.artifacts.glob("ralph-state-*.zip"))) == 2)
    kill_tree(process)
    shutil.rmtree(work)
    for ref in ("refs/heads/ralph/t", "refs/ralph/t/state"):
        place.remote.run("update-ref", "-d", ref)
    older, newest = sorted(place.artifacts.glob("ralph-state-*.zip"))
    newest.write_bytes(newest.read_bytes()[:200])
    second = place.clone("second")
    code, log = place.run(second, "--command", WORK, "--max-iterations", "3")
    assert f"{newest.stem}: refused: Invalid checkpoint data" in log
    assert f"going on from artifact ({older.stem}) after iteration 1" in log
    assert (code, (second / "done.txt").read_text()) == (11, "1\n2\n3\n"), log


def test_two_at_once_in_one_workspace(place: Place) -> None:
    """The second one is refused before it spends anything."""
    work = place.clone("one")
    process = place.start(work, "--command", f"{WAIT}; {WORK}")
    place.wait_for_iteration()
    code, log = place.run(work, "--command", WORK)
    kill_tree(process)
    assert code == 3, log
    assert "Another ralph works on the task" in log


def test_the_agent_gets_no_secret(place: Place) -> None:
    """Neither tokens nor inputs nor the runner's files; what `agent-env` names arrives, unless it may not."""
    work = place.clone("one")
    secrets = {
        "ACTIONS_RUNTIME_TOKEN": "s3cr3t",
        "INPUT_GITHUB-TOKEN": "s3cr3t",
        "GITHUB_TOKEN": "s3cr3t",
        "GITHUB_OUTPUT": str(place.root / "s3cr3t"),
        "MY_VALUE": "wanted",
    }
    flags = ["--agent-env", "MY_VALUE GITHUB_TOKEN", "--max-iterations", "1"]
    code, log = place.run(work, "--command", "env > seen.txt; cat /proc/$PPID/cmdline >> seen.txt", *flags, **secrets)
    assert code == 11, log
    seen = (work / "seen.txt").read_text()
    assert "s3cr3t" not in seen
    assert "MY_VALUE=wanted" in seen
    assert "s3cr3t" not in log
