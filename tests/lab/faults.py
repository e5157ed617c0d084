"""What goes wrong on the lab's GitHub."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Faults:
    """What goes wrong, by the name of the route."""

    failures: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    delays_s: dict[str, float] = field(default_factory=dict)
    hangs: dict[str, bool] = field(default_factory=dict)
    """Route → whether a git call is done all the same; its caller waits for an answer that never comes."""
    lost_answers: dict[str, int] = field(default_factory=dict)
    """Route → how many calls are done, but answered with a reset."""
    cut: list[str] = field(default_factory=list)
    """Routes whose next call is reset in the middle of its body."""
    over: threading.Event = field(default_factory=threading.Event)

    def fail(self, route: str, status: int, times: int = 1, body: str = "{}", **headers: str) -> None:
        """Let the next calls of a route fail; a status of 0 resets the connection."""
        self.failures.setdefault(route, []).extend([(status, body, headers)] * times)

    @staticmethod
    def takes(left: dict[str, int], route: str) -> bool:
        """Use one of a route's faults up, if there is one."""
        if left.get(route, 0) <= 0:
            return False
        left[route] -= 1
        return True
