"""The scripted agent of `ralph demo`: a real child process that solves a small task, without any model.

It works out from the work tree alone where it stands, so any fresh clone can go on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from ralph_action.agents.adapter import Adapter, Options, Traits
from ralph_action.agents.plain import PlainStream
from ralph_action.outcome import Usage
from ralph_action.ports import Call

SCRIPT = Path(__file__).with_name("demo_script.py")
USAGE = "demo-usage: "


class DemoStream(PlainStream):
    """Its text, and a line that says what it pretends to have used."""

    def feed(self, line: bytes) -> None:
        if line.startswith(USAGE.encode()):
            used = json.loads(line.removeprefix(USAGE.encode()))
            self.usage = Usage(tokens=int(used["tokens"]), cost_usd=Decimal(str(used["cost_usd"])))
        else:
            super().feed(line)


class Demo(Adapter):
    """The adapter of the script beside this module."""

    TRAITS = Traits(
        name="demo",
        exits_honestly=True,
        is_streaming=False,
        reports_tokens=True,
        reports_cost=True,
        executable="python3",
    )

    def argv(self, options: Options, call: Call) -> list[str]:
        del options, call
        return [sys.executable, "-I", str(SCRIPT)]

    def stream(self, show: Callable[[str], None]) -> DemoStream:
        return DemoStream(show)


ADAPTER = Demo()
