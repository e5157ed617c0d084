"""action.yml, the settings, the CLI and the README say the same words."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import yaml

from ralph_action.cli import parser
from ralph_action.inputs import INPUTS, OUTPUTS
from ralph_action.report.terminal import outputs_of
from ralph_action.settings import Settings
from tests.unit.records import new_state

ROOT = Path(__file__).resolve().parents[2]


def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_action_yml_and_readme_are_generated() -> None:
    """`python docs/tables.py` changes nothing."""
    made = tables()
    assert (ROOT / "action.yml").read_text() == made.action()
    text = (ROOT / "README.md").read_text()
    assert text == made.readme(text)


def test_every_word_is_everywhere() -> None:
    """Inputs in action.yml, fields in Settings, flags in the CLI: no more, no less."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    names = [row.name for row in INPUTS]
    assert list(action["inputs"]) == names
    assert [field.name for field in fields(Settings)] == [*(row.field for row in INPUTS), "verbose", "prices"]
    flags = {flag.removeprefix("--") for flag in parser()._option_string_actions if flag.startswith("--")}
    switches = {f"no-{row.name}" for row in INPUTS if row.kind == "switch"}
    assert flags == set(names) | switches | {"help", "version", "verbose", "run"}


def test_every_output_is_set() -> None:
    """The declared outputs are those of the state, of the artifact, and the whole as json."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert list(action["outputs"]) == list(OUTPUTS)
    artifact = {"artifact-name", "artifact-id", "artifact-url"}
    assert set(OUTPUTS) == set(outputs_of(new_state(), "")) | artifact | {"json"}


def test_action_yml_decides_nothing() -> None:
    """A default there would reach us as if the user had written it: no ralph.yml would ever count."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = {name: facts["default"] for name, facts in action["inputs"].items()}
    assert given.pop("github-token") == "${{ github.token }}"
    assert set(given.values()) == {""}
