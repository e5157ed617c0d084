"""The command line, built from the table of inputs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ralph_action import __version__
from ralph_action.errors import SettingsError
from ralph_action.inputs import INPUTS

COMMANDS = {
    "run": "put the agent in a loop (the default)",
    "resume": "go on with an unfinished task; an error when there is none",
    "status": "say how the task in this workspace stands",
    "checkpoints": "list the checkpoints that this machine has a record of",
    "validate": "check every home that can be reached; exit code 3 when something is damaged",
    "restore": "bring the files back to a checkpoint: ralph restore <iteration or commit>",
    "clean": "remove what keep-checkpoints and keep-days keep no longer",
    "export": "back .agent/ up: ralph export [file]",
    "demo": "show a task that is killed in the middle and goes on; needs no key",
    "post": "finish what a cancelled run left (the action's post stage)",
}
TAKING = ("restore", "export")
"""The commands that take one more word."""
FILE_ENDINGS = (".md", ".txt", ".markdown")


@dataclass(frozen=True, slots=True)
class Command:
    """What the command line says."""

    name: str
    values: dict[str, str | bool]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError([("", f"{message}. `ralph --help` lists the flags.")])


def parser() -> argparse.ArgumentParser:
    """The parser, also for the README's and the contract's sake."""
    top = _Parser(
        prog="ralph",
        description="Put a coding agent in a loop, in CI or on your own machine, and never lose its work.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n" + "\n".join(f"  {name:11} {text}" for name, text in COMMANDS.items()),
        allow_abbrev=False,
    )
    top.add_argument("name", nargs="?", choices=sorted(COMMANDS), default="run", metavar="command", help="see below")
    top.add_argument("argument", nargs="?", help="for restore: an iteration or a commit; for export: a file")
    top.add_argument("--version", action="version", version=f"ralph {__version__}")
    top.add_argument("--verbose", "-v", action="store_true", default=None, help="show the agent's output as it comes")
    top.add_argument("--run", metavar="id", help="for resume: the workflow run to go on from, here too")
    groups = {row.group: top.add_argument_group(row.group) for row in INPUTS}
    for row in INPUTS:
        text = row.help.replace("%", "%%") + (f" ({row.default})" if row.default else "")
        if row.kind == "switch":
            action = argparse.BooleanOptionalAction
            groups[row.group].add_argument(f"--{row.name}", dest=row.name, action=action, default=None, help=text)
        else:
            metavar = row.kind if not row.choices else "|".join(row.choices)
            groups[row.group].add_argument(f"--{row.name}", dest=row.name, metavar=metavar, help=text)
    return top


def parse(argv: Sequence[str], folder: Path | None = None) -> Command:
    """Read the command line. `--prompt` takes a text or, as in the guide, a file.

    Raises:
        SettingsError: a flag is unknown or lacks its value.

    """
    top = parser()
    found = vars(top.parse_intermixed_args(list(argv)))
    name = found.pop("name")
    if found["argument"] is not None and name not in TAKING:
        top.error(f"unrecognized arguments: {found['argument']}")
    if found["run"] is not None and name != "resume":
        top.error("--run belongs to `ralph resume`")
    values: dict[str, str | bool] = {key: value for key, value in found.items() if value is not None}
    prompt = values.get("prompt")
    if isinstance(prompt, str) and "\n" not in prompt and _is_file_name(prompt, folder or Path.cwd()):
        values["prompt-file"] = values.pop("prompt")
    return Command(name, values)


def _is_file_name(text: str, folder: Path) -> bool:
    if " " not in text and text.endswith(FILE_ENDINGS):
        return True
    try:
        return (folder / text).is_file()
    except (OSError, ValueError):
        return False
