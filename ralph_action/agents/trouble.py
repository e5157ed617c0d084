"""Pure: what kind of trouble an error message tells of, and when a limit is over."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ralph_action.outcome import ErrorClass

KIND_OF_STATUS = {
    400: ErrorClass.BAD_CALL,
    401: ErrorClass.AUTH,
    402: ErrorClass.BILLING,
    403: ErrorClass.AUTH,
    404: ErrorClass.BAD_CALL,
    408: ErrorClass.NETWORK,
    429: ErrorClass.RATE_LIMIT,
    500: ErrorClass.OVERLOAD,
    502: ErrorClass.OVERLOAD,
    503: ErrorClass.OVERLOAD,
    504: ErrorClass.OVERLOAD,
    529: ErrorClass.OVERLOAD,
}
"""HTTP statuses of model endpoints; 529 is Anthropic's overload."""
WORDS: dict[ErrorClass, tuple[str, ...]] = {
    ErrorClass.BILLING: (
        r"credit balance|billing|payment required|insufficient[ _](?:credits?|funds|balance|quota)",
        r"quota exceeded.{0,40}(?:plan|billing)|exceeded your current quota",
    ),
    ErrorClass.USAGE_LIMIT: (
        r"(?:usage|session|weekly|5-hour|five-hour|daily) limit|daily quota|hit your limit|premium requests?",
    ),
    ErrorClass.RATE_LIMIT: (r"rate.?limit|too many requests|resource.?exhausted|quota exceeded|\b429\b",),
    ErrorClass.OVERLOAD: (
        r"overloaded|service unavailable|server[_ ]error|server had an error|high demand|at capacity|try again later",
        r"(?<![\w.])(?:500|502|503|504|529)(?![\w.])",
    ),
    ErrorClass.NETWORK: (
        r"econn(?:refused|reset|aborted)|enotfound|etimedout|eai_again|epipe|socket hang up|fetch failed|\bdns\b",
        r"connection (?:error|reset|refused|closed)|network error|could not resolve|timed? ?out",
        r"(?:unable to|could not|cannot) connect|stream disconnected|error sending request",
    ),
    ErrorClass.AUTH: (
        r"\b401\b|unauthori[sz]ed|authenticat|auth method|not logged in|log ?in|invalid (?:api|x-api|bearer)|api.?key",
        r"credentials|token (?:has )?expired",
    ),
    ErrorClass.BAD_CALL: (
        r"(?:unknown|unrecogni[sz]ed|unexpected|invalid) (?:option|argument|flag|model)|no such model|not_found_error",
        r"model.{0,60}(?:not found|not exist|not supported)",
    ),
    ErrorClass.DENIED: (r"permission (?:denied|required)|not permitted|requires approval|forbidden|\b403\b",),
}
"""What the CLIs and the services behind them write, the most telling first."""
UNIT = r"\d+(?:\.\d+)?\s*(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])"
IN_S = re.compile(
    rf"(?:retry|reset|again|wait)\w*\D{{0,30}}?(?:in|after)\s+((?:{UNIT}[\s,]*(?:and\s+)?)+)", re.IGNORECASE
)
AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m|s)", re.IGNORECASE)
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
EPOCH = re.compile(r"(?:reset\w*|\|)\D{0,12}(1[5-9]\d{8}|2\d{9})\b", re.IGNORECASE)
ISO = re.compile(r"\b(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))")
O_CLOCK = re.compile(
    r"(?:reset\w*|again)\s+(?:at\s+)?(\d{1,2})(?::(\d\d))?\s*(am|pm)\b(?:\s*\(?utc\)?)?", re.IGNORECASE
)


def kind_of(text: str, status: int | None = None) -> ErrorClass:
    """Classify an error: the words first, as one status has many meanings, then the status."""
    for kind, words in WORDS.items():
        if re.search("|".join(words), text, re.IGNORECASE):
            return kind
    return KIND_OF_STATUS.get(status, ErrorClass.OTHER) if status is not None else ErrorClass.OTHER


def resets_in_s(text: str, now: datetime) -> float | None:
    """How long until the limit that a message tells of is over; None when it does not say.

    A time of the day is taken as UTC, which is what a runner's clock shows.
    """
    if match := EPOCH.search(text):
        return max(float(match[1]) - now.timestamp(), 0.0)
    if match := ISO.search(text):
        try:
            return max((datetime.fromisoformat(match[1]) - now).total_seconds(), 0.0)
        except ValueError:
            return None
    if match := IN_S.search(text):
        return sum(float(amount) * SECONDS[unit.lower()] for amount, unit in AMOUNT.findall(match[1]))
    if match := O_CLOCK.search(text):
        return _until(int(match[1]) % 12 + (12 if match[3].lower() == "pm" else 0), int(match[2] or 0), now)
    return None


def _until(hour: int, minute: int, now: datetime) -> float | None:
    if minute > 59:  # noqa: PLR2004  an hour
        return None
    moment = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return ((moment if moment > now else moment + timedelta(days=1)) - now).total_seconds()
