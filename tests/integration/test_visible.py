"""What a person sees while the loop goes on and after it, and what is kept of the agent's notes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.lab.place import WORK, Place

REFUSE = """#!/bin/sh
while read -r old new ref; do
    case "$ref" in refs/heads/*) ;; *) echo "only branches are taken here" >&2; exit 1 ;; esac
done
"""


def test_verbose_shows_the_agent_while_it_works(place: Place) -> None:
    """A line is in the log before the iteration is over; without the flag it comes after."""
    work = place.clone("one")
    gate = place.root / "gate"
    wait = f'echo "at work"; while [ ! -e {gate} ]; do sleep 0.05; done'
    process = place.start(work, "--command", wait, "--max-iterations", "1", "--verbose")
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen = line
        if "at work" in line and "command:" not in line:
            gate.touch()
            break
    rest, _ = process.communicate(timeout=60)
    assert "at work" in seen
    assert "at work" not in rest


def test_the_log_and_the_page(place: Place) -> None:
    """`.agent/logs/ralph.log` says what the console said; `report.html` is one page, the agent's words text in it."""
    work = place.clone("one")
    code, log = place.run(work, "--command", "echo '<script>alert(1)</script>'", "--max-iterations", "2")
    assert code == 11, log
    text = (work / ".agent" / "logs" / "ralph.log").read_text()
    assert "Iteration 2 done" in text
    page = (work / ".agent" / "report.html").read_text()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2
    assert "The loop stopped at a limit (max-iterations)" in page


def test_the_agents_notes_travel(place: Place) -> None:
    """What it keeps in `.agent/` is there again on a new machine, from either home; a link leads nowhere."""
    secret = place.root / "secret"
    secret.write_text("mine")
    first = place.clone("first")
    note = f"mkdir -p .agent/plans; echo idea > .agent/plans/one.md; ln -sf {secret} .agent/link; {WORK}"
    flags = ("--checkpoint-interval", "1", "--max-iterations")
    assert place.run(first, "--command", note, *flags, "1")[0] == 11
    second = place.clone("second")
    artifacts = place.artifacts.rename(place.root / "away")
    code, log = place.run(second, "--command", f"cat .agent/plans/one.md; {WORK}", *flags, "2")
    assert code == 11, log
    assert "going on from branch" in log
    assert (second / ".agent" / "plans" / "one.md").read_text() == "idea\n"
    assert not (second / ".agent" / "link").exists()
    shutil.rmtree(place.artifacts)
    artifacts.rename(place.artifacts)
    place.remote.run("update-ref", "-d", "refs/ralph/t/state")
    third = place.clone("third")
    code, log = place.run(third, "--command", WORK, *flags, "2")
    assert "going on from artifact" in log
    assert (third / ".agent" / "plans" / "one.md").read_text() == "idea\n"


def test_a_server_that_takes_only_branches(place: Place) -> None:
    """The state goes to the branch `ralph-state/<task>`, and a new machine finds it there."""
    hook = place.root / "remote.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(REFUSE)
    hook.chmod(0o755)
    flags = ("--checkpoint-interval", "1", "--no-artifact", "--max-iterations")
    code, log = place.run(place.clone("first"), "--command", WORK, *flags, "1")
    assert "branch reached" in log, log
    assert place.remote.run("for-each-ref", "--format=%(refname)", "refs/ralph") == ""
    second = place.clone("second")
    code, log = place.run(second, "--command", WORK, *flags, "2")
    assert code == 11, log
    assert "refs/heads/ralph-state/t: iteration 1" in log
    assert (second / "done.txt").read_text() == "1\n2\n"
    newest: Path = max((second / ".agent" / "metrics").glob("state_*.json"))
    assert json.loads(newest.read_text())["iteration"] == 2
