"""The one place that asks the machine for the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from ralph_action.ports import Stop

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class SystemClock:
    """Wall time for records, monotonic time for budgets."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> str:
        return datetime.now(UTC).strftime(FORMAT)

    def later(self, seconds: float) -> str:
        return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime(FORMAT)

    def wait(self, seconds: float, stop: Stop) -> None:
        stop.requested.wait(seconds)
