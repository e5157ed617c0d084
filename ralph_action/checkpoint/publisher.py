"""Publish checkpoints beside the loop: a queue of one, the newest wins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial

from ralph_action.errors import RalphError
from ralph_action.state import Checkpoint

PublishOne = Callable[[Checkpoint], dict[str, str]]
"""Bring a checkpoint to the remote homes; home → `reached`, `off` or why not."""


TICK_S = 30.0


AGENT_FIRST_S = 0.1
"""How long the agent's start has the machine to itself."""


class Publisher:
    """One background thread; the loop never waits for it but in `flush`."""

    def __init__(
        self,
        publish_one: PublishOne,
        done: Callable[[Checkpoint, dict[str, str]], None],
        prepare: Callable[[], None] = lambda: None,
        tick: Callable[[], None] = lambda: None,
        tick_s: float = TICK_S,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the thread.

        `prepare` is run in it first, beside the first iteration; `tick` whenever nothing came for `tick_s`;
        `tidy` after each checkpoint that was published.
        """
        self._tidy = tidy
        self._tidying = False
        self._tick = tick
        self._tick_s = tick_s
        self._prepare = prepare
        self._publish_one = publish_one
        self._done = done
        self._changed = threading.Condition()
        self._waiting: Checkpoint | None = None
        self._working = False
        self._closed = False
        self.homes: dict[str, str] = {}
        """Where the newest published checkpoint stands."""
        self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)
        self._thread.start()

    def publish(self, checkpoint: Checkpoint) -> None:
        """Queue a checkpoint; one that still waits is replaced, as the newer holds all of it."""
        with self._changed:
            self._waiting = checkpoint
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> dict[str, str]:
        """Wait until nothing is queued or under way; say where the newest checkpoint stands.

        Tidying up gets a quarter of the time on top: what it does not do is no loss.
        """
        with self._changed:
            idle = self._changed.wait_for(lambda: self._waiting is None and not self._working, timeout_s)
            if idle:
                self._changed.wait_for(lambda: not self._tidying, timeout_s / 4)
                return dict(self.homes)
        return {**self.homes, "remote": f"not reached within {timeout_s:.0f} s"}

    def close(self) -> None:
        """End the thread once it is idle; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._waiting = None
            self._changed.notify_all()

    def _work(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._closed, AGENT_FIRST_S)
        _quietly(self._prepare)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closed, self._tick_s)
                if self._closed:
                    return
                checkpoint, self._waiting = self._waiting, None
                self._working = checkpoint is not None
            if checkpoint is None:
                _quietly(self._tick)
                continue
            try:
                homes = self._publish_one(checkpoint)
            except RalphError as problem:
                homes = {"remote": str(problem)}
            except Exception as problem:  # noqa: BLE001  a bug here must not end the loop: it is said, and retried next time
                homes = {"remote": f"bug: {type(problem).__name__}: {problem}"}
            with self._changed:
                self.homes = homes
            _quietly(partial(self._done, checkpoint, homes))
            with self._changed:
                self._working, self._tidying = False, True
                self._changed.notify_all()
            _quietly(self._tidy)
            with self._changed:
                self._tidying = False
                self._changed.notify_all()


def _quietly(act: Callable[[], None]) -> None:
    """Do what may fail: it is due again with the next checkpoint, and one failure must not end all publishing."""
    with contextlib.suppress(Exception):
        act()
