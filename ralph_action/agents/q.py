"""Amazon Q's CLI, which Kiro's has followed; it takes the same words: `q chat --no-interactive --trust-all-tools`."""

from __future__ import annotations

from dataclasses import replace

from ralph_action.agents.kiro import Kiro


class AmazonQ(Kiro):
    """The adapter of Amazon Q's CLI."""

    TRAITS = replace(Kiro.TRAITS, name="q", executable="q", keys=())


ADAPTER = AmazonQ()
