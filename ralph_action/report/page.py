"""Pure: `.agent/report.html`, one page that needs nothing else, no script, no network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ralph_action.outcome import Iteration
from ralph_action.report.summary import HEADLINE, cost, duration, ending, spent, tokens
from ralph_action.state import TaskState

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1f2328;background:#fff}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.35rem .6rem;border-bottom:1px solid #d1d9e0;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.failed,.timeout{color:#c00}code{background:#f0f1f3;padding:.1rem .3rem;border-radius:4px}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#3d444d}
code{background:#1f2630}.failed,.timeout{color:#ff7b72}}
"""


def page(state: TaskState, homes: Mapping[str, str], *, resumed_from: str = "") -> str:
    """Render the page; whatever the agent said is text in it, never markup."""
    reason = f" ({state.stop_reason.value})" if state.stop_reason else ""
    title = f"Ralph: {HEADLINE[state.status]}{reason}"
    facts = [
        ("task", state.task),
        ("generation", str(state.generation)),
        ("agent", state.agent),
        ("branch", state.branch),
        ("last checkpoint", state.head_sha or "none"),
        ("run", f"{state.run_id}, attempt {state.run_attempt}"),
        ("iterations", str(state.iteration)),
        ("active time", duration(state.active_seconds)),
        ("tokens", tokens(state.tokens_used)),
        ("cost", spent(state)),
        *((f"home: {home}", text) for home, text in homes.items()),
        *([("resumed from", resumed_from)] if resumed_from else []),
    ]
    hidden = state.iteration - len(state.iterations)
    earlier = [f"<tr><td class=n>…</td><td colspan=5>{hidden} earlier</td></tr>"] if hidden > 0 else []
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            "<table>",
            *(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in facts),
            "</table>",
            "<table><tr><th class=n>#</th><th>ended</th><th class=n>time</th><th class=n>tokens</th>"
            "<th class=n>cost</th><th>what the agent said</th></tr>",
            *earlier,
            *(_row(item, state) for item in state.iterations),
            "</table></body></html>",
            "",
        ]
    )


def _row(item: Iteration, state: TaskState) -> str:
    cells = (duration(item.duration_s), tokens(item.tokens), cost(item.cost_usd, is_estimate=item.is_estimate))
    figures = "".join(f"<td class=n>{escape(cell)}</td>" for cell in cells)
    return (
        f'<tr><td class=n>{item.number}</td><td class="{item.ended.value}">{escape(ending(item, state))}</td>{figures}'
        f"<td>{escape(item.summary)}</td></tr>"
    )
