"""What a person reads in the log while the loop goes on; outputs and summary beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ralph_action.documents import state_document
from ralph_action.outcome import Outcome
from ralph_action.reaction import REMEDIES
from ralph_action.report.summary import duration, spent, summary, tokens
from ralph_action.state import Checkpoint, TaskState


class Console(Protocol):
    """The part of the runner's protocol that a report needs; without a runner it prints plain text."""

    def line(self, text: str) -> None: ...

    def warning(self, title: str, message: str) -> None: ...

    def group(self, title: str) -> None: ...

    def endgroup(self) -> None: ...

    def agent_output(self, text: str) -> None: ...

    def set_output(self, name: str, value: str) -> None: ...

    def write_summary(self, text: str) -> None: ...


class LoggedConsole:
    """A console whose lines go to a log too."""

    def __init__(self, console: Console, log: Callable[[str], None]) -> None:
        self._console = console
        self._log = log
        self.group, self.endgroup = console.group, console.endgroup
        self.agent_output = console.agent_output
        self.set_output, self.write_summary = console.set_output, console.write_summary

    def line(self, text: str) -> None:
        self._console.line(text)
        self._log(text)

    def warning(self, title: str, message: str) -> None:
        self._console.warning(title, message)
        self._log(message)


class LiveReport:
    """Writes outputs and summary early and again after each iteration: those of a killed step count."""

    def __init__(
        self,
        console: Console,
        *,
        resumed_from: str,
        facts: Callable[[], Mapping[str, str]],
        write_page: Callable[[str], None],
        is_live: bool = False,
        agents: int = 1,
    ) -> None:
        self._agents = agents
        self._console = console
        self._resumed_from = resumed_from
        self._facts = facts
        """Outputs that others know: the artifact's name, id and url."""
        self._write_page = write_page
        self._is_live = is_live
        """Whether the agent's words were shown as they came."""
        self._homes: Mapping[str, str] = {}

    def started(self, state: TaskState) -> None:
        self._write(state)

    def iteration_started(self, number: int, agent: str) -> None:
        self._console.group(f"Iteration {number}" + (f" ({agent})" if self._agents > 1 else ""))

    def iteration_ended(self, state: TaskState, outcome: Outcome) -> None:
        if outcome.text and not self._is_live:
            self._console.agent_output(outcome.text)
        self._console.endgroup()
        said = f" - {outcome.error}" if outcome.error else ""
        self._console.line(
            f"Iteration {state.iteration} {outcome.ended.value} after {duration(outcome.duration_s)}; "
            f"so far {tokens(state.tokens_used)} tokens, {spent(state)}{said}"
        )
        self._write(state)

    def verified(self, state: TaskState) -> None:
        if not state.verify_failure:
            self._console.line("Verified: all commands passed.")
            return
        self._console.line("Not done: a verify command failed; its output goes into the next prompt.")
        self._console.group("What failed")
        self._console.agent_output(state.verify_failure)
        self._console.endgroup()

    def waiting(self, seconds: float, outcome: Outcome) -> None:
        kind = outcome.error_class.value if outcome.error_class else "trouble"
        self._console.line(f"Waiting {duration(seconds)} ({kind}); the iteration is not used up.")

    def checkpointed(self, state: TaskState, checkpoint: Checkpoint) -> None:
        where = f"{checkpoint.commit[:12]} on {checkpoint.branch}" if checkpoint.commit else checkpoint.state_file
        self._console.line(f"Checkpoint {state.iteration}: {where}")

    def ended(self, state: TaskState, homes: Mapping[str, str]) -> None:
        self._homes = homes
        stands = ", ".join(f"{home} {text}" for home, text in homes.items())
        reason = state.stop_reason.value if state.stop_reason else ""
        self._console.line(
            f"Ended: {state.status.value} ({reason}) after {state.iteration} iterations; homes: {stands}"
        )
        if state.stop_reason in REMEDIES:
            self._console.line(f"What to do: {REMEDIES[state.stop_reason]}")
        if state.resets_at:
            self._console.line(f"The limit is over at {state.resets_at}.")
        self._write(state)

    def _write(self, state: TaskState) -> None:
        outputs = outputs_of(state, self._resumed_from) | dict(self._facts())
        for name, value in outputs.items():
            self._console.set_output(name, value)
        document: dict[str, Any] = outputs | {"homes": dict(self._homes), "state": state_document(state)}
        document["state"].pop("iterations")
        self._console.set_output("json", json.dumps(document, ensure_ascii=False))
        self._console.write_summary(summary(state, self._homes, resumed_from=self._resumed_from))
        from ralph_action.report.page import page

        self._write_page(page(state, self._homes, resumed_from=self._resumed_from))


def outputs_of(state: TaskState, resumed_from: str) -> dict[str, str]:
    """The action's outputs that the state alone decides; empty when unknown."""
    dollars = state.cost_incurred
    return {
        "status": state.status.value,
        "stop-reason": state.stop_reason.value if state.stop_reason else "",
        "iterations": str(state.iteration),
        "branch": state.branch,
        "head-sha": state.head_sha,
        "resumed-from": resumed_from,
        "tokens-used": "" if state.tokens_used is None else str(state.tokens_used),
        "cost-usd": "" if dollars is None else str(dollars),
        "resets-at": state.resets_at,
    }
