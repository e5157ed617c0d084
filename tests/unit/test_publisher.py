"""The background thread, with a home that waits until it is told to go on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

from ralph_action.checkpoint.publisher import Publisher
from ralph_action.errors import GitError
from ralph_action.state import Checkpoint

WAIT_S = 30.0


def checkpoint(number: int) -> Checkpoint:
    return Checkpoint(iteration=number, sequence=number, branch="b", commit="", state_file="", digest="")


class Gated:
    """Takes a checkpoint when it is given an answer for it."""

    def __init__(self) -> None:
        self.came: queue.Queue[int] = queue.Queue()
        self.answers: queue.Queue[dict[str, str] | Exception] = queue.Queue()
        self.done: list[tuple[int, dict[str, str]]] = []
        self.publisher = Publisher(self.store, self.stored)

    def store(self, item: Checkpoint) -> dict[str, str]:
        self.came.put(item.sequence)
        found = self.answers.get(timeout=WAIT_S)
        if isinstance(found, Exception):
            raise found
        return found

    def stored(self, item: Checkpoint, homes: dict[str, str]) -> None:
        self.done.append((item.sequence, homes))


@pytest.fixture
def home() -> Iterator[Gated]:
    gated = Gated()
    yield gated
    gated.publisher.close()
    gated.answers.put({})


def test_the_newest_wins_and_nobody_waits(home: Gated) -> None:
    """While one is under way the queue holds one: what is older is dropped, as the newer holds all of it."""
    home.publisher.publish(checkpoint(1))
    assert home.came.get(timeout=WAIT_S) == 1
    for number in (2, 3, 4):
        home.publisher.publish(checkpoint(number))
    for _ in range(2):
        home.answers.put({"branch": "reached"})
    assert home.publisher.flush(WAIT_S) == {"branch": "reached"}
    assert [sequence for sequence, _ in home.done] == [1, 4]


@pytest.mark.parametrize("problem", [GitError("no answer"), KeyError("x")])
def test_a_home_that_fails_does_not_end_it(home: Gated, problem: Exception) -> None:
    home.publisher.publish(checkpoint(1))
    home.answers.put(problem)
    assert list(home.publisher.flush(WAIT_S)) == ["remote"]
    home.publisher.publish(checkpoint(2))
    home.answers.put({"branch": "reached"})
    assert home.publisher.flush(WAIT_S) == {"branch": "reached"}


def test_flush_gives_up_at_its_deadline(home: Gated) -> None:
    home.publisher.publish(checkpoint(1))
    home.came.get(timeout=WAIT_S)
    assert home.publisher.flush(0.01) == {"remote": "not reached within 0 s"}


def test_a_tick_comes_when_nothing_else_does() -> None:
    ticked = threading.Event()
    publisher = Publisher(lambda _: {}, lambda _, __: None, tick=ticked.set, tick_s=0.01)
    assert ticked.wait(WAIT_S)
    publisher.close()
