"""From the settings and the task's state to one call of an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ralph_action import policy
from ralph_action.briefing import briefing
from ralph_action.checkpoint.agent_dir import AgentDir
from ralph_action.crew import variables
from ralph_action.policy import Limits
from ralph_action.ports import Call, Turn
from ralph_action.prompts import PromptCopy
from ralph_action.settings import Settings
from ralph_action.state import TaskState
from ralph_action.workplace import Workplace, agent_environment


def limits_of(settings: Settings) -> Limits:
    """The budgets of a run; new inputs win over what an earlier run had."""
    return Limits(
        max_iterations=settings.max_iterations,
        max_runtime_s=settings.max_runtime_s,
        max_active_s=settings.max_active_time_s,
        max_tokens=settings.max_tokens,
        max_cost_usd=settings.max_cost,
        iteration_timeout_s=settings.iteration_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
        max_failures=settings.max_failures,
        max_stagnation=settings.max_stagnation,
        max_wait_s=settings.max_wait_s,
        checkpoint_interval=settings.checkpoint_interval,
        checkpoint_every_s=settings.checkpoint_every_s,
        completion_promise=settings.completion_promise,
    )


class Caller:
    """Makes the calls of a run."""

    def __init__(
        self,
        settings: Settings,
        place: Workplace,
        env: Mapping[str, str],
        agent_dir: AgentDir,
        show: Callable[[str], None],
        say: Callable[[str], None],
        *,
        is_resumed: bool,
        is_half: bool,
    ) -> None:
        self._settings = settings
        self._limits = limits_of(settings)
        self._place = place
        self._env = env
        self._agent_dir = agent_dir
        self._show = show
        self._prompt_copy = PromptCopy(place.workspace / ".agent" / "prompt.md", place.user, say)
        self._is_resumed, self._is_half = is_resumed, is_half

    def call(self, turn: Turn, state: TaskState) -> Call:
        """The call that a turn asks for; only the first of a run is told that it goes on from a checkpoint."""
        place, prompt = self._place, turn.prompt
        if self._settings.context != "none":
            prompt += briefing(
                state,
                self._limits,
                number=turn.number,
                timeout_s=turn.timeout_s,
                is_resumed=self._is_resumed,
                is_half=self._is_half,
            )
        self._is_resumed = self._is_half = False
        names = (*variables(turn.agent), *self._settings.agent_env)
        return Call(
            prompt=prompt,
            prompt_file=self._prompt_copy.write(prompt),
            workspace=place.workspace,
            iteration=turn.number,
            environment=agent_environment(place, self._env, names),
            log=self._agent_dir.new_log(turn.number),
            timeout_s=turn.timeout_s,
            idle_timeout_s=self._limits.idle_timeout_s,
            tokens_left=policy.tokens_left(state, self._limits),
            cost_left=policy.cost_left(state, self._limits),
            user=place.user,
            show=self._show,
        )
