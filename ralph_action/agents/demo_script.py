"""What the demo agent does in one iteration: one step of a small real task, then the task's own tests.

The steps are scripted; the files, the tests and their results are real.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

TESTS = """import unittest

from wordcount import count


class CountTest(unittest.TestCase):
    def test_lines(self):
        self.assertEqual(count("a\\nb\\n").lines, 2)

    def test_words(self):
        self.assertEqual(count("one  two\\nthree").words, 3)

    def test_characters(self):
        self.assertEqual(count("h\\u00e9llo").characters, 5)

    def test_empty(self):
        self.assertEqual(count(""), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
"""
START = '''"""Count lines, words and characters."""

from collections import namedtuple

Count = namedtuple("Count", "lines words characters")


def count(text):
    return Count(LINES, WORDS, CHARACTERS)
'''
STEPS = (
    ("-1", "-1", "-1"),
    ("text.count('\\n')", "-1", "-1"),
    ("text.count('\\n')", "len(text.split(' '))", "-1"),
    ("text.count('\\n')", "len(text.split(' '))", "len(text)"),
    ("text.count('\\n')", "len(text.split())", "len(text)"),
)
"""Each step as the program's three expressions; the third has a bug that the last one mends."""
SAID = (
    "I write the tests first, and a program that fails them all.",
    "Now it counts lines.",
    "Now words. Splitting at single spaces: a test will tell.",
    "Characters are easy.",
    "Two spaces in a row gave an empty word; split() without an argument mends it.",
)


def program(step: int) -> str:
    """The program as it stands after a step."""
    text = START
    for name, expression in zip(("LINES", "WORDS", "CHARACTERS"), STEPS[step], strict=True):
        text = text.replace(name, expression)
    return text


def present_step() -> int:
    """Which step the work tree shows; -1 before the first."""
    source = Path("wordcount.py")
    now = source.read_text() if source.exists() else ""
    return max((number for number in range(len(STEPS)) if program(number) == now), default=-1)


def main() -> int:
    """Do the next step; say the promise when every test passes."""
    promise = [line.strip() for line in sys.stdin.read().splitlines() if line.strip()][-1:]
    step = min(present_step() + 1, len(STEPS) - 1)
    print(SAID[step], flush=True)
    time.sleep(0.6)  # a model would think here
    if step == 0:
        Path("test_wordcount.py").write_text(TESTS)
    Path("wordcount.py").write_text(program(step))
    time.sleep(0.6)
    command = [sys.executable, "-B", "-m", "unittest", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    failures = done.stderr.count("\nFAIL: ") + done.stderr.startswith("FAIL: ")
    print("All 4 tests pass." if done.returncode == 0 else f"{failures or 'Some'} of 4 tests fail.")
    print("demo-usage: " + json.dumps({"tokens": 1200 + 150 * step, "cost_usd": "0.0125"}))
    if done.returncode == 0:
        print(*promise)
    return 0


if __name__ == "__main__":
    sys.exit(main())
