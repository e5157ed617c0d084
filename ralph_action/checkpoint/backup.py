"""The guide's backup: `.agent/` as a tar.gz, which `tar -xzf` unpacks."""

from __future__ import annotations

import contextlib
import os
import secrets
import tarfile
from pathlib import Path

from ralph_action.checkpoint.acting import acting_as
from ralph_action.errors import StateError
from ralph_action.ports import User


def backup(folder: Path, target: Path, user: User | None) -> int:
    """Write `folder` as `.agent/` to `target`, its name last; return how many files went in.

    All of it with the agent's rights, as both lie where the agent writes. Files that vanish meanwhile are left out.

    Raises:
        StateError: there is nothing to back up, or the file cannot be written.

    """
    # Named like the backups themselves: a checkpoint that is taken meanwhile does not commit it.
    part = target.with_name(f"ralph_checkpoints_{secrets.token_hex(4)}.part.tar.gz")
    try:
        with acting_as(user):
            if not folder.is_dir():
                raise StateError(f"There is no {folder} to export.", remedy="Run `ralph run` here first.")
            try:
                count = _write(folder.resolve(), part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    except OSError as problem:
        raise StateError(
            f"{target} cannot be written ({problem.strerror or problem}).",
            remedy="Name another file: `ralph export <file>`.",
        ) from problem
    return count


def _write(folder: Path, part: Path) -> int:
    count = 0
    with part.open("xb") as out:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            for path in (folder, *sorted(folder.rglob("*"))):
                is_plain = path.is_dir() or path.is_file()  # no pipe, socket or device
                if path.name.endswith(".tmp") or not (is_plain or path.is_symlink()):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    count += _add(archive, path, (Path(".agent") / path.relative_to(folder)).as_posix())
        out.flush()
        os.fsync(out.fileno())
    return count


def _add(archive: tarfile.TarFile, path: Path, name: str) -> int:
    """Add one entry; return 1 for a file, whose beginning is taken when it grows meanwhile."""
    facts = archive.gettarinfo(str(path), name)
    if not facts.isreg():
        archive.addfile(facts)
        return 0
    facts.type = tarfile.REGTYPE
    with path.open("rb") as stream:
        facts.size = os.fstat(stream.fileno()).st_size
        archive.addfile(facts, stream)
    return 1
