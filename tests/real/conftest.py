"""What needs the machine runs one after the other, in one of xdist's workers; `test_agents`, which waits, beside it.

The first that needs a program installs it, while the others wait for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

ALONE_S = 900
"""The time of a test, with installations that it waits for."""


class Scheduling(LoadScopeScheduling):
    """Each test of `test_agents` for itself, all others together."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "test_agents" in nodeid else "busy"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.timeout(ALONE_S))
