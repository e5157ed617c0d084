"""Pure: an estimate where a CLI reports tokens but no price; it is marked as one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from ralph_action.outcome import Usage

MILLION = Decimal(1_000_000)
VERSION = re.compile(r"(?:[-@]v?\d[\d.:-]*|-latest|-preview(?:-[\d-]+)?|\[\w+\])*")
"""A date, a number, or a size of the window: `gpt-5.2-pro` costs twelve times `gpt-5.2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for a million tokens."""

    input: Decimal
    cached: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model. What stands behind a known name may be a version of it, never another size of it."""

    of: Mapping[str, Price] = field(default_factory=dict)

    def find(self, model: str) -> Price | None:
        """The price of a model; None when the table has none."""
        whole = model.lower()
        words = (whole, whole.rpartition("/")[2])
        names = [name for name in self.of if any(_is_version(word, name.lower()) for word in words)]
        return self.of[max(names, key=len)] if names else None


def _is_version(model: str, name: str) -> bool:
    return model.startswith(name) and VERSION.fullmatch(model[len(name) :]) is not None


def known_prices(given: Mapping[str, Mapping[str, str]]) -> Prices:
    """The table that is shipped, with the user's own prices over it."""
    text = Path(__file__).with_name("prices.json").read_text(encoding="utf-8")
    table = {**json.loads(text)["models"], **given}
    return Prices(
        {
            name: Price(**{kind: Decimal(str(row[kind])) for kind in ("input", "cached", "output")})
            for name, row in table.items()
        }
    )


def estimated(usage: Usage, model: str, prices: Prices, of_models: Mapping[str, Usage] | None = None) -> Usage:
    """The usage with a cost worked out, where it has tokens and a known model, and no cost of its own.

    Args:
        usage: all that the call used.
        model: the model that it is of.
        prices: what models cost.
        of_models: what each model used, where the stream tells them apart; one without a price makes the sum unknown.

    """
    if usage.cost_usd is not None or usage.tokens is None:
        return usage
    costs = [_cost(part, prices.find(name)) for name, part in (of_models or {model: usage}).items()]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return usage
    return replace(usage, cost_usd=sum(known, Decimal(0)), is_estimate=True)


def _cost(usage: Usage, price: Price | None) -> Decimal | None:
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    cached = (usage.cached_tokens or 0) * price.cached
    return (usage.input_tokens * price.input + cached + usage.output_tokens * price.output) / MILLION
