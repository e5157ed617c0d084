"""docs/reliability.md and docs/agents.md say what the tests prove."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ralph_action import agents
from tests.real import setups

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["faults", "conformance"])
def test_the_page_is_generated(name: str) -> None:
    """`python docs/<name>.py` changes nothing."""
    made = script(name)
    text = made.PAGE.read_text()
    assert text == made.page(text)


def test_each_play_is_a_test() -> None:
    """The page's rows are what the real CLIs are run with; those that are seen running are on it."""
    played = {"edit", "hang", "midstream", "after", "garbage", *setups.ENDS, *setups.PASSES}
    assert set(script("conformance").PLAYS) == played
    assert all(set(setup.without) <= played for setup in setups.SETUPS.values())
    seen = {name for name in agents.NAMES if agents.adapter_of(name).TRAITS.seen}
    assert set(setups.SETUPS) == seen - {"acp"}


def test_a_row_is_said_once() -> None:
    every = script("faults").rows()
    names = [(row.area, row.fault) for row in every]
    assert len(names) == len(set(names))
    assert all(row.fault and row.becomes for row in every)
