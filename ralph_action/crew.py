"""The agents of a run: found or installed, asked what they can do, and refused before money is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ralph_action.agents import AUTO, adapter_of
from ralph_action.agents.adapter import Options, Traits
from ralph_action.agents.cli import Cli
from ralph_action.agents.install import Installer
from ralph_action.agents.prices import Prices, known_prices
from ralph_action.errors import AgentError, SettingsError
from ralph_action.ports import Agent
from ralph_action.settings import Settings
from ralph_action.workplace import Workplace


def assemble(
    settings: Settings, place: Workplace, env: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, Agent]:
    """Make the agents in the order of preference.

    Raises:
        AgentError: one is not there, or its version cannot do what is needed.
        SettingsError: a budget is set that an agent cannot be held to.

    """
    installer = Installer(Path(place.agent_home) / ".ralph-agents", place.environment, place.user, say)
    prices = known_prices(settings.prices)
    first = _first(installer, env) if settings.agent == "auto" else settings.agent
    crew: dict[str, Agent] = {}
    for name in dict.fromkeys((first, *settings.fallback_agents)):
        one = adapter_of(name)
        model = settings.model if name == first else ""
        _refuse_unmetered(one.TRAITS, settings, model, prices)
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
    """The first of AUTO that is installed and has its key; else the first that has its key."""
    keyed = [name for name in AUTO if any(env.get(key) for key in adapter_of(name).TRAITS.keys)]
    installed = [name for name in keyed if installer.on_path(adapter_of(name).TRAITS)]
    if not keyed:
        keys = ", ".join(adapter_of(name).TRAITS.keys[0] for name in AUTO)
        raise AgentError(
            "`agent: auto` finds no key of any agent.", remedy=f"Set one of {keys} in `env`, or name the `agent`."
        )
    return (installed or keyed)[0]


def _refuse_unmetered(traits: Traits, settings: Settings, model: str, prices: Prices) -> None:
    problems: list[tuple[str, str]] = []
    if settings.max_tokens is not None and not traits.reports_tokens:
        problems.append(("max-tokens", f"{traits.name} does not report its tokens; use max-runtime or max-iterations."))
    has_price = traits.reports_cost or (traits.reports_tokens and prices.find(model) is not None)
    if settings.max_cost is not None and not has_price:
        remedy = (
            "set `model` to one with a price in `prices` of ralph.yml" if traits.reports_tokens else "use max-runtime"
        )
        problems.append(("max-cost", f"{traits.name} reports no price: {remedy}."))
    if problems:
        raise SettingsError(problems)
