"""Which agents a run has: `auto`, fallback agents, and budgets that one of them cannot be held to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ralph_action.crew import assemble
from ralph_action.errors import AgentError, SettingsError
from ralph_action.ports import Stop
from ralph_action.settings import resolve
from ralph_action.workplace import Workplace
from tests.lab.ending import FLAGS, INIT, Ending, result
from tests.lab.place import state_of

ALL = f"{FLAGS} --output-format --yolo --skip-trust --stream-json --dangerously-allow-all --execute --force"


class Machine:
    """A workspace with settings, and a PATH of stand-ins alone."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin = root, root / "bin"
        self.bin.mkdir()
        (root / "PROMPT.md").write_text("Do it.\n")
        self.log: list[str] = []

    def put(self, *names: str) -> None:
        for name in names:
            path = self.bin / name
            path.write_text(f"#!/bin/bash\necho '{ALL}'\n")
            path.chmod(0o755)

    def crew(self, env: Mapping[str, str] | None = None, **values: str) -> list[str]:
        flags = {name.replace("_", "-"): value for name, value in values.items()}
        place = Workplace(
            workspace=self.root,
            home=self.root,
            user=None,
            agent_home=str(self.root),
            environment={"PATH": str(self.bin), "HOME": str(self.root)},
        )
        settings = resolve(flags, {}, self.root)
        return list(assemble(settings, place, env or {}, self.log.append, Stop()))

    def problems(self, **values: str) -> list[tuple[str, str]]:
        with pytest.raises(SettingsError) as caught:
            self.crew(None, **values)
        return list(caught.value.problems)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["ANTHROPIC_API_KEY"], "claude"),
        (["OPENAI_API_KEY"], "codex"),
        (["GEMINI_API_KEY", "OPENAI_API_KEY"], "codex"),
        (["AMP_API_KEY", "CURSOR_API_KEY"], "amp"),
    ],
)
def test_auto_takes_the_first_that_is_installed_and_has_its_key(machine: Machine, keys: list[str], chosen: str) -> None:
    """One that has its key and is not there comes after one that is."""
    machine.put("claude", "codex", "gemini", "amp")
    assert machine.crew(dict.fromkeys(keys, "x"), agent="auto") == [chosen]


def test_auto_without_a_key(machine: Machine) -> None:
    """An installed one is no use without."""
    machine.put("claude", "codex")
    with pytest.raises(AgentError, match="finds no key of any agent") as caught:
        machine.crew({"ANTHROPIC_API_KEY": ""}, agent="auto")
    assert "ANTHROPIC_API_KEY" in caught.value.remedy
    assert "name the `agent`" in caught.value.remedy


def test_auto_installs_what_can_be_installed(machine: Machine) -> None:
    """With a key of one that ralph does not install, and of one that it does; here npm is missing."""
    with pytest.raises(AgentError, match="npm, which installs `@sourcegraph/amp`"):
        machine.crew({"CURSOR_API_KEY": "x", "AMP_API_KEY": "x"}, agent="auto")


def test_auto_by_a_real_run(ending: Ending) -> None:
    """The iterations are recorded with the agent that was chosen."""
    ending.agent(INIT, result("LOOP_COMPLETE"), before='echo "$ANTHROPIC_API_KEY" > key.txt')
    code, log = ending.run(agent="auto", ANTHROPIC_API_KEY="a-key")
    assert code == 0, log
    assert [row["agent"] for row in state_of(ending.work)["iterations"]] == ["claude"]
    assert ending.place.remote.run("show", "ralph/t:key.txt").strip() == "a-key"


def test_a_version_by_a_real_run(ending: Ending) -> None:
    """The one on PATH is passed over; what was installed does the work."""
    ending.agent(INIT, result("LOOP_COMPLETE"), before="echo installed > who.txt", name="installed")
    ending.agent(INIT, result("LOOP_COMPLETE"), before="echo found > who.txt")
    npm = ending.bin / "npm"
    npm.write_text(
        '#!/bin/bash\nwhile [ "$1" != --prefix ]; do shift; done\nmkdir -p "$2/node_modules/.bin"\n'
        f'echo "$3" > "$HOME/asked"\ncp "{ending.bin}/installed" "$2/node_modules/.bin/claude"\n'
    )
    npm.chmod(0o755)
    code, log = ending.run("--agent-version", "7.7.7")
    assert code == 0, log
    assert ending.place.remote.run("show", "ralph/t:who.txt").strip() == "installed"
    assert Path(ending.place.environment["HOME"], "asked").read_text() == "@anthropic-ai/claude-code@7.7.7\n"
    assert "Installed @anthropic-ai/claude-code 7.7.7 in " in log


def test_a_budget_that_no_price_holds(machine: Machine) -> None:
    """Unless the model has one, in our table or in the user's."""
    machine.put("codex")
    [(name, text)] = machine.problems(agent="codex", max_cost="1")
    assert name == "max-cost"
    assert "set `model` to one with a price in `prices` of ralph.yml" in text
    assert machine.problems(agent="codex", max_cost="1", model="mine-7")
    assert machine.crew(agent="codex", max_cost="1", model="gpt-5.5") == ["codex"]
    (machine.root / "ralph.yml").write_text("prices:\n  mine: { input: '1', cached: '0.1', output: '2' }\n")
    assert machine.crew(agent="codex", max_cost="1", model="mine-7") == ["codex"]


def test_a_fallback_agent_that_a_budget_cannot_hold(machine: Machine) -> None:
    """All of them at once, before one is installed; a model, and so its price, is the first agent's alone."""
    found = machine.problems(max_cost="1", max_tokens="9", model="gpt-5.5", fallback_agents="codex, copilot")
    assert [(name, text.split()[0]) for name, text in found] == [
        ("max-cost", "codex"),
        ("max-tokens", "copilot"),
        ("max-cost", "copilot"),
    ]
    assert all("leave it out of `fallback-agents`" in text for _, text in found)
    assert machine.log == []
    machine.put("claude", "codex")
    assert machine.crew(max_tokens="9", fallback_agents="codex") == ["claude", "codex"]
