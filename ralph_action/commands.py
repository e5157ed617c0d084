"""The program's commands, each a function from what was given to an exit code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ralph_action.errors import StateError
from ralph_action.github.runner import Runner
from ralph_action.ports import Stop

if TYPE_CHECKING:
    from ralph_action.github.context import Context
    from ralph_action.settings import Settings

SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|CREDENTIAL", re.IGNORECASE)
"""Names whose values are masked in the log: the runner itself knows only the repository's secrets."""
SHORTEST_SECRET = 8

Values = Mapping[str, str | bool]
Command = Callable[[Values, Mapping[str, str], Path, Runner, Stop], int]


def run(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Put the agent in a loop."""
    from ralph_action.github.context import Context
    from ralph_action.run import run as run_task
    from ralph_action.settings import resolve
    from ralph_action.workplace import find_workplace

    for name, value in environ.items():
        if SECRET.search(name) and len(value) >= SHORTEST_SECRET:
            runner.mask(value)
    settings = resolve(values, environ, workspace)
    context = Context.from_environ(environ)
    if settings.named_run and not context.is_actions:
        settings, context = _of_named_run(settings, context, environ, workspace, runner)
    runner.group("Settings")
    for line in settings.lines():
        runner.line(line)
    runner.endgroup()
    place = find_workplace(environ, workspace, settings.task)
    remember(place.home, environ)
    return run_task(settings, context, environ, place, runner, stop)


def resume(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Go on with an unfinished task; an error when there is none."""
    return run({**values, "resume": values.get("run") or "require"}, environ, workspace, runner, stop)


def _of_named_run(
    settings: Settings, context: Context, environ: Mapping[str, str], workspace: Path, runner: Runner
) -> tuple[Settings, Context]:
    from ralph_action import named_run
    from ralph_action.network import proxies_of
    from ralph_action.settings import default_task

    located = named_run.located(context, named_run.origin_of(workspace, environ), environ)
    is_named = settings.task != default_task(environ, workspace)
    return named_run.find(settings, located, proxies_of(environ), is_named=is_named, say=runner.line)


def status(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Say how the task in this workspace stands."""
    del values, environ, stop
    from ralph_action.checkpoint.reading import load
    from ralph_action.report.summary import spent, tokens

    states, refused = load(workspace / ".agent", bare_states=True)
    for why in refused:
        runner.line(f"refused: {why}")
    if not states:
        raise StateError("No valid state in .agent/.", remedy="Run `ralph run` here first.")
    state, checkpoint = states[0]
    runner.line(f"task {state.task}, generation {state.generation}, branch {state.branch}: {state.status.value}")
    runner.line(
        f"iteration {state.iteration}, {tokens(state.tokens_used)} tokens, {spent(state)}, {state.active_seconds:.0f} s"
    )
    if checkpoint is not None:
        stands = ", ".join(f"{home} {text}" for home, text in checkpoint.homes.items())
        runner.line(f"last checkpoint: {checkpoint.commit[:12] or checkpoint.state_file}; homes: {stands}")
    return 0


def demo(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Show a task that is killed in the middle and goes on."""
    del values, workspace, runner, stop
    from ralph_action.demo import demo as show

    return show(environ)


def post(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Finish what a cancelled main stage left (the action's post stage)."""
    del stop
    from ralph_action.post import finish

    return finish(values, environ, workspace, runner)


def remember(home: Path, environ: Mapping[str, str]) -> None:
    """Leave word for the post stage where the run's home is; a new container knows nothing else."""
    if file := environ.get("GITHUB_STATE"):
        with Path(file).open("a", encoding="utf-8") as stream:
            stream.write(f"ralph_home={home}\n")
            stream.flush()
            os.fsync(stream.fileno())


def clean(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Remove what is kept no longer, now."""
    del stop
    from ralph_action import hand

    return hand.clean(values, environ, workspace, runner)


def checkpoints(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """List the checkpoints that this machine has a record of."""
    del stop
    from ralph_action import hand

    return hand.checkpoints(values, environ, workspace, runner)


def validate(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Check every home that can be reached."""
    del stop
    from ralph_action.validate import validate as check

    return check(values, environ, workspace, runner)


def restore(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Bring the work tree back to a checkpoint."""
    del stop
    from ralph_action import hand

    return hand.restore(values, environ, workspace, runner)


def export(values: Values, environ: Mapping[str, str], workspace: Path, runner: Runner, stop: Stop) -> int:
    """Back `.agent/` up."""
    del stop
    from ralph_action import hand

    return hand.export(values, environ, workspace, runner)


COMMANDS: dict[str, Command] = {
    "run": run,
    "resume": resume,
    "status": status,
    "checkpoints": checkpoints,
    "validate": validate,
    "restore": restore,
    "clean": clean,
    "export": export,
    "demo": demo,
    "post": post,
}
