"""The scripted agent of the demo: plain text, and a line of usage."""

from __future__ import annotations

from decimal import Decimal

from tests.contract.agents import Scenario, command

WITHOUT = command.WITHOUT
USED = b'demo-usage: {"tokens": 12, "cost_usd": "0.5"}'
SCENARIOS = {**command.SCENARIOS, "success": Scenario(lines=(b"ok", USED), text="ok", tokens=12, cost=Decimal("0.5"))}
