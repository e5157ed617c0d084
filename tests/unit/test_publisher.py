"""The background thread, with a home that waits until it is told to go on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from ralph_action.checkpoint.publisher import Publisher
from ralph_action.errors import GitError
from ralph_action.state import Checkpoint

WAIT_S = 10.0


def checkpoint(number: int) -> Checkpoint:
    return Checkpoint(iteration=number, sequence=number, branch="b", commit="", state_file="", digest="")


class Gated:
    """Takes a checkpoint when it is given an answer for it."""

    def __init__(self) -> None:
        self.came: queue.Queue[int] = queue.Queue()
        self.answers: queue.Queue[dict[str, str] | Exception] = queue.Queue()
        self.done: list[tuple[int, dict[str, str]]] = []
        self.troubles: list[Exception] = []
        """What goes wrong when a result is written down, once each."""
        self.publisher = Publisher(self.store, self.stored)

    def store(self, item: Checkpoint) -> dict[str, str]:
        self.came.put(item.sequence)
        found = self.answers.get(timeout=WAIT_S)
        if isinstance(found, Exception):
            raise found
        return found

    def stored(self, item: Checkpoint, homes: dict[str, str]) -> None:
        self.done.append((item.sequence, homes))
        if self.troubles:
            raise self.troubles.pop()

    def bring(self, number: int, answer: dict[str, str] | Exception) -> dict[str, str]:
        """Publish one to its end."""
        self.publisher.publish(checkpoint(number))
        self.answers.put(answer)
        return self.publisher.flush(WAIT_S)


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


@pytest.mark.parametrize(
    ("problem", "said"),
    [(GitError("no answer", remedy="Try."), "no answer Try."), (KeyError("x"), "bug: KeyError: 'x'")],
)
def test_a_home_that_fails_does_not_end_it(home: Gated, problem: Exception, said: str) -> None:
    """Why is kept and told until the next checkpoint, which is brought there as if nothing had been."""
    assert home.bring(1, problem) == {"remote": said}
    assert (home.publisher.homes, home.publisher.flush(WAIT_S)) == ({"remote": said}, {"remote": said})
    assert home.bring(2, {"branch": "reached"}) == {"branch": "reached"}
    assert home.done == [(1, {"remote": said}), (2, {"branch": "reached"})]


@pytest.mark.parametrize("trouble", [OSError("no space left"), KeyError("x")])
def test_a_result_that_cannot_be_written_down(home: Gated, trouble: Exception) -> None:
    """The next checkpoint is published all the same: one full disk must not end all publishing."""
    home.troubles.append(trouble)
    home.publisher.publish(checkpoint(1))
    home.answers.put({"branch": "reached"})
    assert home.came.get(timeout=WAIT_S) == 1
    home.publisher.publish(checkpoint(2))
    home.answers.put({"branch": "reached"})
    assert home.came.get(timeout=WAIT_S) == 2
    assert home.publisher.flush(WAIT_S) == {"branch": "reached"}


@pytest.mark.parametrize("where", ["prepare", "tick"])
@pytest.mark.parametrize("trouble", [GitError("no answer"), OSError("no space left"), KeyError("x")])
def test_trouble_beside_a_checkpoint(where: str, trouble: Exception) -> None:
    """What is done first, and between two checkpoints, may fail: the next one is published all the same."""
    met = threading.Event()

    def fail() -> None:
        met.set()
        raise trouble

    beside: dict[str, Callable[[], None]] = {where: fail}
    publisher = Publisher(lambda _: {"branch": "reached"}, lambda _, __: None, tick_s=0.01, **beside)
    assert met.wait(WAIT_S)
    publisher.publish(checkpoint(1))
    assert publisher.flush(WAIT_S) == {"branch": "reached"}
    publisher.close()


def test_results_come_in_order_and_before_a_flush_returns(home: Gated) -> None:
    """Who waited for the end reads a record that says where its checkpoint stands."""
    for number in range(1, 6):
        home.bring(number, {"branch": f"{number}"})
        assert home.done[-1] == (number, {"branch": f"{number}"})
    assert [sequence for sequence, _ in home.done] == [1, 2, 3, 4, 5]


def test_one_at_a_time(home: Gated) -> None:
    """A newer one waits for the one under way; two at once could overtake each other."""
    home.publisher.publish(checkpoint(1))
    assert home.came.get(timeout=WAIT_S) == 1
    home.publisher.publish(checkpoint(2))
    assert home.publisher.flush(0.05) == {"remote": "not reached within 0 s"}
    assert home.came.empty()
    home.answers.put({"branch": "1"})
    assert home.came.get(timeout=WAIT_S) == 2
    assert home.done == [(1, {"branch": "1"})]
    assert home.publisher.flush(0) == {"branch": "1", "remote": "not reached within 0 s"}
    home.answers.put({"branch": "2"})
    assert home.publisher.flush(WAIT_S) == {"branch": "2"}


def test_what_is_prepared_comes_first() -> None:
    """Beside the loop, which publishes without waiting for it."""
    go, seen = threading.Event(), list[str]()

    def prepare() -> None:
        go.wait(WAIT_S)
        seen.append("prepared")

    def store(item: Checkpoint) -> dict[str, str]:
        seen.append(f"stored {item.sequence}")
        return {}

    publisher = Publisher(store, lambda _, __: None, prepare)
    publisher.publish(checkpoint(1))
    publisher.publish(checkpoint(2))
    assert seen == []
    go.set()
    assert publisher.flush(WAIT_S) == {}
    assert seen == ["prepared", "stored 2"]
    publisher.close()


def test_with_nothing_published_there_is_nothing_to_wait_for(home: Gated) -> None:
    assert home.publisher.flush(WAIT_S) == {}


def test_after_its_end_nothing_is_published(home: Gated) -> None:
    """What is under way is finished, what waits is dropped."""
    home.publisher.publish(checkpoint(1))
    assert home.came.get(timeout=WAIT_S) == 1
    home.publisher.publish(checkpoint(2))
    home.publisher.close()
    home.answers.put({"branch": "reached"})
    assert home.publisher.flush(WAIT_S) == {"branch": "reached"}
    assert [sequence for sequence, _ in home.done] == [1]
    home.publisher._thread.join(WAIT_S)
    assert not home.publisher._thread.is_alive()
    assert home.came.empty()


def test_flush_gives_up_at_its_deadline(home: Gated) -> None:
    home.publisher.publish(checkpoint(1))
    home.came.get(timeout=WAIT_S)
    assert home.publisher.flush(0.01) == {"remote": "not reached within 0 s"}


def test_a_tick_comes_when_nothing_else_does() -> None:
    ticked = threading.Event()
    publisher = Publisher(lambda _: {}, lambda _, __: None, tick=ticked.set, tick_s=0.01)
    assert ticked.wait(WAIT_S)
    publisher.close()


def test_tidying_up_delays_no_answer() -> None:
    """Where the checkpoint stands is told once it stands there, though older ones are still being deleted."""
    begun, gate, reached = threading.Event(), threading.Event(), {"artifact": "reached"}

    def tidy() -> None:
        begun.set()
        gate.wait(60)

    publisher = Publisher(lambda _: reached, lambda _, __: None, tidy=tidy)
    publisher.publish(checkpoint(1))
    assert begun.wait(60)
    assert publisher.flush(0.01) == reached
    gate.set()
    publisher.close()
