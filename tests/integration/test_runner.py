"""The action as the runner runs it: cancelled, killed, hanging, with a hostile agent, and its post stage."""

from __future__ import annotations

import io
import json
import signal
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from ralph_action.checkpoint.git import Git
from tests.lab.github import GitHub
from tests.lab.job import Attempt, Job
from tests.lab.runner import Stage

BRANCH = "ralph/ralph-loop"
WORK = 'echo "$RALPH_ITERATION" >> done.txt; echo "did $RALPH_ITERATION"'
HOSTILE = (
    "::error::forged",
    "  ::warning title=forged::forged",
    "text ##[error]forged",
    "text\r::notice::forged",
    "::set-output name=status::forged",
    "::save-state name=ralph_home::forged",
    "::add-mask::e",
    "::add-matcher::forged.json",
    "##[endgroup]",
    "::stop-commands::forged",
    "::forged::",
    "::error::forged again",
)
SECRETS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")


@pytest.fixture
def remote(job: Job, github: GitHub) -> Git:
    return Git(github.root / "org" / "project.git", job.environment)


def reach(attempt: Attempt) -> Stage:
    """Start a main stage that stays in the middle of iteration 2, with half of its work done, deaf to SIGTERM."""
    reached = attempt.job.root / f"reached-{attempt.number}"
    wait = f"trap '' INT TERM; echo half > half.txt; touch {reached}; sleep 600"
    main = attempt.start({"command": f'if [ "$RALPH_ITERATION" = 2 ]; then {wait}; fi; {WORK}'})
    try:
        main.until(reached.exists)
    except AssertionError:
        main.kill()
        raise
    return main


def uploaded(github: GitHub) -> dict[str, Any]:
    """The state that the newest artifact holds."""
    data = github.artifacts.visible()[-1].data
    assert data is not None
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        newest = max(name for name in zipped.namelist() if name.startswith(".agent/metrics/state_"))
        document: dict[str, Any] = json.loads(zipped.read(newest))
    return document


def finish(attempt: Attempt, main: Stage, name: str = "post") -> str:
    """Run the post stage; returns its log."""
    with attempt.post(main, name) as post:
        assert post.wait() == 0, post.log.text
    return post.log.text


def outside(remote: Git, github: GitHub) -> tuple[str, list[str]]:
    """All that GitHub holds."""
    return remote.run("for-each-ref"), [item.name for item in github.artifacts.all]


def stop_by_cancel(main: Stage) -> None:
    main.cancel()
    assert main.signals == [signal.SIGINT], main.log.text


def stop_by_term(main: Stage) -> None:
    main.send(signal.SIGTERM).wait()


@pytest.mark.fault(
    "runner",
    "the job is cancelled",
    "All that lies there is committed, pushed and uploaded before SIGTERM is due; the post stage has nothing to do.",
)
@pytest.mark.parametrize("stop", [stop_by_cancel, stop_by_term])
def test_a_cancelled_job(job: Job, github: GitHub, remote: Git, stop: Callable[[Stage], None]) -> None:
    """It ends before SIGTERM is due with all work off the machine; post has nothing to do, and a rerun goes on."""
    first = Attempt(job)
    main = reach(first)
    with main:
        stop(main)
    assert (main.code, main.log.annotations) == (130, []), main.log.text
    outputs = main.files.outputs
    assert (outputs["status"], outputs["stop-reason"], outputs["iterations"]) == ("cancelled", "signal", "1")
    assert outputs["head-sha"] == remote.run("rev-parse", BRANCH)
    assert remote.run("show", f"{BRANCH}:half.txt") == "half"
    assert remote.run("show", f"{BRANCH}:done.txt") == "1"
    state = uploaded(github)
    assert (state["status"], state["iteration"]) == ("cancelled", 1)
    before = outside(remote, github)
    assert "Nothing to finish" in finish(first, main)
    assert outside(remote, github) == before

    job.push_to_main("later.txt", "x\n", "Somebody else's")
    second = first.rerun()
    with second.start({"command": WORK, "max-iterations": "3"}) as main:
        assert main.wait() == 11, main.log.text
    assert (second.work / "done.txt").read_text() == "1\n2\n3\n"
    assert (second.work / "half.txt").exists()
    assert not (second.work / "later.txt").exists()
    assert (main.files.outputs["iterations"], main.log.annotations) == ("3", [])
    assert "iteration 1" in main.files.outputs["resumed-from"]
    assert "Nothing to finish" in finish(second, main)


def test_a_hostile_agent(job: Job) -> None:
    """Its commands are text, on stdout and in its error; secrets that it prints are stars."""
    secrets = {name: f"secret-{name.lower()}" for name in SECRETS}
    runtime = job.github.start_run(7, 1)["ACTIONS_RUNTIME_TOKEN"]
    script = job.root / "script.txt"
    script.write_text("\n".join((*HOSTILE, *secrets.values(), job.token, runtime, "")))
    fail = f'if [ "$RALPH_ITERATION" = 1 ]; then cat {script}; echo "x ##[error]forged" >&2; exit 1; fi'
    attempt = Attempt(job)
    with attempt.start({"command": f"{fail}; cat {script}; echo LOOP_COMPLETE"}, secrets) as main:
        assert main.wait() == 0, main.log.text
    log = main.log
    assert "forged again" in log.text
    assert log.annotations == []
    assert {command.name for command in log.commands} == {"add-mask", "group", "endgroup"}
    assert log.groups == ["Settings", "Iteration 1", "Iteration 2"]
    assert "e" not in log.masks
    assert main.files.outputs["status"] == "completed"
    assert "forged" not in main.files.state.values()
    shown = [name for name, secret in {**secrets, "token": job.token, "runtime": runtime}.items() if secret in log.text]
    assert shown == []


@pytest.mark.fault(
    "runner",
    "the job is cancelled while the remote does not answer",
    "The main stage does not wait; the post stage pushes and uploads once, also when only the answer was lost.",
)
@pytest.mark.parametrize("lands", [False, True])
def test_a_push_that_hangs(job: Job, github: GitHub, remote: Git, lands: bool) -> None:
    """Main does not wait for it; the post stage finishes once, also when only the server's answer was lost."""
    attempt = Attempt(job)
    main = reach(attempt)
    with main:
        github.faults.hangs["push"] = lands
        stop_by_cancel(main)
    assert (main.code, main.files.outputs["status"]) == (130, "cancelled"), main.log.text
    github.faults.hangs.clear()
    assert "Finishing what the main stage left" in finish(attempt, main)
    expect_all(github, remote)
    before = outside(remote, github)
    assert "Nothing to finish" in finish(attempt, main, "again")
    assert outside(remote, github) == before


@pytest.mark.fault(
    "runner",
    "the main stage hears no signal and is killed",
    "The post stage takes the last checkpoint in its place.",
)
def test_a_main_that_hangs(job: Job, github: GitHub, remote: Git) -> None:
    """It hears no signal and is killed; the post stage takes the last checkpoint in its place."""
    attempt = Attempt(job)
    main = reach(attempt)
    with main:
        main.freeze()
        main.cancel((0.2, 0.2))  # time changes nothing for a program that is frozen
    assert main.signals == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    assert main.code == 137
    assert "no last checkpoint was taken" in finish(attempt, main)
    expect_all(github, remote)
    before = outside(remote, github)
    assert "Nothing to finish" in finish(attempt, main, "again")
    assert outside(remote, github) == before


def expect_all(github: GitHub, remote: Git) -> None:
    """The half-done work is on the branch, and the counters are in the artifact."""
    assert remote.run("show", f"{BRANCH}:half.txt") == "half"
    state = uploaded(github)
    assert (state["status"], state["iteration"]) == ("cancelled", 1)


@pytest.mark.fault(
    "runner",
    "the machine is lost in the middle of an iteration",
    "Outputs and summary tell how far it was; a rerun goes on from the last checkpoint.",
)
def test_outputs_are_written_early(job: Job, remote: Git) -> None:
    """A step that is killed in iteration 2 has said where it stands; the rerun goes on."""
    attempt = Attempt(job)
    with reach(attempt) as main:
        main.until(lambda: remote.succeeds("cat-file", "-e", f"{BRANCH}:done.txt"))
        main.kill()
    outputs = main.files.outputs
    assert (outputs["status"], outputs["iterations"], outputs["branch"]) == ("running", "1", BRANCH)
    assert json.loads(outputs["json"])["state"]["iteration"] == 1
    assert "running" in main.files.summary
    second = attempt.rerun()
    with second.start({"command": WORK, "max-iterations": "2"}) as main:
        assert main.wait() == 11, main.log.text
    assert main.files.outputs["iterations"] == "2"
    assert "iteration 1" in main.files.outputs["resumed-from"]


def test_bad_inputs_are_named_as_written(job: Job) -> None:
    """One annotation for each, whatever the value holds."""
    attempt = Attempt(job)
    given = {"command": WORK, "max-iterations": "1%0A\n::notice::x", "checkpoint-interval": "no", "agent": "cluade"}
    with attempt.start(given) as main:
        assert main.wait() == 2
    titles = sorted(item.properties["title"] for item in main.log.annotations)
    assert titles == ["agent", "checkpoint-interval", "max-iterations"]
    assert all(item.name == "error" and item.data.startswith(item.properties["title"]) for item in main.log.annotations)
    assert main.files.outputs == {"status": "failed", "stop-reason": "settings"}


def test_post_after_a_bad_input(job: Job) -> None:
    """Main has said it and left no state: post adds no annotation of its own."""
    attempt = Attempt(job)
    with attempt.start({"command": WORK, "max-iterations": "lots"}) as main:
        assert main.wait() == 2
    assert "Nothing to finish" in finish(attempt, main)


def test_defaults_of_action_yml_are_no_choice(job: Job) -> None:
    """A prompt alone is enough, and ralph.yml wins over what action.yml fills in."""
    attempt = Attempt(job)
    (attempt.work / "ralph.yml").write_text("max-iterations: 2\n")
    (attempt.work / "PROMPT.md").unlink()
    with attempt.start({"command": WORK, "prompt": "Do it."}) as main:
        main.wait()
    assert main.log.annotations == []
    assert main.files.outputs["iterations"] == "2"
