"""Pure: what the CLIs and the services behind them write, and what it means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ralph_action.agents.trouble import kind_of, resets_in_s
from ralph_action.outcome import ErrorClass

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Invalid API key · Please run /login", ErrorClass.AUTH),
        ("unexpected status 401 Unauthorized", ErrorClass.AUTH),
        ("OAuth token has expired", ErrorClass.AUTH),
        ("Credit balance is too low", ErrorClass.BILLING),
        ("Quota exceeded. Check your plan and billing details.", ErrorClass.BILLING),
        ("You exceeded your current quota, please check your plan", ErrorClass.BILLING),
        ("insufficient_quota", ErrorClass.BILLING),
        ("You've hit your usage limit. Try again at 3:00 PM", ErrorClass.USAGE_LIMIT),
        ("Claude AI usage limit reached|1767225690", ErrorClass.USAGE_LIMIT),
        ("5-hour limit reached ∙ resets 3am", ErrorClass.USAGE_LIMIT),
        ("API Error: 429 rate_limit_error", ErrorClass.RATE_LIMIT),
        ("RESOURCE_EXHAUSTED", ErrorClass.RATE_LIMIT),
        ("API Error: 529 Overloaded", ErrorClass.OVERLOAD),
        ("The server had an error while processing your request", ErrorClass.OVERLOAD),
        ("503 Service Unavailable", ErrorClass.OVERLOAD),
        ("connect ECONNREFUSED 127.0.0.1:1", ErrorClass.NETWORK),
        ("Could not connect to local model provider at http://127.0.0.1:9/v1.", ErrorClass.NETWORK),
        ("stream disconnected before completion", ErrorClass.NETWORK),
        ("getaddrinfo ENOTFOUND api.example", ErrorClass.NETWORK),
        ("model: nope not found", ErrorClass.BAD_CALL),
        ("error: unexpected argument '--full-auto' found", ErrorClass.BAD_CALL),
        ("error: unknown option '--nope'", ErrorClass.BAD_CALL),
        ("Permission denied by policy", ErrorClass.DENIED),
        ("boom", ErrorClass.OTHER),
        ("", ErrorClass.OTHER),
    ],
)
def test_what_an_error_tells(text: str, kind: ErrorClass) -> None:
    assert kind_of(text) is kind


def test_a_status_decides_where_the_words_do_not() -> None:
    assert kind_of("no", 401) is ErrorClass.AUTH
    assert kind_of("no", 418) is ErrorClass.OTHER
    assert kind_of("Credit balance is too low", 400) is ErrorClass.BILLING


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("usage limit reached|1767268890", 90),
        ("Please retry in 26.5s.", 26.5),
        ("Please try again in 1h30m", 5400),
        ("Try again in 2 days 3 hours 4 minutes.", 183_840),
        ("Rate limit reached. Please try again in 20 seconds", 20),
        ("resets at 2026-01-01T13:00:00Z", 3600),
        ("resets 3pm (UTC)", 10_800),
        ("resets 11am", 82_800),
        ("try again at 12:30 pm", 1800),
        ("Too many requests", None),
        ("resets at 2026-99-01T13:00:00Z", None),
        ("resets 3:75pm", None),
    ],
)
def test_when_a_limit_is_over(text: str, seconds: float | None) -> None:
    assert resets_in_s(text, NOW) == seconds
