"""A loop with every collaborator faked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ralph_action import loop, policy
from ralph_action.fakes import (
    FixedPrompt,
    MemoryCheckpoints,
    QuietReport,
    ScriptedAgent,
    ScriptedWorkspace,
    TickingClock,
)
from ralph_action.outcome import Outcome
from ralph_action.policy import Limits
from ralph_action.ports import Agent, Call, Stop, Turn
from ralph_action.state import TaskState
from tests.unit.records import new_state


class Rig:
    """A loop with every collaborator faked."""

    def __init__(
        self,
        outcomes: list[Outcome],
        during: Callable[[Call, Stop], None] | None = None,
        homes: dict[str, str] | None = None,
        workspace: ScriptedWorkspace | None = None,
        second: list[Outcome] | None = None,
    ) -> None:
        self.agent = ScriptedAgent(outcomes, during=during)
        self.second = ScriptedAgent(second or [])
        self.agents: dict[str, Agent] = {"first": self.agent}
        if second:
            self.agents["second"] = self.second
        self.workspace = workspace or ScriptedWorkspace()
        self.checkpoints = MemoryCheckpoints(homes)
        self.clock = TickingClock()
        self.report = QuietReport()
        self.stop = Stop()

    def run(self, limits: Limits, state: TaskState | None = None, seen: list[str] | None = None) -> TaskState:
        def call(turn: Turn, state: TaskState) -> Call:
            here = Path()
            if seen is not None:
                seen.append(state.verify_failure)
            return Call(
                prompt=turn.prompt,
                prompt_file=here,
                workspace=here,
                iteration=turn.number,
                environment={},
                log=here,
                timeout_s=turn.timeout_s,
                tokens_left=policy.tokens_left(state, limits),
                cost_left=policy.cost_left(state, limits),
            )

        parts = loop.Parts(
            agents=self.agents,
            checkpoints=self.checkpoints,
            workspace=self.workspace,
            prompts=FixedPrompt("do it"),
            clock=self.clock,
            report=self.report,
            stop=self.stop,
            call=call,
            back_off_s=lambda tries: 10.0 * tries,
        )
        return loop.run(state or new_state(), limits, parts)
