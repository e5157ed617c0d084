"""Pure: the documents of `.agent/`; those that are read may be damaged, older, newer or written by anyone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ralph_action.errors import StateError
from ralph_action.outcome import Ended, Iteration
from ralph_action.state import Checkpoint, Status, StopReason, TaskState

SCHEMA = "ralph-state/1"
SCHEMA_MAJOR = 1
"""The newest major schema that is read here."""


def state_document(state: TaskState) -> dict[str, Any]:
    """The document of `.agent/metrics/state_*.json`."""
    return {
        "schema": SCHEMA,
        "task": state.task,
        "generation": state.generation,
        "iteration": state.iteration,
        "sequence": state.sequence,
        "agent": state.agent,
        "start_time": state.start_time,
        "updated": state.updated,
        "tokens_used": state.tokens_used,
        "cost_incurred": None if state.cost_incurred is None else float(state.cost_incurred),
        "tokens_known": state.tokens_known,
        "unmetered_iterations": state.unmetered_iterations,
        "cost_known": str(state.cost_known),
        "unpriced_iterations": state.unpriced_iterations,
        "active_seconds": round(state.active_seconds, 3),
        "failures": state.failures,
        "estimated_iterations": state.estimated_iterations,
        "stagnant": state.stagnant,
        "progress": state.progress,
        "verify_failure": state.verify_failure,
        "resets_at": state.resets_at,
        "status": state.status.value,
        "stop_reason": state.stop_reason.value if state.stop_reason else None,
        "branch": state.branch,
        "base_sha": state.base_sha,
        "head_sha": state.head_sha,
        "prompt_sha256": state.prompt_sha256,
        "run_id": state.run_id,
        "run_attempt": state.run_attempt,
        "runs": list(state.runs),
        "session_id": state.session_id,
        "promised": state.promised,
        "iterations": [done.to_json() for done in state.iterations],
    }


def read_state(document: object) -> TaskState:
    """Turn a state document into a record.

    Unknown fields are ignored.

    Raises:
        StateError: the document is damaged, or of a newer major schema.
    """
    fields = _checked(document, "ralph-state", "state")
    try:
        return TaskState(
            task=str(fields["task"]),
            agent=str(fields["agent"]),
            branch=str(fields["branch"]),
            start_time=str(fields["start_time"]),
            generation=int(fields.get("generation", 1)),
            iteration=_count(fields["iteration"]),
            sequence=_count(fields.get("sequence", 0)),
            status=Status(fields["status"]),
            stop_reason=StopReason(fields["stop_reason"]) if fields.get("stop_reason") else None,
            tokens_known=_count(fields.get("tokens_known", fields.get("tokens_used") or 0)),
            unmetered_iterations=_count(fields.get("unmetered_iterations", 0)),
            cost_known=Decimal(str(fields.get("cost_known", fields.get("cost_incurred") or 0))),
            unpriced_iterations=_count(fields.get("unpriced_iterations", 0)),
            active_seconds=float(fields.get("active_seconds", 0)),
            failures=_count(fields.get("failures", 0)),
            estimated_iterations=_count(fields.get("estimated_iterations", 0)),
            stagnant=_count(fields.get("stagnant", 0)),
            progress=str(fields.get("progress", "")),
            verify_failure=str(fields.get("verify_failure", "")),
            resets_at=str(fields.get("resets_at", "")),
            base_sha=str(fields.get("base_sha", "")),
            head_sha=str(fields.get("head_sha", "")),
            prompt_sha256=str(fields.get("prompt_sha256", "")),
            run_id=str(fields.get("run_id", "")),
            run_attempt=int(fields.get("run_attempt", 1)),
            runs=tuple(str(run) for run in fields.get("runs", [])),
            session_id=str(fields.get("session_id", "")),
            promised=fields.get("promised") is True,
            updated=str(fields.get("updated", "")),
            iterations=tuple(_read_iteration(item) for item in fields.get("iterations", [])),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as problem:
        message = f"Invalid checkpoint data: the state is damaged ({type(problem).__name__}: {problem})."
        raise StateError(message) from problem


def read_checkpoint(document: object) -> Checkpoint:
    """Turn a checkpoint document into a record. Raises StateError as `read_state` does."""
    fields = _checked(document, "ralph-checkpoint", "checkpoint record")
    try:
        return Checkpoint(
            iteration=_count(fields["iteration"]),
            sequence=_count(fields["sequence"]),
            branch=str(fields["branch"]),
            commit=str(fields["commit"]),
            state_file=str(fields["state_file"]),
            digest=str(fields["digest"]),
            homes={str(home): str(text) for home, text in dict(fields.get("homes", {})).items()},
            time=str(fields.get("time", "")),
            withheld=tuple(str(name) for name in fields.get("withheld", ())),
            wip=str(fields.get("wip", "")),
        )
    except (KeyError, TypeError, ValueError) as problem:
        message = f"Invalid checkpoint data: the checkpoint record is damaged ({problem})."
        raise StateError(message) from problem


def _checked(document: object, kind: str, what: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        message = f"Invalid checkpoint data: the {what} is not a JSON object."
        raise StateError(message)
    name, _, major = str(document.get("schema", "")).partition("/")
    if name != kind or not major.isdigit():
        message = f"Invalid checkpoint data: the {what} names no schema that is known here."
        raise StateError(message)
    if int(major) > SCHEMA_MAJOR:
        raise StateError(
            f"The {what} has schema {kind}/{major}; this version reads up to {kind}/{SCHEMA_MAJOR}.",
            remedy="Use a newer ralph-action, or start anew with `resume: never`.",
        )
    return document


def _read_iteration(fields: dict[str, Any]) -> Iteration:
    cost = fields.get("cost_usd")
    tokens = fields.get("tokens")
    return Iteration(
        number=_count(fields["number"]),
        ended=Ended(fields["ended"]),
        duration_s=float(fields["duration_s"]),
        tokens=None if tokens is None else _count(tokens),
        cost_usd=None if cost is None else Decimal(str(cost)),
        summary=str(fields.get("summary", "")),
        started=str(fields.get("started", "")),
        agent=str(fields.get("agent", "")),
        is_estimate=fields.get("is_estimate") is True,
    )


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"{value!r} is no count"
        raise ValueError(message)
    return value
