"""What is said to the runner is read by the lab's runner, which obeys as actions/runner does."""

from __future__ import annotations

import base64
import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ralph_action.github.runner import Runner, escape, escape_property, harmless
from ralph_action.report.summary import summary
from ralph_action.state import TaskState
from tests.lab.job import MAX_SUMMARY, Files, read_pairs
from tests.lab.runner import Log
from tests.unit.records import done, new_state

TEXT = st.text(st.sampled_from("ab:,%#[];=\r\n \t0123456789ABCDEF\u0085\u2028\x0b\x1f\u00a0"), max_size=40)
COMMANDS = ("::error::x", "##[error]x", "::", "##[", "#", "[", "]", ":", "error", "add-mask::e", "x", "x" * 7998)
SPACES = tuple(" \t\r\n\x0b\x0c\x1c\x85\u2028\u00a0")
HOSTILE = st.lists(st.sampled_from(COMMANDS + SPACES), max_size=12).map("".join)


class Step:
    """A runner of ours, and what the real one makes of its output."""

    def __init__(self, **env: str) -> None:
        self.stdout = io.StringIO()
        self.runner = Runner({"GITHUB_ACTIONS": "true", **env}, self.stdout)

    @property
    def printed(self) -> str:
        return self.stdout.getvalue()

    @property
    def log(self) -> Log:
        """The runner reads lines that end with CR, LF or both."""
        log = Log()
        for line in re.split("\r\n|\r|\n", self.printed):
            log.feed(line)
        return log


def test_how_it_is_escaped() -> None:
    """As the toolkit does: % first; a property's own marks besides."""
    assert escape("100%\r\n:,") == "100%25%0D%0A:,"
    assert escape("%0A") == "%250A"
    assert escape_property("a:b,c%\n") == "a%3Ab%2Cc%25%0A"


@given(message=TEXT, title=TEXT)
def test_an_annotation_arrives_as_it_was_said(message: str, title: str) -> None:
    """Whatever it holds, it is one command, and neither its text nor its title can end it."""
    step = Step()
    step.runner.error(f"{title}.", message)
    (found,) = step.log.annotations
    assert (found.name, found.data, found.properties) == ("error", message, {"title": f"{title}."})
    assert step.printed.count("\n") == 1


def test_a_long_message_is_cut_before_it_is_escaped() -> None:
    """Otherwise an escape could be cut in two; the runner takes 4096 characters."""
    step = Step()
    step.runner.warning("t", "%" * 5000)
    assert step.log.annotations[0].data == "%" * 4000


@given(HOSTILE)
@example("x\n::error::x")
@example("x\r::error::x")
@example("x\n##[error]x ##[error]x")
def test_untrusted_lines_hold_no_command(text: str) -> None:
    """A line, a group's title, and each part of a long one; also when nothing is paused."""
    step = Step()
    step.runner.line(text)
    assert step.log.commands == []
    step = Step()
    for line in re.split("\r\n|\r|\n", text):
        step.runner.line("  " + harmless(line))
    assert step.log.commands == []
    step = Step()
    step.runner.group(text)
    assert [(command.name, command.data) for command in step.log.commands] == [("group", text)]


@given(HOSTILE)
@example("x\n::error::x\n##[error]x")
@example("x\r::error::x\u2028::error::x")
@example("x" * 8000 + "::error::x")
def test_the_agents_output_holds_no_command(text: str) -> None:
    """Not even if the pause were not obeyed; and commands count again after it."""
    step = Step()
    step.runner.agent_output(text)
    unpaused = Log()
    for line in step.printed.split("\n")[1:-2]:
        unpaused.feed(line)
    assert unpaused.commands == []
    step.runner.notice("t", "after")
    assert [(command.name, command.data) for command in step.log.commands] == [("notice", "after")]
    assert max(map(len, step.printed.splitlines())) < 9000


def tokens(step: Step) -> list[str]:
    return re.findall(r"^::stop-commands::(.*)$", step.printed, re.MULTILINE)


def test_the_token_is_new_each_time() -> None:
    """An agent that saw the last one can do nothing with it; it is long enough not to be found by trying."""
    step = Step()
    for _ in range(50):
        seen = tokens(step)
        step.runner.agent_output("\n".join(f"::{token}::\n##[{token}]\n::error::forged" for token in seen[-2:]) or "x")
    assert len(set(tokens(step))) == 50
    assert all(re.fullmatch("[0-9a-f]{32,}", token) for token in tokens(step))
    assert step.log.annotations == []
    again = Step()
    again.runner.agent_output("x")
    assert not set(tokens(again)) & set(tokens(step))


def test_the_pause_is_around_the_text_and_no_longer() -> None:
    step = Step()
    step.runner.agent_output("one\ntwo")
    (token,) = tokens(step)
    assert step.printed == f"::stop-commands::{token}\n  one\n  two\n::{token}::\n"


def test_masks() -> None:
    """Each line of a secret, none that is empty, and the form that git sends it in."""
    step = Step()
    step.runner.mask("on%e\ntwo\n\n  \r\nthree\n")
    basic = base64.b64encode(b"x-access-token:on%e\ntwo\n\n  \r\nthree\n").decode()
    assert step.log.masks == ["on%e", "on%e", "two", "two", "three", "three", basic, basic]
    masked = step.log.mask(f"a on%e, two and three in {basic}")
    assert masked == "a ***, *** and *** in ***"


@pytest.mark.parametrize("value", ["", "\n", " \n\t"])
def test_an_empty_secret_is_no_mask(value: str) -> None:
    """It would hide nothing, or every space."""
    step = Step()
    step.runner.mask(value)
    assert all(command.data.strip() for command in step.log.commands)
    assert step.log.mask("plain text\nof two lines") == "plain text\nof two lines"


def test_outside_a_job_it_is_plain_text() -> None:
    """No command, no mask that would print the secret, no files."""
    out = io.StringIO()
    runner = Runner({}, out)
    runner.mask("s3cr3t")
    runner.group("Group")
    runner.agent_output("text")
    runner.endgroup()
    runner.error("t", "no")
    runner.set_output("a", "b")
    runner.write_summary("x")
    assert out.getvalue() == "Group\n  text\nerror: no\n"


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "json"]), TEXT | st.text(max_size=30)), max_size=6))
def test_outputs_arrive_as_they_were_set(pairs: list[tuple[str, str]]) -> None:
    """With line ends, marks and delimiters in them; the last one of a name wins."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        path.touch()
        runner = Runner({"GITHUB_OUTPUT": str(path)}, io.StringIO())
        for name, value in pairs:
            runner.set_output(name, value)
        assert read_pairs(path.read_bytes()) == dict(pairs)


def test_a_delimiter_cannot_be_known(tmp_path: Path) -> None:
    """A value that holds the delimiters of all earlier outputs, and a forged output, is a value."""
    path = tmp_path / "output"
    runner = Runner({"GITHUB_OUTPUT": str(path)}, io.StringIO())
    for number in range(20):
        old = re.findall("<<(.*)", path.read_text()) if number else []
        value = "".join(f"{delimiter}\nstatus=forged\n" for delimiter in (*old, "EOF", "ralph_"))
        runner.set_output("x", value)
    assert read_pairs(path.read_bytes()) == {"x": value}
    delimiters = [line.removeprefix("x<<") for line in path.read_text().splitlines() if line.startswith("x<<")]
    assert len(set(delimiters)) == 20
    assert all(len(delimiter) >= 32 for delimiter in delimiters)


def test_a_summary_replaces_the_one_before(tmp_path: Path) -> None:
    """In the same file, which the runner has open; nothing of a longer one is left."""
    path = tmp_path / "summary"
    path.touch()
    place = path.stat().st_ino
    runner = Runner({"GITHUB_STEP_SUMMARY": str(path)}, io.StringIO())
    for text in ("a long one\n" * 100, "éé\n"):
        runner.write_summary(text)
        assert path.read_bytes() == text.encode()
    assert path.stat().st_ino == place


@pytest.mark.parametrize("text", ["x" * 50_000, "🤖|" * 50_000], ids=["long", "wide"])
def test_the_longest_summary_is_shown(tmp_path: Path, text: str) -> None:
    """The runner drops one beyond 1 MiB whole: neither iterations, names nor errors can bring ours there."""
    state: TaskState = new_state()
    for _ in range(250):
        state = state.after(done(text), started="s", now="n")
    state = replace(state, iterations=tuple(replace(item, summary=text) for item in state.iterations))
    files, log = Files(tmp_path / "files"), Log()
    runner = Runner({"GITHUB_STEP_SUMMARY": str(files.paths["step_summary"])}, io.StringIO())
    runner.write_summary(summary(state, {"branch": text, "artifact": text}, resumed_from=text))
    files.read(log)
    assert 0 < len(files.summary.encode()) <= MAX_SUMMARY
    assert log.annotations == []
