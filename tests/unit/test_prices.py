"""Pure: an estimate where a CLI reports tokens but no price."""

from __future__ import annotations

from decimal import Decimal

from ralph_action.agents.prices import estimated, known_prices
from ralph_action.outcome import Usage

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
