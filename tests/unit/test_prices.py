"""Pure: an estimate where a CLI reports tokens but no price."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ralph_action.agents import adapter_of
from ralph_action.agents.prices import estimated, known_prices
from ralph_action.outcome import Usage
from ralph_action.ports import unseen

USED = Usage(tokens=1_600_000, input_tokens=1_000_000, cached_tokens=500_000, output_tokens=100_000)
MINE = {"mine": {"input": "2", "cached": "1", "output": "10"}}


def test_an_estimate_is_marked_as_one() -> None:
    found = estimated(USED, "mine", known_prices(MINE))
    assert (found.cost_usd, found.is_estimate) == (Decimal("3.5"), True)


def test_a_cost_that_is_reported_is_none() -> None:
    reported = Usage(tokens=1, input_tokens=1, output_tokens=0, cost_usd=Decimal("0.1"))
    assert estimated(reported, "mine", known_prices(MINE)) == reported


def test_an_unknown_price_is_unknown() -> None:
    """And never 0; nor are tokens that were not told apart."""
    assert estimated(USED, "nobody's", known_prices({})).cost_usd is None
    assert estimated(Usage(tokens=5), "mine", known_prices(MINE)).cost_usd is None


def test_the_longest_name_counts() -> None:
    """A date behind a model's name, or a provider before it, changes nothing; the user's own price wins."""
    prices = known_prices({"gpt-5.4-mini": {"input": "1", "cached": "1", "output": "1"}})
    names = ("gpt-5.4", "gpt-5.4-2026-03-01", "openai/gpt-5.4", "gpt-5.4-mini-2026")
    assert [str(price.input) if price else "" for price in map(prices.find, names)] == ["2.5", "2.5", "2.5", "1"]


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("gpt-5.2-pro", "21"),
        ("gpt-5.2-pro-2025-12-11", "21"),
        ("claude-opus-4-8[1m]", "5"),
        ("anthropic/claude-sonnet-4-5-20250929-v1:0", "3"),
        ("models/gemini-2.5-flash-lite-preview-09-2025", "0.1"),
        ("gemini-2.5-flash-001", "0.3"),
        ("gpt-5.2-huge", ""),
        ("gpt-5.25", ""),
        ("", ""),
    ],
)
def test_another_size_is_another_model(model: str, dollars: str) -> None:
    price = known_prices({}).find(model)
    assert (str(price.input) if price else "") == dollars


def test_each_model_has_its_own_price() -> None:
    """A cheap one for the side calls; one that nobody knows makes the sum unknown."""
    prices = known_prices({"cheap": {"input": "1", "cached": "1", "output": "1"}, **MINE})
    parts = {"mine": USED, "cheap-001": Usage(tokens=1_000_000, input_tokens=1_000_000, output_tokens=0)}
    assert estimated(USED, "mine", prices, parts).cost_usd == Decimal("4.5")
    assert estimated(USED, "mine", prices, {**parts, "who": USED}).cost_usd is None


def test_gemini_tells_its_models_apart() -> None:
    """Thoughts are in the total alone, and are paid for as output."""
    row = {"total_tokens": 1_500_000, "input_tokens": 1_000_000, "output_tokens": 100_000, "cached": 0}
    stats = {**row, "models": {"gemini-2.5-pro": row, "gemini-2.5-flash": {"input_tokens": 10, "output_tokens": 0}}}
    stream = adapter_of("gemini").stream(unseen)
    stream.take({"type": "result", "status": "success", "stats": stats})
    found = estimated(stream.usage, "gemini-2.5-pro", known_prices({}), stream.of_models)
    assert found.cost_usd == Decimal("1.25") + 5 + Decimal("0.000003")
    stream.take({"type": "result", "status": "success", "stats": {**row, "models": {"x": 3}}})
    assert estimated(stream.usage, "x", known_prices({}), stream.of_models).cost_usd is None
