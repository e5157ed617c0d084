"""The agents of a run: found or installed, asked what they can do, and refused before money is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ralph_action.agents import AUTO, adapter_of
from ralph_action.agents.adapter import Options
from ralph_action.agents.briefly import Briefly
from ralph_action.agents.cli import Cli
from ralph_action.agents.install import Installer
from ralph_action.agents.prices import Prices, known_prices
from ralph_action.errors import AgentError, SettingsError
from ralph_action.ports import Agent, Stop
from ralph_action.settings import Settings
from ralph_action.workplace import Workplace


def assemble(
    settings: Settings, place: Workplace, env: Mapping[str, str], say: Callable[[str], None], stop: Stop
) -> dict[str, Agent]:
    """Make the agents in the order of preference; when the run is told to end, they are not to be called.

    Raises:
        AgentError: one is not there, or its version cannot do what is needed.
        SettingsError: a budget is set that an agent cannot be held to.

    """
    briefly = Briefly(environment=place.environment, user=place.user, stop=stop)
    installer = Installer(Path(place.agent_home) / ".ralph-agents", briefly, say)
    prices = known_prices(settings.prices)
    first = _first(installer, env) if settings.agent == "auto" else settings.agent
    names = tuple(dict.fromkeys((first, *settings.fallback_agents)))
    _refuse_unmetered(names, settings, prices)
    crew: dict[str, Agent] = {}
    for name in names:
        one = adapter_of(name)
        model = settings.model if name == first else ""
        is_ours = name in {"demo", "command", "acp"}
        version = settings.agent_version if name == first else ""
        executable = one.TRAITS.executable if is_ours else installer.find(one.TRAITS, version)
        options = Options(
            executable=executable,
            model=model,
            args=settings.agent_args if name == first else (),
            command=settings.command,
            lacks=frozenset() if is_ours else installer.lacks(one.TRAITS, executable),
        )
        crew[name] = Cli(one, options, prices)
    return crew


def variables(name: str) -> tuple[str, ...]:
    """The names of the variables that an agent gets of ralph's own environment."""
    traits = adapter_of(name).TRAITS
    return (*traits.keys, *traits.passes)


def _first(installer: Installer, env: Mapping[str, str]) -> str:
    """The first of AUTO that is installed and has its key; else the first that has its key and can be installed."""
    keyed = [name for name in AUTO if any(env.get(key) for key in adapter_of(name).TRAITS.keys)]
    installed = [name for name in keyed if installer.on_path(adapter_of(name).TRAITS)]
    packaged = [name for name in keyed if adapter_of(name).TRAITS.package]
    if not keyed:
        keys = ", ".join(adapter_of(name).TRAITS.keys[0] for name in AUTO)
        raise AgentError(
            "`agent: auto` finds no key of any agent.", remedy=f"Set one of {keys} in `env`, or name the `agent`."
        )
    return (installed or packaged or keyed)[0]


def _refuse_unmetered(names: Sequence[str], settings: Settings, prices: Prices) -> None:
    """Say of all agents at once, before one of them is installed, which budgets they cannot be held to."""
    problems: list[tuple[str, str]] = []
    for name in names:
        traits, is_first = adapter_of(name).TRAITS, name == names[0]
        if settings.max_tokens is not None and not traits.reports_tokens:
            problems.append(("max-tokens", f"{name} does not report its tokens; {_instead(is_first=is_first)}."))
        has_price = traits.reports_tokens and is_first and prices.find(settings.model) is not None
        if settings.max_cost is not None and not traits.reports_cost and not has_price:
            can_have = traits.reports_tokens and is_first
            remedy = "set `model` to one with a price in `prices` of ralph.yml" if can_have else ""
            problems.append(("max-cost", f"{name} reports no price: {remedy or _instead(is_first=is_first)}."))
    if problems:
        raise SettingsError(problems)


def _instead(*, is_first: bool) -> str:
    # `model` is the first agent's alone, so nothing can give another one a price.
    return "use max-runtime or max-iterations" if is_first else "leave it out of `fallback-agents`"
