"""The artifact's zip: packing `.agent/`, and unpacking what may have been made by anyone."""

from __future__ import annotations

import contextlib
import os
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from ralph_action.disk import disk_error, is_of_the_disk
from ralph_action.durable import step
from ralph_action.errors import StateError

MAX_ENTRIES = 100_000
MAX_TOTAL = 4 * 1024**3
MAX_RATIO = 2000
"""Deflate reaches 1032 at most; more is a crafted size."""
CHUNK = 1024 * 1024


def pack(folder: Path, names: Iterable[str], into: Path, extra: Mapping[str, Path]) -> None:
    """Write a zip of files below `folder`, as `.agent/`, and of extra files; its name comes last."""
    part = into.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6, allowZip64=True) as target:
        for name in names:
            if f".agent/{name}" not in extra:
                with contextlib.suppress(FileNotFoundError):  # the loop has just cleaned it away
                    _add(target, folder / name, f".agent/{name}")
        for name, path in sorted(extra.items()):
            _add(target, path, name)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    with step("rename zip"):
        part.replace(into)


def unpack(zipped: Path, into: Path) -> None:
    """Unpack into a fresh folder.

    Raises:
        StateError: it is damaged, or holds anything but plain files below `into`.
        DiskError: there is no room for it.

    """
    try:
        with zipfile.ZipFile(zipped) as source:
            entries = source.infolist()
            _check(entries)
            for entry in entries:
                if not entry.is_dir():
                    _extract(source, entry, into / entry.filename)
    except StateError:
        raise
    except Exception as problem:  # each decompressor has errors of its own, and all mean the same
        if isinstance(problem, OSError) and is_of_the_disk(problem):
            raise disk_error(problem, into) from problem
        message = f"Invalid checkpoint data: the zip is damaged ({problem})."
        raise StateError(message) from problem


def _check(entries: list[zipfile.ZipInfo]) -> None:
    names: set[str] = set()
    total = 0
    for entry in entries:
        name = entry.filename
        parts = PurePosixPath(name).parts
        kind = stat.S_IFMT(entry.external_attr >> 16)
        total += entry.file_size
        if (
            not parts
            or name.startswith("/")
            or ".." in parts
            or "\\" in name
            or "\0" in name
            or ":" in parts[0]
            or kind not in {0, stat.S_IFREG, stat.S_IFDIR}
            or name in names
            or entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
        ):
            message = f"Invalid checkpoint data: the zip holds {name!r}, which is not taken."
            raise StateError(message)
        names.add(name)
    if len(entries) > MAX_ENTRIES or total > MAX_TOTAL:
        message = f"Invalid checkpoint data: the zip is too large ({len(entries)} files, {total} bytes)."
        raise StateError(message)


def _extract(source: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with source.open(entry) as stream, target.open("xb") as out:
        while chunk := stream.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                message = f"Invalid checkpoint data: {entry.filename!r} is larger than it says."
                raise StateError(message)
            out.write(chunk)


def _add(target: zipfile.ZipFile, path: Path, name: str) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    with path.open("rb") as stream:
        is_large = os.fstat(stream.fileno()).st_size > 2**31
        with target.open(info, "w", force_zip64=is_large) as out:
            while chunk := stream.read(CHUNK):
                out.write(chunk)
