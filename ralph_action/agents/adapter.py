"""What an adapter is: the facts of one agent's CLI, its command line, and the reading of its stream."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ralph_action.outcome import ErrorClass, Usage
from ralph_action.ports import Call, unseen

MAX_TEXT = 1024 * 1024
MAX_PARTS = 4096
MAX_WORD = 120_000
"""Bytes; Linux takes 128 KiB for one word of a command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is known of an agent's CLI before it is called; the README's table is made of it."""

    name: str
    executable: str = ""
    """Its program's name on PATH."""
    package: str = ""
    """What installs it: `npm:<package>` or `pypi:<package>`; empty: the user does."""
    version: str = ""
    """The one that is installed when none is asked for."""
    keys: tuple[str, ...] = ()
    """Variables of which one lets it work; empty: it needs none, or keeps its login in its home."""
    passes: tuple[str, ...] = ()
    """More variables that it reads: endpoints, models, settings of its own. No secret of ours is among them."""
    exits_honestly: bool = False
    """Whether its exit code is all that tells a failure: it has no closing event."""
    explains_itself: bool = False
    """Whether its standard error is the CLI's own words, and not a program's of the user's."""
    is_dialogue: bool = False
    """Whether its standard input stays open, for what the stream replies."""
    is_streaming: bool = True
    """Whether it says something at its start, so that silence means trouble."""
    reports_tokens: bool = False
    reports_cost: bool = False
    reports_reset: bool = False
    """Whether a limit says when it is over."""
    resumes: bool = False
    """Whether a session can be gone on with, by its id."""
    takes_budget: bool = False
    """Whether the CLI ends itself at a budget in dollars."""
    help_words: tuple[str, ...] = ()
    """The sub-command whose `--help` lists the flags."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Flags that are used, and what is used where `--help` does not know them; empty: the version is refused."""
    seen: str = ""
    """The version that was seen running; empty: not run here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user says about an agent."""

    executable: str
    model: str = ""
    args: tuple[str, ...] = ()
    command: str = ""
    """Of `agent: command` and `agent: acp`."""
    lacks: frozenset[str] = frozenset()
    """The flags of `Traits.needs` that the installed version does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong in a call."""

    text: str
    kind: ErrorClass = ErrorClass.OTHER
    resets_at: float | None = None
    """Of a limit: when it is over, in seconds of the epoch; None: as far as the text says."""


class Words:
    """The end of what an agent said, within MAX_TEXT; each part is shown as it comes."""

    def __init__(self, show: Callable[[str], None] = unseen) -> None:
        self._show = show
        self._parts: list[str] = []
        self._size = 0
        self._piece = ""

    def add(self, piece: str) -> None:
        """Go on with a part that comes in pieces; `end` ends it."""
        self._piece = (self._piece + piece)[-MAX_TEXT:]

    def end(self) -> None:
        if self._piece:
            self.say(self._piece)
        self._piece = ""

    def say(self, text: str) -> None:
        self._show(text)
        self._size += len(text) + 1
        self._parts.append(text)
        if self._size > 2 * MAX_TEXT or len(self._parts) > MAX_PARTS:
            self._join()

    def __str__(self) -> str:
        self._join()
        return "\n".join(filter(None, (*self._parts, self._piece)))[-MAX_TEXT:]

    def _join(self) -> None:
        """Make one of all: half a million short lines would be as many objects. What goes are whole lines."""
        if not self._parts:
            return
        text = "\n".join(self._parts)
        if (start := len(text) - MAX_TEXT) > 0:
            end_of_line = text.find("\n", start - 1)
            text = text[end_of_line + 1 if end_of_line >= 0 else start :]
        self._parts, self._size = [text], len(text) + 1


class Stream(ABC):
    """What the lines of one call add up to, so far; pure."""

    def __init__(self, show: Callable[[str], None] = unseen, *, ends_with: str = "") -> None:
        """Begin with nothing; `ends_with` names the closing event, without which the call is a failure."""
        self.show = show
        self.words = Words(show)
        """The agent's own words: never the prompt, never a tool's output, never a sub-agent's."""
        self.session_id = ""
        self.model: str = ""
        """The model that was used; empty when the stream does not say."""
        self.usage = Usage()
        self.of_models: dict[str, Usage] = {}
        """What each model used, where the stream tells them apart."""
        self.denied: tuple[str, ...] = ()
        """The tools whose use was refused."""
        self.is_over = False
        """Whether the closing event has come: the process may hang after it."""
        self.failure: Failure | None = Failure(text=f"it ended without {ends_with}") if ends_with else None
        """What went wrong; None when the call is sound."""
        self.retrying: Failure | None = None
        """What the CLI says it tries again after, as long as nothing else has come of it."""

    @property
    def text(self) -> str:
        return str(self.words)

    def feed(self, line: bytes) -> None:
        """Take one line; what is no event is passed over."""
        if (event := event_of(line)) is not None:
            self.take(event)

    @abstractmethod
    def take(self, event: dict[str, Any]) -> None:
        """Take one event, which may have any shape."""

    def replies(self, call: Call) -> bytes:
        """What a dialogue writes now, once."""
        del call
        return b""


class Adapter(ABC):
    """One agent: a module of its own with a subclass, `ADAPTER`, and a word in `agents.NAMES`."""

    TRAITS: ClassVar[Traits]

    @abstractmethod
    def argv(self, options: Options, call: Call) -> list[str]:
        """The command line of an unattended call."""

    @abstractmethod
    def stream(self, show: Callable[[str], None]) -> Stream:
        """What reads the lines of one call."""

    def stdin(self, call: Call) -> bytes:
        """What it reads; most take the prompt so, as a command line is limited and seen by others."""
        return call.prompt.encode()

    def environment(self, options: Options, call: Call) -> dict[str, str]:
        """More variables: no updates, no telemetry, no questions."""
        del options, call
        return {}


def event_of(line: bytes) -> dict[str, Any] | None:
    """The JSON object that a line is; None when it is none. Half a character becomes a question mark."""
    try:
        event = json.loads(line)
        if b"\\ud" in line.lower():
            event = json.loads(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def part(document: object, *path: str) -> Any:  # noqa: ANN401  the stream is somebody else's
    """What lies at a path of a document that may have any shape; None when it is not there."""
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def text_of(document: object, *path: str) -> str:
    """The text at a path; empty when there is none."""
    found = part(document, *path)
    return found if isinstance(found, str) else ""


def prompt_word(call: Call) -> str:
    """The prompt as a word of a command line; where it is too long for one, what leads to its file."""
    if len(call.prompt.encode()) <= MAX_WORD:
        return call.prompt
    return f"Read the file {call.prompt_file} and do what it says, as if it stood here."
