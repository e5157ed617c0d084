"""What needs the machine runs one after the other, in one of xdist's workers; what waits runs beside it.

The first that needs a program installs it, while the others wait for that.
"""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("real"):
            if not item.get_closest_marker("waits"):
                item.add_marker(pytest.mark.xdist_group("busy"))
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(900))
