"""Pure: an estimate where a CLI reports tokens but no price; it is marked as one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib import resources

from ralph_action.outcome import Usage

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for a million tokens."""

    input: Decimal
    cached: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model; the longest name that a model's begins with counts."""

    of: Mapping[str, Price] = field(default_factory=dict)

    def find(self, model: str) -> Price | None:
        """The price of a model; None when the table has none."""
        bare = model.rpartition("/")[2].lower()
        names = [name for name in self.of if bare.startswith(name.lower()) or model.lower() == name.lower()]
        return self.of[max(names, key=len)] if names else None


def known_prices(given: Mapping[str, Mapping[str, str]]) -> Prices:
    """The table that is shipped, with the user's own prices over it."""
    text = resources.files("ralph_action.agents").joinpath("prices.json").read_text(encoding="utf-8")
    table = {**json.loads(text)["models"], **given}
    return Prices(
        {
            name: Price(**{kind: Decimal(str(row[kind])) for kind in ("input", "cached", "output")})
            for name, row in table.items()
        }
    )


def estimated(usage: Usage, model: str, prices: Prices) -> Usage:
    """The usage with a cost worked out, where it has tokens and a known model, and no cost of its own."""
    if usage.cost_usd is not None or usage.input_tokens is None or usage.output_tokens is None:
        return usage
    price = prices.find(model)
    if price is None:
        return usage
    cached = usage.cached_tokens or 0
    cost = usage.input_tokens * price.input + cached * price.cached + usage.output_tokens * price.output
    return replace(usage, cost_usd=cost / MILLION, is_estimate=True)
