"""Publish checkpoints beside the loop: a queue of one, the newest wins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from ralph_action.errors import RalphError
from ralph_action.state import Checkpoint

PublishOne = Callable[[Checkpoint], dict[str, str]]
"""Bring a checkpoint to the remote homes; home → `reached`, `off` or why not."""


class Publisher:
    """One background thread; the loop never waits for it but in `flush`."""

    def __init__(
        self,
        publish_one: PublishOne,
        done: Callable[[Checkpoint, dict[str, str]], None],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the thread; `prepare` is run in it first, beside the first iteration."""
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
        """Wait until nothing is queued or under way; say where the newest checkpoint stands."""
        with self._changed:
            idle = self._changed.wait_for(lambda: self._waiting is None and not self._working, timeout_s)
            if idle:
                return dict(self.homes)
        return {**self.homes, "remote": f"not reached within {timeout_s:.0f} s"}

    def close(self) -> None:
        """End the thread once it is idle; what waits is dropped."""
        with self._changed:
            self._closed = True
            self._waiting = None
            self._changed.notify_all()

    def _work(self) -> None:
        with contextlib.suppress(RalphError):  # what it did not bring is brought with the first checkpoint
            self._prepare()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closed)
                if self._closed:
                    return
                checkpoint, self._waiting, self._working = self._waiting, None, True
            assert checkpoint is not None  # noqa: S101  wait_for has just said so
            try:
                homes = self._publish_one(checkpoint)
            except RalphError as problem:
                homes = {"remote": str(problem)}
            except Exception as problem:  # noqa: BLE001  a bug here must not end the loop: it is said, and retried next time
                homes = {"remote": f"bug: {type(problem).__name__}: {problem}"}
            with self._changed:
                self.homes = homes
            self._done(checkpoint, homes)
            with self._changed:
                self._working = False
                self._changed.notify_all()
