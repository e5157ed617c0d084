"""The scripted agent of `ralph demo`: a real child process that solves a small task, without any model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from ralph_action.agents.command import Text, outcome
from ralph_action.agents.process import run_child
from ralph_action.ports import Call, Stop
from ralph_action.state import Outcome, Usage

SCRIPT = Path(__file__).with_name("demo_script.py")
USAGE = "demo-usage: "


class Demo:
    """Works out from the work tree alone where it stands, so any fresh clone can go on."""

    name = "demo"

    def run(self, call: Call, stop: Stop) -> Outcome:
        text = Text(call.show)
        used: dict[str, str | int] = {"tokens": 0, "cost_usd": "0"}

        def feed(line: bytes) -> None:
            if line.startswith(USAGE.encode()):
                used.update(json.loads(line.removeprefix(USAGE.encode())))
            else:
                text.feed(line)

        argv = [sys.executable, "-I", str(SCRIPT)]
        end = run_child(argv, call=call, stop=stop, stdin=call.prompt.encode(), on_line=feed)
        usage = Usage(tokens=int(used["tokens"]), cost_usd=Decimal(str(used["cost_usd"])))
        return replace(outcome(str(text), end, usage), session_id="")
