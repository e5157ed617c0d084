"""An agent's CLI is found or installed, and asked what it can do: stand-ins for CLIs and for npm on PATH."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import Traits
from ralph_action.agents.briefly import Briefly
from ralph_action.agents.install import WHOLE, Installer
from ralph_action.errors import AgentError
from ralph_action.ports import Stop, User
from tests.integration.test_process import is_alive

CLAUDE = adapter_of("claude").TRAITS
FLAGS = " ".join(CLAUDE.needs)
NPM = """
echo "$@" >> "$HOME/npm-calls"
while [ "$1" != --prefix ]; do shift; done
bin="$2/node_modules/.bin"
mkdir -p "$bin"
printf '#!/bin/bash\\necho 9.9.9\\n' > "$bin/claude"
chmod +x "$bin/claude"
"""
"""Leaves a CLI, as npm does."""


class Machine:
    """A PATH with nothing but what a test puts there, and the base system."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin, self.home = root, root / "bin", root / "home"
        for folder in (self.bin, self.home):
            folder.mkdir()
        self.log: list[str] = []
        self.stop = Stop()
        for name in ("bash", "env", "rm", "mkdir", "touch", "sleep", "setsid", "chmod"):
            found = next(path for path in (Path("/bin", name), Path("/usr/bin", name)) if path.exists())
            (self.bin / name).symlink_to(found)

    def put(self, name: str, script: str) -> str:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def installer(self, *, probe_timeout_s: float = 30) -> Installer:
        briefly = Briefly(environment={"PATH": str(self.bin), "HOME": str(self.home)}, user=None, stop=self.stop)
        return Installer(self.home / ".ralph-agents", briefly, self.log.append, probe_timeout_s=probe_timeout_s)

    def calls(self) -> list[str]:
        path = self.home / "npm-calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_version_that_is_asked_for(machine: Machine) -> None:
    """Though another one is on PATH; the log has version and seconds; the second run finds it."""
    machine.put("claude", "echo")
    machine.put("npm", NPM)
    installer = machine.installer()
    folder = machine.home / ".ralph-agents" / "claude-1.2.3"
    assert installer.find(CLAUDE, "1.2.3") == str(folder / "node_modules/.bin/claude")
    expected = f"install --no-audit --no-fund --prefix {folder} @anthropic-ai/claude-code@1.2.3"
    assert machine.calls() == [expected]
    assert machine.log[0].startswith("Installed @anthropic-ai/claude-code 1.2.3 in ")
    installer.find(CLAUDE, "1.2.3")
    assert len(machine.calls()) == 1
    assert machine.installer().find(CLAUDE) == str(machine.bin / "claude")


@pytest.mark.fault(
    "agent",
    "the machine dies while the agent's CLI is being installed",
    "The half of it that is there is not used: the next run removes it and installs it anew.",
)
def test_a_half_installation_is_not_taken(machine: Machine) -> None:
    half = machine.home / ".ralph-agents" / f"claude-{CLAUDE.version}"
    (half / "node_modules/.bin").mkdir(parents=True)
    (half / "node_modules/.bin/claude").write_text("half")
    (half / "lock").touch()
    machine.put("npm", NPM)
    found = Path(machine.installer().find(CLAUDE))
    assert "9.9.9" in found.read_text()
    assert not (half / "lock").exists()
    assert (half / WHOLE).exists()


@pytest.mark.fault(
    "agent",
    "its CLI cannot be installed",
    "It is tried three times; then the run ends with exit code 6, what npm said and the remedy.",
)
@pytest.mark.parametrize(
    ("script", "said"),
    [("echo network down >&2; exit 1", "network down"), ("exit 0", "the package has no `claude`")],
)
def test_an_installation_that_fails(machine: Machine, script: str, said: str) -> None:
    machine.put("npm", f'echo x >> "$HOME/npm-calls"\n{script}')
    with pytest.raises(AgentError, match=said) as caught:
        machine.installer().find(CLAUDE)
    assert "`agent-version` and the network" in caught.value.remedy
    assert len(machine.calls()) == 3
    assert [line for line in machine.log if "try 2 of 3" in line and said in line]


def test_one_that_works_at_the_second_try(machine: Machine) -> None:
    machine.put("npm", '[ -e "$HOME/once" ] || { touch "$HOME/once"; exit 1; }\n' + NPM)
    assert Path(machine.installer().find(CLAUDE)).exists()


def test_without_npm(machine: Machine) -> None:
    with pytest.raises(AgentError, match="npm, which installs `@anthropic-ai/claude-code`, is not on PATH") as caught:
        machine.installer().find(CLAUDE)
    assert "Install Node.js" in caught.value.remedy


def test_one_that_ralph_does_not_install(machine: Machine) -> None:
    """Absent, or there in another version than the one that is asked for."""
    cursor = adapter_of("cursor").TRAITS
    with pytest.raises(AgentError, match="`cursor-agent` is not on PATH"):
        machine.installer().find(cursor)
    machine.put("cursor-agent", "echo")
    with pytest.raises(AgentError, match="cannot be had in the version") as caught:
        machine.installer().find(cursor, "1.0")
    assert "leave `agent-version` empty" in caught.value.remedy


def test_a_request_to_end_is_heard_while_it_installs(machine: Machine) -> None:
    """No further try is made, and nobody is left; no agent is called after it, so nothing is asked either."""
    machine.put("npm", 'sleep 300 & echo $! > "$HOME/pid"; touch "$HOME/begun"; wait')
    begun, done = machine.home / "begun", threading.Event()

    def ask() -> None:
        while not begun.exists() and not done.wait(0.02):
            pass
        machine.stop.request(signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        installer = machine.installer()
        assert installer.lacks(CLAUDE, installer.find(CLAUDE)) == frozenset()
    finally:
        done.set()
        asking.join()
    assert machine.log == []
    assert not is_alive(int((machine.home / "pid").read_text()))


def asked(machine: Machine, script: str, traits: Traits = CLAUDE, *, timeout_s: float = 30) -> frozenset[str]:
    return machine.installer(probe_timeout_s=timeout_s).lacks(traits, machine.put("claude", script))


def test_a_flag_that_something_stands_in_for(machine: Machine) -> None:
    """It is said, and the command line does without; a longer word that begins alike is another flag."""
    script = "echo '--max-budget-usdx --dangerously-skip-permissions'; [ $1 != --version ] || echo 1.0"
    assert asked(machine, script) == {"--max-budget-usd"}
    assert "does not know --max-budget-usd; instead: a running sum of the stream." in machine.log[1]


def test_a_flag_that_nothing_stands_in_for(machine: Machine) -> None:
    """Refused before any call, with flag, version and remedy."""
    with pytest.raises(AgentError, match=r"claude 0\.9 does not know --dangerously-skip-permissions") as caught:
        asked(machine, "[ $1 = --version ] && echo 0.9 || echo --max-budget-usd")
    assert f"agent-version: {CLAUDE.version}" in caught.value.remedy


WAYS = {
    "on its standard error": f"echo '{FLAGS}' >&2",
    "with an exit code": f"echo '{FLAGS}'; exit 3",
    "in colours": f"printf '\\033[1m%s\\033[0m\\n' {FLAGS}",
    "and leaves a daemon": f"(trap '' HUP; setsid sleep 300 & echo $! >> \"$HOME/pids\"); echo '{FLAGS}'",
    "but hangs at its version": f"[ $1 != --version ] || sleep 300; echo '{FLAGS}'",
}


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_heard(machine: Machine, way: str) -> None:
    """Whichever way it comes; nobody is left, and nobody is waited for."""
    timeout_s = 3 if "hangs" in way else 60
    assert asked(machine, WAYS[way], timeout_s=timeout_s) == frozenset()
    assert machine.log[0].startswith("Agent claude: ")
    pids = machine.home / "pids"
    left = [int(line) for line in pids.read_text().split()] if pids.exists() else []
    assert [pid for pid in left if is_alive(pid)] == []


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo 'env: node: No such file' >&2; exit 127", "node: No such file"), ("sleep 300", "did not end within 2 s")],
)
def test_one_that_does_not_answer(machine: Machine, script: str, said: str) -> None:
    """What is broken is its installation, not its version."""
    with pytest.raises(AgentError, match=said) as caught:
        asked(machine, script, timeout_s=2)
    assert "Check its installation" in caught.value.remedy


def test_one_that_is_no_program(machine: Machine) -> None:
    path = machine.bin / "claude"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    with pytest.raises(AgentError, match=r"cannot be started: .*claude"):
        machine.installer().lacks(CLAUDE, str(path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_all_of_it_is_the_agents_users(within_reach: Path) -> None:
    """A link that an earlier agent left where the installation goes leads root nowhere."""
    home, other = within_reach / "home", within_reach / "other"
    for folder in (home, other):
        folder.mkdir()
    (other / "claude-1").mkdir()
    os.chown(home, 12345, 12345)
    (home / ".ralph-agents").symlink_to(other)
    environment = {"PATH": f"{within_reach}:{os.environ['PATH']}", "HOME": str(home)}
    (within_reach / "npm").write_text(f"#!/bin/bash\n{NPM}")
    (within_reach / "npm").chmod(0o755)
    briefly = Briefly(environment=environment, user=User(12345, 12345), stop=Stop())
    log: list[str] = []
    with pytest.raises(AgentError, match="Permission denied"):
        Installer(home / ".ralph-agents", briefly, log.append).find(CLAUDE, "1")
    assert (other / "claude-1").stat().st_uid == 0
    (home / ".ralph-agents").unlink()
    found = Path(Installer(home / ".ralph-agents", briefly, log.append).find(CLAUDE, "1"))
    assert found.stat().st_uid == 12345
