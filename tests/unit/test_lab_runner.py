"""The lab's runner reads what a step says as actions/runner does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.job import MAX_SUMMARY, Files, inputs, read_pairs
from tests.lab.runner import Command, Log


def log_of(*lines: str) -> Log:
    log = Log()
    for line in lines:
        log.feed(line)
    return log


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("::error::no", Command("error", "no")),
        (
            "  ::Warning title=a%3Ab%2Cc,line=3::100%25%0Aof it",
            Command("warning", "100%\nof it", {"title": "a:b,c", "line": "3"}),
        ),
        ("::notice::%250A", Command("notice", "%0A")),
        ("::notice::a%3Ab", Command("notice", "a%3Ab")),
        ("text ##[error title=a%3Bb;line=1]old%5D", Command("error", "old]", {"title": "a;b", "line": "1"})),
        ("::nothing::##[error]x", Command("error", "x")),
        ("text ::error::no", None),
        ("::error no", None),
        ("::unknown::x", None),
        ("# #[error]x", None),
    ],
)
def test_both_forms_of_a_command(line: str, found: Command | None) -> None:
    """The new one at a line's start, the old one anywhere; names in any case."""
    assert log_of(line).annotations == ([found] if found else [])


def test_nothing_is_a_command_while_they_are_stopped() -> None:
    """Until the token comes, in either form; then the next command counts again."""
    log = log_of("::stop-commands::tok3n-1", "::error::1", "##[error]2", "::tok3n::", "::TOK3N-1::", "::error::3")
    assert [item.data for item in log.annotations] == ["3"]
    assert log.lines[1:3] == ["::error::1", "##[error]2"]
    log = log_of("::stop-commands::tok3n-1", "a ##[tok3n-1]", "::error::3")
    assert [item.data for item in log.annotations] == ["3"]


@pytest.mark.parametrize("token", ["", "error", "pause-logging"])
def test_a_token_that_cannot_stop(token: str) -> None:
    """It is refused, and commands go on counting."""
    log = log_of(f"::stop-commands::{token}", "::notice::x")
    assert [item.name for item in log.annotations] == ["error", "notice"]


def test_masks_hide_from_their_line_on() -> None:
    """In lines, annotations and groups, the longest first; the stop token is one too."""
    log = log_of(
        "abc", "::add-mask::ab", "::add-mask::abc", "xabcx ab", "::error::abc", "::group::G", "::stop-commands::1234567"
    )
    assert log.lines == ["abc", "x***x ***", "##[error]***", "##[group]G", "::stop-commands::***"]
    assert (log.annotations, log.groups) == ([Command("error", "***")], ["G"])


def test_outputs_that_were_printed(tmp_path: Path) -> None:
    """`set-output` still counts; the file has the last word."""
    files = Files(tmp_path / "files")
    files.paths["output"].write_text("b=file\n")
    files.read(log_of("::set-output name=a::printed", "::set-output name=b::printed", "::save-state name=s::1"))
    assert (files.outputs, files.state) == ({"a": "printed", "b": "file"}, {"s": "1"})


def test_pairs() -> None:
    """Both forms, the last one wins; CR stays, a value may hold what looks like the other form."""
    data = b"a=1\n\nb<<E\none\n\ntwo=2\nE\nc=x<<y\nd<<=\n=\na=2\ne=\nf<<E\nE\ng=v\r"
    assert read_pairs(data) == {"a": "2", "b": "one\n\ntwo=2", "c": "x<<y", "d": "", "e": "", "f": "", "g": "v\r"}


@pytest.mark.parametrize("data", [b"a\n", b"=1\n", b"<<E\nE\n", b"a<<\n\n", b"a<<E\n1\n", b"a<<E\n1", b"a<<E\n"])
def test_damaged_pairs(data: bytes) -> None:
    """They fail the step."""
    with pytest.raises(ValueError, match="Invalid"):
        read_pairs(data)


@pytest.mark.parametrize(("size", "shown"), [(MAX_SUMMARY, True), (MAX_SUMMARY + 1, False)])
def test_a_summary_beyond_its_limit(tmp_path: Path, size: int, shown: bool) -> None:
    """It is dropped whole, with an error."""
    files, log = Files(tmp_path / "files"), Log()
    files.paths["step_summary"].write_text("x" * size)
    files.read(log)
    assert (len(files.summary), len(log.annotations)) == ((size, 0) if shown else (0, 1))


def test_inputs() -> None:
    """Upper case, spaces as underscores, dashes kept; names in any case; defaults evaluated; unknown ones told."""
    action = {"inputs": {"a-b c": {"default": "1"}, "token": {"default": "${{ github.token }}"}, "None": {}}}
    made, unknown = inputs(action, {"A-B C": "2", "other": "3"}, "t")
    assert made == {"INPUT_A-B_C": "2", "INPUT_TOKEN": "t", "INPUT_NONE": "", "INPUT_OTHER": "3"}
    assert unknown == ["other"]
