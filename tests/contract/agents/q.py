"""Amazon Q's CLI: as Kiro's."""

from __future__ import annotations

from tests.contract.agents.kiro import SCENARIOS, WITHOUT

__all__ = ["SCENARIOS", "WITHOUT"]
