"""The user's guide, its commands as they are written: the state, the prompt's marks, the hook, monitoring."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.test_guide import AGGRESSIVE, Scratch, project, read


@pytest.fixture
def scratch(tmp_path: Path, environment: dict[str, str]) -> Scratch:
    return project(tmp_path, environment)


SNIPPET = """# Load state programmatically
import json

with open('.agent/metrics/state_20240110_100000.json') as f:
    state = json.load(f)
    
print(f"Last iteration: {state['iteration']}")
print(f"Tokens used: {state['tokens_used']}")
print(f"Cost incurred: ${state['cost_incurred']}")
"""  # noqa: W293  as the guide has it
USAGE = {"input_tokens": 20000, "output_tokens": 5000}
CLAUDE = {"type": "result", "subtype": "success", "is_error": False, "total_cost_usd": 1.25, "usage": USAGE}


def snippet(scratch: Scratch) -> list[str]:
    newest = scratch.files("metrics/state_*.json")[-1].name
    script = SNIPPET.replace("state_20240110_100000.json", newest)
    return scratch.bash(f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}").splitlines()


def test_the_state_has_the_guides_fields(scratch: Scratch) -> None:
    """With the guide's types, from an agent that says what it used; and the guide's reader prints them."""
    lines = [json.dumps({**CLAUDE, "result": said}) for said in ("Half of it.", "LOOP_COMPLETE")]
    printed = " ".join(f"{number}) echo {shlex.quote(line)};;" for number, line in enumerate(lines))
    scratch.tool("claude", f'n=$(cat "$HOME/n" 2>/dev/null || echo 0); echo 1 > "$HOME/n"\ncase $n in {printed} esac')
    scratch.bash("python ralph_orchestrator.py --agent claude --checkpoint-interval 1")
    states = [read(path) for path in scratch.files("metrics/state_*.json")]
    for state in states:
        assert isinstance(state["start_time"], str)
        datetime.fromisoformat(state["start_time"])
        assert [type(state[name]) for name in ("iteration", "agent", "tokens_used", "status")] == [int, str, int, str]
        assert isinstance(state["cost_incurred"], float)
    assert {state["status"] for state in states} == {"running", "completed"}
    assert len({state["start_time"] for state in states}) == 1
    last = states[-1]
    assert (last["iteration"], last["agent"], last["tokens_used"], last["cost_incurred"]) == (2, "claude", 50000, 2.5)
    assert snippet(scratch) == ["Last iteration: 2", "Tokens used: 50000", "Cost incurred: $2.5"]


def test_an_unknown_price_is_never_zero(scratch: Scratch) -> None:
    """A command does not say what it used: both fields are there and null, and the guide's reader goes through."""
    scratch.bash("python ralph_orchestrator.py")
    state = scratch.state()
    assert (state["tokens_used"], state["cost_incurred"]) == (None, None)
    assert snippet(scratch) == ["Last iteration: 3", "Tokens used: None", "Cost incurred: $None"]


VALIDATE = """#!/usr/bin/env python3
import json
import os
from pathlib import Path

def validate_checkpoints():
    checkpoint_dir = Path('.agent/metrics')
    for state_file in checkpoint_dir.glob('state_*.json'):
        try:
            with open(state_file) as f:
                data = json.load(f)
                assert 'iteration' in data
                assert 'agent' in data
                print(f"✓ {state_file.name}")
        except Exception as e:
            print(f"✗ {state_file.name}: {e}")

validate_checkpoints()
"""


def test_the_validation_script(scratch: Scratch) -> None:
    """Every state file passes."""
    scratch.bash(AGGRESSIVE)
    printed = scratch.bash(f"{shlex.quote(sys.executable)} -c {shlex.quote(VALIDATE)}").splitlines()
    assert sorted(printed) == [f"✓ {path.name}" for path in scratch.files("metrics/state_*.json")]
    assert len(printed) >= 3


TRIGGERS = """## Progress
- Step 1 complete [CHECKPOINT]
- Step 2 complete [CHECKPOINT]
- Step 3 complete [CHECKPOINT]
"""


def test_a_mark_in_the_prompt_triggers_a_checkpoint(scratch: Scratch) -> None:
    """The iteration that marks a step as complete is checkpointed, whatever the interval is."""
    progress = TRIGGERS.splitlines()
    (scratch.folder / "PROMPT.md").write_text(f"Do it.\n{progress[0]}\n")
    steps = " ".join(f"{2 * n}) echo {shlex.quote(line)} >> PROMPT.md;;" for n, line in enumerate(progress) if n)
    scratch.agent(8, f'case "$RALPH_ITERATION" in {steps} esac')
    scratch.bash("python ralph_orchestrator.py --checkpoint-interval 50")
    assert scratch.checkpoints() == [2, 4, 6, 8]


HOOK = """#!/bin/bash
if [[ $1 == *"Ralph checkpoint"* ]]; then
    # Custom backup or notification
    cp PROMPT.md /backup/location/
    echo "Checkpoint created" | mail -s "Ralph Progress" admin@example.com
fi
"""


@pytest.mark.parametrize("head", ["", "# .git/hooks/post-commit\n"], ids=["script", "whole block"])
def test_the_post_commit_hook(scratch: Scratch, head: str) -> None:
    """It gets the subject as $1, once for each checkpoint; also when the block's first comment was pasted with it."""
    backup = scratch.root / "backup"
    backup.mkdir()
    scratch.tool("mail", f'{{ echo "$@"; cat; }} >> {shlex.quote(str(scratch.root / "mails"))}')
    hook = scratch.folder / ".git" / "hooks" / "post-commit"
    hook.write_text(head + HOOK.replace("/backup/location/", f"{backup}/"))
    hook.chmod(0o755)
    log = scratch.bash("python ralph_orchestrator.py --checkpoint-interval 1")
    assert "hook failed" not in log
    assert (backup / "PROMPT.md").read_text() == "Do it.\n"
    mail = "-s Ralph Progress admin@example.com\nCheckpoint created\n"
    assert (scratch.root / "mails").read_text() == mail * 3


MONITORING = """# Send checkpoint events to monitoring
#!/bin/bash
CHECKPOINT_COUNT=$(ls .agent/prompts/*.md 2>/dev/null | wc -l)
curl -X POST https://metrics.example.com/api/v1/metrics \\
  -d "ralph.checkpoints.count=$CHECKPOINT_COUNT"
"""


@pytest.mark.parametrize(
    ("command", "check"),
    [
        ("ls .agent/prompts/*.md 2>/dev/null | wc -l", lambda out: out == "1\n"),
        (MONITORING, lambda out: out.endswith("-d ralph.checkpoints.count=1\n")),
        ("du -sh .agent/", lambda out: out.endswith("\t.agent/\n")),
        ("watch -n 60 'du -sh .agent/*'", lambda out: "\t.agent/metrics\n" in out),
    ],
    ids=["count", "curl", "du", "watch"],
)
def test_monitoring(scratch: Scratch, command: str, check: Callable[[str], bool]) -> None:
    """The counts and sizes are of real files."""
    scratch.tool("curl", 'echo "$@"')
    scratch.tool("watch", '[ "$1" = -n ] && exec sh -c "$3"')
    scratch.bash("python ralph_orchestrator.py")
    out = scratch.bash(command)
    assert check(out), out
