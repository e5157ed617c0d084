"""What a real run tells the agent: where it stands, whether it was cut off, and whether its files are half-done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.place import Place, kill_tree, state_of

PROMPTS = 'cat > "$HOME/told.$RALPH_ITERATION"'
HANGS = f'{PROMPTS}; echo x >> work.txt; [ "$RALPH_ITERATION" != 2 ] || {{ touch "$HOME/there"; exec sleep 600; }}'
COMMITS = f'{PROMPTS}; [ "$RALPH_ITERATION" != 2 ] || {{ touch "$HOME/there"; exec sleep 600; }}; echo x >> work.txt'


@pytest.mark.parametrize(("first", "is_half"), [(HANGS, True), (COMMITS, False)])
@pytest.mark.parametrize("interval", ["1", "5"])
def test_a_killed_iterations_files_are_told_of(place: Place, first: str, interval: str, *, is_half: bool) -> None:
    """Half-done work is named as such; what an iteration had finished is not, checkpoint or none."""
    work, home = place.clone("one"), Path(place.environment["HOME"])
    process = place.start(work, "--command", first, "--checkpoint-interval", interval)
    place.wait_until((home / "there").exists)
    kill_tree(process)
    code, log = place.run(work, "--command", f"{PROMPTS}; echo y >> work.txt", "--max-iterations", "3")
    assert code == 11, log
    second, third = ((home / f"told.{number}").read_text() for number in (2, 3))
    assert "iteration 2 of at most 3" in second
    assert "was interrupted" in second
    assert ("unfinished work" in second) is is_half
    assert "was interrupted" not in third
    assert "unfinished work" not in third
    assert state_of(work)["iteration"] == 3


def test_nothing_is_told(place: Place) -> None:
    """`context: none` gives the agent the prompt alone."""
    work = place.clone("one")
    place.run(work, "--command", PROMPTS, "--max-iterations", "1", "--context", "none")
    assert Path(place.environment["HOME"], "told.1").read_text() == (work / "PROMPT.md").read_text()
