"""An agent that speaks the Agent Client Protocol, as a real process; it does nothing before it is answered."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ralph_action.agents import adapter_of
from ralph_action.agents.adapter import Options
from ralph_action.agents.cli import Cli
from ralph_action.outcome import Ended, ErrorClass, Outcome
from ralph_action.ports import Call, Stop

AGENT = """
import json, sys, time
def say(**message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def heard(): return json.loads(sys.stdin.readline())
def update(text): say(method="session/update", params={"update": {
    "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}})
opening = heard()
assert opening["method"] == "initialize" and opening["params"]["protocolVersion"] == 1
say(id=opening["id"], result={"protocolVersion": 1})
new = heard()
assert new["method"] == "session/new", new
say(id=new["id"], result={"sessionId": "s"})
prompt = heard()
assert prompt["params"]["sessionId"] == "s"
text = prompt["params"]["prompt"][0]["text"]
say(id=0, method="fs/read_text_file", params={"path": "/etc/passwd"})
assert heard()["error"]["code"] == -32601
options = [{"optionId": "all", "kind": "allow_always"}, {"optionId": "one", "kind": "allow_once"}]
say(id="r", method="session/request_permission", params={"options": options, "toolCall": {"title": "write"}})
answer = heard()
assert answer["id"] == "r", answer
open("made", "w").write(new["params"]["cwd"] + answer["result"]["outcome"]["optionId"] + str(len(text)))
update("All "), update("done.")
WAY
"""
END = 'say(id=prompt["id"], result={"stopReason": "end_turn"})\n'
UNTIL_CLOSED = "assert sys.stdin.read() == ''; open('closed', 'w').close()"


def talk(folder: Path, way: str, prompt: str = "Do it.", timeout_s: float = 60.0) -> Outcome:
    agent = folder / "agent.py"
    agent.write_text(AGENT.replace("WAY", way))
    call = Call(
        prompt=prompt,
        prompt_file=folder / "prompt.md",
        workspace=folder,
        iteration=1,
        environment={"PATH": "/usr/bin:/bin"},
        log=folder / "log",
        timeout_s=timeout_s,
    )
    options = Options(executable="bash", command=f"exec {sys.executable} {agent}")
    return Cli(adapter_of("acp"), options).run(call, Stop())


def test_it_is_led_through_its_turn(tmp_path: Path) -> None:
    """What it asks for is allowed once, what we do not offer is refused, and its input ends with its turn."""
    prompt = "Do it.\n" * 100_000
    found = talk(tmp_path, END + UNTIL_CLOSED, prompt)
    assert (found.ended, found.text, found.session_id) == (Ended.DONE, "All done.", "s"), found
    assert (tmp_path / "made").read_text() == f"{tmp_path}one{len(prompt)}"
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize(
    ("way", "ended", "said"),
    [
        ("time.sleep(600)", Ended.TIMEOUT, "time limit"),
        ("sys.exit(0)", Ended.FAILED, "without its answer"),
        ('say(id=prompt["id"], result={"stopReason": "refusal"})', Ended.FAILED, "refusal"),
        ('say(id=prompt["id"], result={"stopReason": "max_turn_requests"})', Ended.FAILED, "max_turn_requests"),
        ('say(id=0, result={"stopReason": "end_turn"})', Ended.FAILED, "without its answer"),
    ],
)
def test_a_turn_that_does_not_end_well(tmp_path: Path, way: str, ended: Ended, said: str) -> None:
    """Only the answer to our own prompt, with the reason `end_turn`, is an end."""
    found = talk(tmp_path, way, timeout_s=3.0 if ended is Ended.TIMEOUT else 60.0)
    assert (found.ended, said in found.error, found.text) == (ended, True, "All done."), found


def test_one_that_asks_and_never_listens(tmp_path: Path) -> None:
    """Answers that nobody reads do not fill our memory, nor hold us up."""
    ask = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "x" * 1000})
    found = talk(tmp_path, f"for _ in range(100_000): sys.stdout.write({ask!r} + chr(10))\nsys.stdout.flush()\n" + END)
    assert found.ended is Ended.DONE, found


def test_a_program_that_is_no_such_agent(tmp_path: Path) -> None:
    """It answers nothing that was asked."""
    call = Call(
        prompt="",
        prompt_file=tmp_path / "p",
        workspace=tmp_path,
        iteration=1,
        environment={"PATH": "/usr/bin:/bin"},
        log=tmp_path / "log",
    )
    found = Cli(adapter_of("acp"), Options(executable="bash", command="echo hello")).run(call, Stop())
    assert (found.ended, found.error_class) == (Ended.FAILED, ErrorClass.START), found
