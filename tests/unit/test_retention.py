"""What goes and what stays of `.agent/`, decided from names and records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ralph_action.checkpoint.retention import Limits, Record, is_over, outdated

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def limits(keep: int, days: int = 0) -> Limits:
    return Limits(keep=keep, days=days, now=NOW)


def stamp(day: int) -> str:
    return f"202603{day:02d}_120000"


def state(day: int) -> str:
    return f"metrics/state_{stamp(day)}.json"


def records(*days: int) -> list[Record]:
    """A valid checkpoint of the iteration with the day's number."""
    return [
        Record(name=f"checkpoints/checkpoint_{n}.json", iteration=n, sequence=n, state_file=state(n), is_valid=True)
        for n in days
    ]


def test_the_newest_of_each_kind_stay() -> None:
    """Two of each are kept; iterations are numbers, not words."""
    days = (8, 9, 10, 11)
    names = [
        *(f"prompts/prompt_{stamp(n)}.md" for n in days),
        *(f"metrics/metrics_{stamp(n)}.json" for n in days),
        *(f"logs/iteration_{n}_1.jsonl" for n in days),
        *(state(n) for n in days),
        *(f"checkpoints/checkpoint_{n}.json" for n in days),
    ]
    gone = outdated(names, records(*days), limits(2))
    left = sorted(set(names) - set(gone))
    assert left == [
        "checkpoints/checkpoint_10.json",
        "checkpoints/checkpoint_11.json",
        "logs/iteration_10_1.jsonl",
        "logs/iteration_11_1.jsonl",
        f"metrics/metrics_{stamp(10)}.json",
        f"metrics/metrics_{stamp(11)}.json",
        state(9),  # the newest three are what a resume here looks at
        state(10),
        state(11),
        f"prompts/prompt_{stamp(10)}.md",
        f"prompts/prompt_{stamp(11)}.md",
    ]


def test_a_kept_record_keeps_its_state() -> None:
    """States are written more often than checkpoints: a record without its state would be worth nothing."""
    days = range(1, 21)
    kept = records(5, 10, 15, 20)
    names = [*(state(n) for n in days), *(record.name for record in kept)]
    left = set(names) - set(outdated(names, kept, limits(4)))
    assert {record.state_file for record in kept} <= left
    assert state(4) not in left


def test_records_go_before_their_states() -> None:
    """A kill on the way leaves no record that names nothing."""
    all_records = records(*range(1, 9))
    names = [*(state(n) for n in range(1, 9)), *(record.name for record in all_records)]
    gone = outdated(names, all_records, limits(2))
    places = [name.partition("/")[0] for name in gone]
    assert places == sorted(places)
    assert set(places) == {"checkpoints", "metrics"}


@pytest.mark.parametrize(("days", "left"), [(5, {26, 27, 28}), (3, {28, 27}), (1, {28, 27}), (0, {1, 26, 27, 28})])
def test_age_is_read_from_the_stamp(days: int, left: set[int]) -> None:
    """Older ones go, but never the last two valid checkpoints, however old."""
    all_records = records(1, 26, 27, 28)
    names = [record.name for record in all_records]
    gone = outdated(names, all_records, limits(50, days))
    assert {record.iteration for record in all_records if record.name not in gone} == left


def test_a_damaged_one_does_not_count_as_valid() -> None:
    """The last two valid ones lie behind it, and stay with their states."""
    three = records(1, 2, 3)
    four = [*three, replace(three[0], name="checkpoints/checkpoint_4.json", iteration=4, state_file="", is_valid=False)]
    names = [*(record.name for record in four), *(state(n) for n in range(1, 12))]
    gone = outdated(names, four, limits(1))
    assert "checkpoints/checkpoint_1.json" in gone
    assert not {"checkpoints/checkpoint_2.json", "checkpoints/checkpoint_3.json", state(2), state(3)} & set(gone)


def test_what_is_on_its_way_stays() -> None:
    """The publisher may be packing an older checkpoint than the last two."""
    all_records = records(*range(1, 9))
    names = [*(record.name for record in all_records), *(state(n) for n in range(1, 9))]
    gone = outdated(names, all_records, limits(1), since=4)
    assert [name for name in gone if name.startswith("checkpoints")] == [
        f"checkpoints/checkpoint_{n}.json" for n in (3, 2, 1)
    ]
    assert state(4) not in gone
    assert state(3) in gone


def test_the_newest_prompt_stays_at_any_age() -> None:
    prompts = [f"prompts/prompt_{stamp(n)}.md" for n in (1, 2, 3)]
    assert set(outdated(prompts, [], limits(50, 1))) == set(prompts[:2])


def test_the_newest_states_stay_without_any_record() -> None:
    """They hold the counters of a task that was killed before its first checkpoint."""
    names = [state(n) for n in range(1, 7)]
    assert set(outdated(names, [], limits(1, 1))) == {state(1), state(2), state(3)}


def test_a_log_that_no_checkpoint_covers_stays() -> None:
    """It is of the iteration at work."""
    names = [f"logs/iteration_{n}_1.jsonl" for n in range(1, 7)]
    assert set(outdated(names, records(4), limits(1))) == set(names[:3])


def test_a_log_is_as_old_as_its_checkpoint() -> None:
    names = [f"logs/iteration_{n}_1.jsonl" for n in (3, 5, 6, 28)]
    assert set(outdated(names, records(5, 28), limits(50, 10))) == set(names[:2])


@pytest.mark.parametrize(
    "name",
    ["notes.md", "metrics/state_old.json", "prompts/prompt_20260301_120000.md.bak", "checkpoints/checkpoint_x.json"],
)
def test_what_is_not_ours_is_never_named(name: str) -> None:
    ours = [state(n) for n in range(1, 9)]
    assert name not in outdated([name, *ours], [], limits(1, 1))


def test_the_cheap_look() -> None:
    """Nothing is read while the names alone say that nothing is over."""
    three = [state(n) for n in (28, 29, 30)]
    assert not is_over(three, limits(3))
    assert is_over(three, limits(2))
    assert is_over(three, limits(3, 2))
    assert not is_over(three, limits(3, 4))
    assert not is_over([f"notes/{n}" for n in range(9)], limits(1))


def test_days_beyond_the_calendar() -> None:
    """A count of days that no date can hold is simply very long."""
    assert not is_over([state(1)], limits(1, 10**12))
