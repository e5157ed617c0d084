"""Write the price table from litellm's: `python docs/prices.py TABLE VERSION DATE`.

TABLE is `litellm/model_prices_and_context_window_backup.json` of that version's package, DATE the day that it came out.
"""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

PRICES = Path(__file__).resolve().parent.parent / "ralph_action" / "agents" / "prices.json"
WANTED = re.compile(
    r"(?:gemini/|dashscope/)?(gpt-5[\w.-]*|codex-[\w.-]+|gemini-[\d.]+-[\w.-]+|claude-[\w.-]+|qwen[\d-][\w.-]*)"
)
DATED = re.compile(r"-\d{4}-?\d\d-?\d\d$|-\d\d-\d{4}$|-\d\d-\d\d$|audio|tts|live|image|computer-use|search|-vl-")
"""A date behind a name changes no price; the others are not for coding."""
FIELDS = {"input": "input_cost_per_token", "cached": "cache_read_input_token_cost", "output": "output_cost_per_token"}
MILLION = 1_000_000


def row(model: dict[str, Any]) -> dict[str, str] | None:
    """The three prices of a model; None when one that counts is missing. Cached tokens cost all without one."""
    dollars = {kind: model.get(name) for kind, name in FIELDS.items()}
    if not dollars["input"] or not dollars["output"]:
        return None
    dollars["cached"] = dollars["input"] if dollars["cached"] is None else dollars["cached"]
    return {kind: f"{(Decimal(str(each)) * MILLION).normalize():f}" for kind, each in dollars.items()}


def table(theirs: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The models that a coding agent may use, by the name that its CLI gives them."""
    found = {}
    for name, model in sorted(theirs.items()):
        match = WANTED.fullmatch(name)
        if match and not DATED.search(name) and model.get("mode") in {"chat", "responses"} and (prices := row(model)):
            found[match[1]] = prices
    return found


def main(path: str, version: str, date: str) -> None:
    """Write the file, one model a line."""
    models = table(json.loads(Path(path).read_text()))
    facts = {
        "schema": "ralph-prices/1",
        "unit": "USD for a million tokens, of prompts below the size at which some models cost more",
        "date": date,
        "source": f"the price table of litellm {version}",
    }
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(prices)}" for name, prices in models.items())
    PRICES.write_text(json.dumps(facts, indent=2)[:-2] + ',\n  "models": {\n' + lines + "\n  }\n}\n")
    print(f"wrote {PRICES.name}: {len(models)} models")


if __name__ == "__main__":
    main(*sys.argv[1:])
