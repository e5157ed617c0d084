"""The artifact's zip may have been made by anyone."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ralph_action.checkpoint.archive import MAX_ENTRIES, MAX_TOTAL, pack, unpack
from ralph_action.checkpoint.segments import stamps
from ralph_action.errors import StateError

PARTS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="/\\"), min_size=1, max_size=20)
NAMES = st.lists(PARTS.filter(lambda part: part not in {".", ".."}), min_size=1, max_size=3).map("/".join)


def made(path: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, data in entries:
            target.writestr(name, data)
    return path


def listing(path: Path, entries: Iterable[tuple[str, int, int]]) -> Path:
    """A zip that is nothing but its list: name, size within, size."""
    listed = b"".join(
        struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, 0, within, size, len(name), 0, 0, 0, 0, 0o644 << 16, 0
        )
        + name.encode()
        for name, within, size in entries
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), 0, 0)  # its count is not looked at
    path.write_bytes(listed + end)
    return path


@pytest.mark.parametrize(
    "name",
    ["/etc/x", "//x", "..", "../x", "a/../../x", "a/..", "a\\..\\x", "\\x", "C:x", "C:/x", "", ".", "a\0b"],
    ids=repr,
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """None is taken, and nothing is written at all."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as target:
        target.writestr("fine", b"1")
        target.writestr(info, b"2")
    into = tmp_path / "into"
    if name == "a\0b":  # the reader cuts such a name itself
        unpack(tmp_path / "x.zip", into)
        assert (into / "a").read_bytes() == b"2"
        return
    with pytest.raises(StateError, match="Invalid checkpoint data"):
        unpack(tmp_path / "x.zip", into)
    assert not into.exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK], ids=oct)
def test_what_is_no_file_is_not_taken(tmp_path: Path, kind: int) -> None:
    """A link, a pipe, a device, a socket."""
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as target:
        target.writestr(info, "/etc/passwd")
    with pytest.raises(StateError, match="'link', which is not taken"):
        unpack(tmp_path / "x.zip", tmp_path / "into")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a", "./a"), ("a/b", "a//b"), ("a", "a/b"), ("a/b", "a")])
def test_one_name_twice(tmp_path: Path, one: str, other: str) -> None:
    """As it stands or as it is written otherwise, and a file where a folder has to be."""
    zipped = made(tmp_path / "x.zip", (one, b"1"), (other, b"2"))
    with pytest.raises(StateError, match="Invalid checkpoint data"):
        unpack(zipped, tmp_path / "into")
    assert not (tmp_path / "into" / "a").is_file() or (tmp_path / "into" / "a").read_bytes() == b"1"
    assert one != other or not (tmp_path / "into").exists()  # seen before anything is written


def test_what_lies_there_is_not_overwritten(tmp_path: Path) -> None:
    """Nor is a link followed that somebody left there."""
    into = tmp_path / "into"
    into.mkdir()
    (into / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError):
        unpack(made(tmp_path / "x.zip", ("a", b"1")), into)
    assert not (tmp_path / "elsewhere").exists()


def test_files_are_plain_whatever_the_zip_says(tmp_path: Path) -> None:
    """No bit of a mode is taken over: nothing becomes executable or set-uid."""
    info = zipfile.ZipInfo("a")
    info.external_attr = (stat.S_IFREG | 0o6777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as target:
        target.writestr(info, b"1")
    unpack(tmp_path / "x.zip", tmp_path / "into")
    assert stat.S_IMODE((tmp_path / "into" / "a").stat().st_mode) & 0o7111 == 0


def test_too_many_entries(tmp_path: Path) -> None:
    """Whatever their count says; one at the limit is only found to be empty within."""
    names = [(f"{number:x}", 1, 1) for number in range(MAX_ENTRIES + 1)]
    with pytest.raises(StateError, match=f"too large \\({MAX_ENTRIES + 1} files"):
        unpack(listing(tmp_path / "x.zip", names), tmp_path / "into")
    with pytest.raises(StateError, match="damaged"):
        unpack(listing(tmp_path / "x.zip", names[:-1]), tmp_path / "into")


def test_too_much_in_all(tmp_path: Path) -> None:
    """Each entry for itself is small enough."""
    half = MAX_TOTAL // 2
    with pytest.raises(StateError, match=f"too large \\(3 files, {MAX_TOTAL + 1} bytes"):
        unpack(listing(tmp_path / "x.zip", [("a", half, half), ("b", half, half), ("c", 1, 1)]), tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_an_encrypted_one(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path / "x.zip", ("a", b"1")).read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(StateError, match=r"the zip is damaged .*encrypted"):
        unpack(tmp_path / "x.zip", tmp_path / "into")


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK", b"\x1f\x8b\x08\x00" * 100], ids=repr)
def test_what_is_no_zip(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(StateError, match="the zip is damaged"):
        unpack(tmp_path / "x.zip", tmp_path / "into")


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="the zip is damaged"):
        unpack(tmp_path / "none.zip", tmp_path / "into")


def test_a_bomb(tmp_path: Path) -> None:
    """A size that deflate cannot reach, and one that lies."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("a", b"\0" * 1_000_000)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    central = data.rindex(b"PK\x01\x02")
    for small in (4_000_000_000, 10):
        data[central + 24 : central + 28] = small.to_bytes(4, "little")
        (tmp_path / "bad.zip").write_bytes(data)
        with pytest.raises(StateError):
            unpack(tmp_path / "bad.zip", tmp_path / f"into-{small}")


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1])
def test_a_truncated_one(tmp_path: Path, keep: float) -> None:
    zipped = made(tmp_path / "x.zip", ("a", b"1" * 5000))
    data = zipped.read_bytes()
    zipped.write_bytes(data[: int(keep * len(data)) if 0 < keep < 1 else int(keep)])
    with pytest.raises(StateError, match="the zip is damaged"):
        unpack(zipped, tmp_path / "into")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=3),
)
def test_any_damage_has_one_name(method: int, changes: list[tuple[int, int]]) -> None:
    """A StateError, so that the next older checkpoint is used; never a crash."""
    with tempfile.TemporaryDirectory() as folder:
        zipped = Path(folder) / "x.zip"
        with zipfile.ZipFile(zipped, "w", method) as target:
            target.writestr("a", bytes(range(256)) + b"abc" * 100)
        data = bytearray(zipped.read_bytes())
        for place, change in changes:
            data[place % len(data)] ^= change
        zipped.write_bytes(data)
        with contextlib.suppress(StateError):
            unpack(zipped, Path(folder) / "into")


@settings(max_examples=60, deadline=None)
@given(files=st.dictionaries(NAMES, st.binary(max_size=200), max_size=6))
def test_what_is_packed_comes_out_again(files: dict[str, bytes]) -> None:
    """Any name in any folder; but for our temporary files."""
    with tempfile.TemporaryDirectory() as folder:
        source, into = Path(folder) / "source", Path(folder) / "into"
        source.mkdir()
        kept = {}
        for name, data in files.items():
            with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(data)
                kept[name] = data
        pack(source, sorted(stamps(source)), Path(folder) / "x.zip", {})
        unpack(Path(folder) / "x.zip", into)
        agent = into / ".agent"
        found = {path.relative_to(agent).as_posix(): path for path in agent.rglob("*") if path.is_file()}
        assert {name: path.read_bytes() for name, path in found.items()} == {
            name: data for name, data in kept.items() if not name.endswith(".tmp")
        }


def test_what_is_packed(tmp_path: Path) -> None:
    """Plain files alone: no link, no pipe, no temporary file, none that is to be skipped; the others beside them."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    for name in ("b", "sub/a", "x.tmp", "skipped"):
        (source / name).write_text(name)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s3cr3t")
    (source / "link").symlink_to(tmp_path / "secret" / "key")
    (source / "folder").symlink_to(tmp_path / "secret")
    os.mkfifo(source / "pipe")
    names = sorted(set(stamps(source)) - {"skipped"})
    pack(source, names, tmp_path / "x.zip", {"work.bundle": tmp_path / "secret" / "key"})
    with zipfile.ZipFile(tmp_path / "x.zip") as zipped:
        assert zipped.namelist() == [".agent/b", ".agent/sub/a", "work.bundle"]
        assert zipped.read(".agent/sub/a") == b"sub/a"
    first = (tmp_path / "x.zip").read_bytes()
    pack(source, names, tmp_path / "x.zip", {"work.bundle": tmp_path / "secret" / "key"})
    assert (tmp_path / "x.zip").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "source", "x.zip"]
