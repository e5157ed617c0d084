"""docs/reliability.md says what the tests prove."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def faults() -> ModuleType:
    spec = importlib.util.spec_from_file_location("faults", ROOT / "docs" / "faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["faults"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_page_is_generated() -> None:
    """`python docs/faults.py` changes nothing."""
    made = faults()
    text = made.PAGE.read_text()
    assert text == made.page(text)


def test_a_row_is_said_once() -> None:
    every = faults().rows()
    names = [(row.area, row.fault) for row in every]
    assert len(names) == len(set(names))
    assert all(row.fault and row.becomes for row in every)
