"""Say at the end how much was tried: points, schedules, violations."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for report in reports:
        for name, text in report.user_properties:
            if name == "schedules" and report.when == "call":
                terminalreporter.write_line(f"crash harness: {text}")
