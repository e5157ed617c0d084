"""Timed checkpoints: what a long iteration has done so far is safe, and the agent sees nothing of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.place import WORK, Place, kill_tree, state_of

WIP = "refs/ralph/t/wip"
LONG = (
    'echo "$RALPH_ITERATION" >> done.txt; [ "$RALPH_ITERATION" = 2 ] || exit 0; git add PROMPT.md; '
    'sha256sum .git/index .git/HEAD > "$HOME/before"; echo half > half.txt; touch "$HOME/reached"; sleep 300'
)
GOES_ON = f'ls half.txt >> "$HOME/seen"; git status --porcelain >> "$HOME/seen"; {WORK}'
EVERY = ("--checkpoint-every", "1s", "--max-iterations", "3")


def tree_of(git: Git, ref: str) -> list[str]:
    code, out, _ = git.attempt("ls-tree", "-r", "--name-only", ref)
    return [] if code else out.decode().split()


def in_a_long_iteration(place: Place, workspace: Path) -> subprocess.Popen[str]:
    """A run whose second iteration is at work, and has been brought to both homes."""
    process = place.start(workspace, "--command", LONG, *EVERY)
    place.wait_for_iteration()
    place.wait_until(lambda: "half.txt" in tree_of(place.remote, WIP))
    place.wait_until(lambda: "checkpoints/wip.json" in tree_of(place.remote, "refs/ralph/t/state"))
    place.wait_until(lambda: any(place.artifacts.glob("*.zip")))
    return process


def lose(place: Place, home: str) -> None:
    if home == "artifact":
        for ref in ("refs/heads/ralph/t", "refs/ralph/t/state", WIP):
            place.remote.run("update-ref", "-d", ref)
    if home == "branch":
        shutil.rmtree(place.artifacts)


@pytest.mark.fault(
    "kill",
    "The machine is gone in the middle of a long iteration",
    "with `checkpoint-every` the next run goes on with the files as they were at the last timed checkpoint.",
)
@pytest.mark.parametrize("home", ["branch", "artifact"])
def test_a_fresh_clone_goes_on_with_the_half_done_files(place: Place, home: str) -> None:
    """From either home; they are there as changes that are not committed, on the task's branch."""
    kill_tree(in_a_long_iteration(place, place.clone("one")))
    lose(place, home)
    code, log = place.run(place.clone("two"), "--command", GOES_ON, *EVERY)
    assert code == 11, log
    assert "with the files of the one after it" in log
    seen = (Path(place.environment["HOME"]) / "seen").read_text().splitlines()
    assert seen[:3] == ["half.txt", "?? done.txt", "?? half.txt"]
    assert (place.root / "two" / "done.txt").read_text().split() == ["1", "2", "2", "3"]
    assert state_of(place.root / "two")["iteration"] == 3
    assert "half.txt" in tree_of(place.remote, "refs/heads/ralph/t")


def test_the_agent_sees_nothing_of_it(place: Place) -> None:
    """HEAD, index and branch stay byte for byte; in the same workspace the next run takes the files as they lie."""
    work = place.clone("one")
    process = in_a_long_iteration(place, work)
    subprocess.run(["sha256sum", "--check", "--quiet", f"{place.environment['HOME']}/before"], cwd=work, check=True)
    assert tree_of(Git(work, place.environment), "refs/heads/ralph/t") == ["PROMPT.md"]
    kill_tree(process)
    (work / "half.txt").write_text("more\n")
    code, log = place.run(work, "--command", GOES_ON, *EVERY)
    assert code == 11, log
    assert (work / "half.txt").read_text() == "more\n"
    assert state_of(work)["iteration"] == 3


def test_the_next_checkpoint_supersedes_it(place: Place) -> None:
    """Its record goes, here and on the remote; its commits stay on their ref, which a third machine builds on."""
    work = place.clone("one")
    kill_tree(in_a_long_iteration(place, work))
    first = place.remote.run("rev-parse", WIP)
    (Path(place.environment["HOME"]) / "before").unlink()
    two = place.clone("two")
    again = f'{LONG.replace("half", "other")}; [ "$RALPH_ITERATION" = 2 ]'
    process = place.start(two, "--command", again, *EVERY)
    place.wait_for_iteration()
    place.wait_until(lambda: "other.txt" in tree_of(place.remote, WIP))
    assert place.remote.succeeds("merge-base", "--is-ancestor", first, WIP)
    kill_tree(process)
    code, log = place.run(two, "--command", WORK, *EVERY)
    assert code == 11, log
    assert not (two / ".agent" / "checkpoints" / "wip.json").exists()
    assert "checkpoints/wip.json" not in tree_of(place.remote, "refs/ralph/t/state")
    assert place.remote.succeeds("merge-base", "--is-ancestor", first, WIP)


def test_it_is_listed_and_can_be_restored(place: Place) -> None:
    work = place.clone("one")
    kill_tree(in_a_long_iteration(place, work))
    (work / "half.txt").write_text("spoilt\n")
    code, log = place.run(work, command="checkpoints")
    assert code == 0, log
    assert "Ralph work in progress after iteration 1" in log
    code, log = place.run(work, "wip", command="restore")
    assert code == 0, log
    assert (work / "half.txt").read_text() == "half\n"
    assert "spoilt" in Git(work, place.environment).run("grep", "spoilt", parked(log))


def parked(log: str) -> str:
    return next(word.rstrip(";") for word in log.split() if word.startswith("refs/ralph/t/parked/"))


def test_a_server_that_takes_branches_alone(place: Place) -> None:
    """It goes where the state goes: to a branch of its own."""
    hook = place.root / "remote.git" / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/*) exit 0;; esac\nexit 1\n')
    hook.chmod(0o755)
    process = place.start(place.clone("one"), "--command", LONG, *EVERY)
    place.wait_for_iteration()
    place.wait_until(lambda: "half.txt" in tree_of(place.remote, "refs/heads/ralph-wip/t"))
    place.wait_until(lambda: "checkpoints/wip.json" in tree_of(place.remote, "refs/heads/ralph-state/t"))
    kill_tree(process)
    shutil.rmtree(place.artifacts, ignore_errors=True)
    code, log = place.run(place.clone("two"), "--command", GOES_ON, *EVERY)
    assert code == 11, log
    assert "half.txt" in tree_of(place.remote, "refs/heads/ralph/t")


def test_nothing_new_is_no_checkpoint(place: Place) -> None:
    """An agent that only thinks makes none."""
    idle = 'touch "$HOME/reached"; sleep 4'
    work = place.clone("one")
    code, log = place.run(work, "--command", idle, "--checkpoint-every", "1s", "--max-iterations", "1")
    assert code == 11, log
    assert not place.remote.succeeds("rev-parse", "--verify", "--quiet", WIP)


def test_a_checkpoint_is_due_by_time_at_an_iteration_s_end(place: Place) -> None:
    work = place.clone("one")
    every = ("--checkpoint-every", "1s", "--max-iterations", "2", "--checkpoint-interval", "50")
    code, log = place.run(work, "--command", f"{WORK}; sleep 1.2", *every)
    assert code == 11, log
    assert (work / ".agent" / "checkpoints" / "checkpoint_1.json").exists()


@pytest.mark.fault(
    "workspace",
    "The folder was cloned anew while the saved state of the last run is still on the machine",
    "the task's files are restored from the checkpoint; the new clone's files are not taken for the task's.",
)
def test_the_workspace_was_cloned_anew(place: Place) -> None:
    work = place.clone("one")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2", "--checkpoint-interval", "1")
    assert code == 11, log
    shutil.rmtree(work)
    place.git.run("clone", "--quiet", f"file://{place.root}/remote.git", "one")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "3", "--checkpoint-interval", "1")
    assert code == 11, log
    assert (work / "done.txt").read_text().split() == ["1", "2", "3"]


@pytest.mark.fault(
    "workspace",
    "The user has gone back to main between two runs",
    "the task's files are restored on its branch; main stays as it is.",
)
def test_the_user_went_to_another_branch(place: Place) -> None:
    work = place.clone("one")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "2", "--checkpoint-interval", "1")
    assert code == 11, log
    git = Git(work, place.environment)
    git.run("checkout", "--quiet", "main")
    main = git.run("rev-parse", "main")
    code, log = place.run(work, "--command", WORK, "--max-iterations", "3", "--checkpoint-interval", "1")
    assert code == 11, log
    assert (work / "done.txt").read_text().split() == ["1", "2", "3"]
    assert git.run("rev-parse", "main") == main
