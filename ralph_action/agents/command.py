"""Any shell command as the agent: the prompt on stdin and in RALPH_PROMPT_FILE."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ralph_action.agents.process import ChildEnd, How, run_child
from ralph_action.ports import Call, Stop
from ralph_action.state import Ended, Outcome, Usage

MAX_TEXT = 1024 * 1024


class Text:
    """The end of what was printed, within MAX_TEXT; each line is shown as it comes."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._lines: deque[bytes] = deque()
        self._size = 0

    def feed(self, line: bytes) -> None:
        self._show(line.decode("utf-8", errors="replace"))
        self._lines.append(line)
        self._size += len(line) + 1
        while self._size > MAX_TEXT and len(self._lines) > 1:
            self._size -= len(self._lines.popleft()) + 1

    def __str__(self) -> str:
        return b"\n".join(self._lines).decode("utf-8", errors="replace")


class Command:
    """Its exit code and its output are the outcome; what it used is unknown."""

    name = "command"

    def __init__(self, command: str) -> None:
        self._argv = ["/bin/bash", "-c", command]

    def run(self, call: Call, stop: Stop) -> Outcome:
        text = Text(call.show)
        extra = {"RALPH_PROMPT_FILE": str(call.prompt_file), "RALPH_ITERATION": str(call.iteration)}
        end = run_child(self._argv, call=call, stop=stop, stdin=call.prompt.encode(), on_line=text.feed, extra=extra)
        return outcome(str(text), end, Usage())


def outcome(text: str, end: ChildEnd, usage: Usage) -> Outcome:
    """What a plain program came to: 0 is done, all else is a failure."""
    ended, error = Ended.DONE, ""
    if end.how is How.STOPPED:
        ended = Ended.CANCELLED
    elif end.how is How.TIMEOUT:
        ended, error = Ended.TIMEOUT, f"ended after {end.duration_s:.0f} s, at its time limit"
    elif end.exit_code != 0:
        said = end.tail.splitlines()[-1][:200] if end.tail else "it printed nothing"
        ended, error = Ended.FAILED, f"exit code {end.exit_code}: {said}"
    return Outcome(ended=ended, text=text, usage=usage, duration_s=end.duration_s, exit_code=end.exit_code, error=error)
