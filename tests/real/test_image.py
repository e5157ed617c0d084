"""The image as the runner starts it: mounts, inputs with dashes, a hostile workspace, signals to PID 1."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.image import Engine, Unavailable, build, engine

pytestmark = pytest.mark.real
OWNER = 1001


@pytest.fixture(scope="session")
def image() -> tuple[Engine, str]:
    try:
        found = engine()
    except Unavailable as problem:
        pytest.skip(f"NOT RUN: {problem}")
    return found, build(found)


class Box:
    """A job's folders on the host, owned by the runner's user."""

    def __init__(self, root: Path, on: Engine, tag: str) -> None:
        self.on, self.tag = on, tag
        self.name = f"ralph-{uuid.uuid4().hex[:8]}"
        self.folders = {name: root / name for name in ("workspace", "home", "workflow", "file_commands", "runner_temp")}
        for folder in self.folders.values():
            folder.mkdir()
        self.workspace = self.folders["workspace"]
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        safe = [("safe.directory", "*")]
        self.git = Git(self.workspace, environment, config=safe)
        self.git.run("init", "--quiet", "--initial-branch=main")
        (self.workspace / "PROMPT.md").write_text("Do it.\n")
        for trap in ("yaml.py", "git.py", "requests.py", "sitecustomize.py", "ralph_action.py"):
            (self.workspace / trap).write_text("raise SystemExit('a file of the workspace was run')\n")
        self.git.run("add", ".")
        self.git.run("commit", "--quiet", "-m", "The task")
        for path in (root, *root.rglob("*")):
            os.chown(path, OWNER, OWNER, follow_symlinks=False)

    def arguments(self, *more: str, **inputs: str) -> list[str]:
        given = {"agent": "command", "task": "t", "checkpoint-interval": "1", "prompt-file": "PROMPT.md", **inputs}
        env = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": "/github/workspace",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_STATE": "/github/file_commands/state",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
            "RUNNER_TEMP": "/github/runner_temp",
            "HOME": "/github/home",
            "PYTHONPATH": "/github/workspace",
            "ACTIONS_RUNTIME_TOKEN": "not.a.token",
            **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        }
        mounts = [f"--volume={path}:/github/{name}" for name, path in self.folders.items()]
        pairs = [f"--env={name}={value}" for name, value in env.items()]
        flags = ["run", "--rm", "--name", self.name, "--network=host", "--workdir=/github/workspace"]
        return [*flags, *mounts, *pairs, *more, self.tag]

    def log(self) -> list[str]:
        return self.git.run("log", "--format=%s", "ralph/t").splitlines()


@pytest.fixture
def box(tmp_path: Path, image: tuple[Engine, str]) -> Iterator[Box]:
    tmp_path.chmod(0o755)
    (tmp_path / "job").mkdir()
    made = Box(tmp_path / "job", *image)
    yield made
    made.on.run("rm", "--force", made.name)


def test_a_job_in_the_image(box: Box) -> None:
    """The agent is the workspace's owner, and so is everything that it and we leave there."""
    command = "id -u > uid.txt; cat /proc/1/environ > environ.txt 2>&1; env > seen.txt; echo $RALPH_ITERATION >> done"
    done = box.on.run(*box.arguments(command=command, **{"max-iterations": "2"}))
    assert done.returncode == 11, done.stdout + done.stderr
    assert (box.workspace / "uid.txt").read_text() == f"{OWNER}\n"
    assert (box.workspace / "done").read_text() == "1\n2\n"
    assert "not.a.token" not in (box.workspace / "environ.txt").read_text(errors="replace")
    assert "not.a.token" not in (box.workspace / "seen.txt").read_text()
    assert box.log()[:2] == ["Ralph checkpoint 2: max-iterations", "Ralph checkpoint 2: done"]
    owners = {path.lstat().st_uid for path in box.workspace.rglob("*")}
    assert owners == {OWNER}
    assert "iterations<<" in (box.folders["file_commands"] / "output").read_text()


def test_inputs_with_a_dash_arrive(box: Box) -> None:
    """And a wrong one is named as the user wrote it."""
    done = box.on.run(*box.arguments(command="true", **{"max-iterations": "lots"}))
    assert done.returncode == 2
    assert "::error title=max-iterations::max-iterations: 'lots'" in done.stdout


@pytest.mark.parametrize("number", ["INT", "TERM"])
def test_a_signal_to_pid_1(box: Box, number: str) -> None:
    """What is half done is committed; the post stage in a new container finds nothing missing."""
    command = "echo half > half.txt; touch reached; sleep 300"
    process = box.on.start(*box.arguments(command=command))
    for _ in range(600):
        if (box.workspace / "reached").exists():
            break
        time.sleep(0.05)
    assert box.on.run("kill", "--signal", number, box.name).returncode == 0
    log, _ = process.communicate(timeout=60)
    assert process.returncode == 130, log
    assert box.log()[0] == "Ralph checkpoint 0: signal"
    assert box.git.run("show", "ralph/t:half.txt") == "half"
    post = box.on.run(*box.arguments("-eSTATE_ralph_home=x", "--entrypoint", "/opt/ralph-action/post", command=command))
    assert post.returncode == 0, post.stdout + post.stderr
    assert "Nothing to finish" in post.stdout


def test_the_post_stage_after_a_kill(box: Box) -> None:
    """No last checkpoint was taken: the post stage takes it."""
    command = "echo half > half.txt; touch reached; sleep 300"
    process = box.on.start(*box.arguments(command=command))
    for _ in range(600):
        if (box.workspace / "reached").exists():
            break
        time.sleep(0.05)
    assert box.on.run("kill", "--signal", "KILL", box.name).returncode == 0
    process.communicate(timeout=60)
    post = box.on.run(*box.arguments("-eSTATE_ralph_home=x", "--entrypoint", "/opt/ralph-action/post", command=command))
    assert "Finishing what the main stage left" in post.stdout, post.stdout + post.stderr
    assert box.git.run("show", "ralph/t:half.txt") == "half"


def test_as_a_user_of_its_own(box: Box) -> None:
    """`docker run --user`: it works, and says which protections are off."""
    temp = box.folders["runner_temp"]
    done = box.on.run(*box.arguments(f"--user={OWNER}:{OWNER}", command="id -u > uid.txt", **{"max-iterations": "1"}))
    assert done.returncode == 11, done.stdout + done.stderr
    assert "runs as the same user as ralph" in done.stdout
    states = sorted((box.workspace / ".agent" / "metrics").glob("state_*.json"))
    assert json.loads(states[-1].read_text())["iteration"] == 1
    assert temp.exists()


def test_the_demo_in_the_image(image: tuple[Engine, str]) -> None:
    """A newcomer's first command, in the container."""
    on, tag = image
    done: subprocess.CompletedProcess[str] = on.run("run", "--rm", "--network=none", tag, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "status completed" in done.stdout
