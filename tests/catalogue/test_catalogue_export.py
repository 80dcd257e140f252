"""export: the very bytes, nothing outside the folder, every artefact accounted for in the map."""

from __future__ import annotations

import base64
import filecmp
import hashlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from catalogue_kit import write_lines
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forensics.catalogue import export as room
from forensics.catalogue import target_portable
from forensics.catalogue.export import export
from forensics.catalogue.names import LONGEST, candidates
from forensics.catalogue.select import Selection
from forensics.model import display

AWKWARD = [
    b"..", b".", b"", b"a", b"A", b"a~1", b"\xff", b"x" * 255, b"x" * 300, b"CON", b"con.txt", b"a:b", b"n\0l", b"\n",
    b"\\", b"dot.", b"sp ", b"*", "\u00e9".encode(), "e\u0301".encode(), b"\xed\xa0\x80", "\u4e2d".encode() * 90,
    b"%x41",
]  # fmt: skip
component = st.sampled_from(AWKWARD) | st.binary(max_size=12).map(lambda raw: raw.replace(b"/", b"."))
path = st.lists(component, min_size=1, max_size=5).map(b"/".join) | st.binary(max_size=40)
artefact = st.tuples(path, st.none() | st.sampled_from(["s", "..", "a/b", "$DATA"]), st.binary(max_size=3))


def read_map(tree: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tree / "map.jsonl").read_text("ascii").splitlines()]


def files(tree: Path) -> dict[bytes, bytes]:
    """Every regular file below a folder by its path's bytes; anything but files and folders fails."""
    found = {}
    for folder, names, here in os.walk(tree):
        for name in names:
            assert stat.S_ISDIR(os.lstat(os.path.join(folder, name)).st_mode)
        for name in here:
            full = Path(folder, name)
            assert stat.S_ISREG(full.lstat().st_mode)
            found[os.fsencode(full.relative_to(tree))] = full.read_bytes()
    return found


@pytest.mark.parametrize("windows", [False, True])
@given(artefacts=st.lists(artefact, min_size=1, max_size=8))
@example([(b"../../escape", None, b"1"), (b"/etc/passwd", None, b"2"), (b"a", None, b"3"), (b"a/b", None, b"4")])
@example([(b"a/b", None, b"1"), (b"a", None, b"2"), (b"a", None, b"3"), (b"a~1", None, b"4"), (b"a/b", None, b"5")])
@example([(b"map.jsonl", None, b""), (b"x/" * 3000 + b"y", None, b"deep"), (b"f", "../../s", b"stream")])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_hostile_names_stay_inside(windows, artefacts):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        if windows:
            # the logic that Windows uses: names by its rules, paths instead of descriptors
            patch.setattr(room, "Target", target_portable.Target)
        top = Path(name)
        lines = [
            ({"path": display(raw), "stream": None if s is None else display(s.encode())}, data)
            for raw, s, data in artefacts
        ]
        bag = write_lines(top / "bag", lines)
        before = files(bag)
        (top / "in" / "side").mkdir(parents=True)
        tree = top / "in" / "side" / "tree"
        done = export(bag, tree, Selection())
        assert sorted(os.listdir(top)) == ["bag", "in"]
        assert os.listdir(top / "in") == ["side"]
        assert os.listdir(top / "in" / "side") == ["tree"]
        assert files(bag) == before
        found, rows = files(tree), read_map(tree)
        del found[b"map.jsonl"]
        placed = {base64.b64decode(row["exported_raw"]): row for row in rows if row["exported_raw"]}
        assert set(found) == set(placed)
        assert done.files == len(placed)
        assert done.files + done.skipped == len(rows) == len(artefacts)
        for row, (raw, _, data) in zip(rows, artefacts, strict=True):
            assert base64.b64decode(row["raw"]) == raw
            assert row["sha256"] == hashlib.sha256(data).hexdigest()
            if row["exported_raw"]:
                assert found[base64.b64decode(row["exported_raw"])] == data
            else:
                # only where Linux has no name of that kind, for the logic that runs on Windows
                assert windows
        # what a file system holds is there under its own name
        if not windows and len({(raw, s) for raw, s, _ in artefacts}) == len(artefacts) == 1:
            raw, s, _ = artefacts[0]
            parts = raw.split(b"/")
            if s is None and all(p not in (b"", b".", b"..") and b"\0" not in p and len(p) <= 255 for p in parts):
                assert list(found) == [b"s0-v0/" + raw]


@given(component | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"COM\xc2\xb9.tar.gz")
@example(b"aux .x")
@example(b"a. . .")
def test_names_for_windows(name):
    for offered in candidates(name, True):
        text = offered.decode("utf-8", "surrogatepass")
        assert text
        assert text not in (".", "..")
        assert not set(text) & set('<>:"/\\|?*') | {c for c in text if c < " "}
        assert text[-1] not in ". "
        assert len(text.encode("utf-16-le", "surrogatepass")) // 2 <= LONGEST
        stem = text.partition(".")[0].rstrip().upper()
        assert stem not in {"CON", "PRN", "AUX", "NUL", "COM1", "COM\u00b9", "LPT9", "CONIN$", "CONOUT$"}


def test_tree_equals_the_source(bag, planted, tmp_path, run):
    code, (row,) = run("export", bag, "--tree", tmp_path / "t")
    assert (code, row["mismatched"], row["skipped"]) == (0, 0, 2)
    tree = tmp_path / "t" / "s0-v0"
    assert (tree / "suid").stat().st_atime_ns == 1_500_000_000_000_000_001  # before it is read
    names = sorted(
        os.fsencode(p.relative_to(planted)) for p in planted.rglob("*") if p.is_file() and not p.is_symlink()
    )
    assert sorted(path for path in files(tree)) == names
    for name in names:
        one, other = planted / os.fsdecode(name), tree / os.fsdecode(name)
        assert filecmp.cmp(one, other, shallow=False)
        assert other.stat().st_mode & 0o7777 == 0o600
        assert other.stat().st_mtime_ns == one.stat().st_mtime_ns
    assert (tree / "sparse").stat().st_blocks * 512 < 1 << 20
    fifo = next(row for row in read_map(tmp_path / "t") if row["path"] == "fifo")
    assert (fifo["outcome"], fifo["exported"], fifo["reason"]) == ("not-regular", None, "no content")


def test_escapes_are_the_display(tmp_path):
    names = {b"../x": b"\\x2E\\x2E/x", b"./x": b"\\x2E/x", b"a//x": b"a/\\empty/x", b"n\0l": b"n\\u{0}l"}
    bag = write_lines(tmp_path / "bag", [({"path": display(raw)}, b"") for raw in names])
    export(bag, tmp_path / "t", Selection())
    assert set(files(tmp_path / "t")) == {b"map.jsonl"} | {b"s0-v0/" + name for name in names.values()}


def test_filters_and_dry_run(bag, tmp_path, run):
    tree = tmp_path / "t"
    _, (plan,) = run("export", bag, "--tree", tree, "--path", "etc/**", "--dry-run")
    assert (plan["files"], plan["bytes"], tree.exists()) == (1, 11, False)
    _, (row,) = run("export", bag, "--tree", tree, "--path", "etc/**")
    assert {name: row[name] for name in ("files", "bytes", "skipped")} == {"files": 1, "bytes": 11, "skipped": 0}
    assert set(files(tree)) == {b"map.jsonl", b"s0-v0/etc/passwd"}
    assert {row["reason"] for row in read_map(tree)} == {None, "not selected"}


def test_refused_trees(bag, tmp_path, text):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    for tree in (tmp_path / "full", tmp_path / "link", tmp_path / "file", bag / "tree", bag):
        assert text("export", bag, "--tree", tree)[0] == 73
    assert not (bag / "tree").exists()
    (tmp_path / "empty").mkdir()
    assert text("export", bag, "--tree", tmp_path / "empty")[0] == 0


def _object(bag: Path, content: bytes) -> Path:
    name = hashlib.sha256(content).hexdigest()
    return bag / "data" / "objects" / name[:2] / name


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _link(path: Path) -> None:
    same = path.rename(path.with_name("moved"))
    path.symlink_to(same)


def _folder_link(path: Path) -> None:
    moved = path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(moved)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage", [_flip, _grow, lambda p: p.write_bytes(b""), lambda p: p.unlink(), _link, _folder_link, _fifo]
)
def test_a_damaged_content_is_not_left_in_place(bag, tmp_path, run, text, damage):
    copy = tmp_path / "copy"
    shutil.copytree(bag, copy)
    damage(_object(copy, b"#!/bin/sh\n"))
    code, (row,) = run("export", copy, "--tree", tmp_path / "t")
    assert (code, row["mismatched"]) == (65, 1)
    assert not (tmp_path / "t" / "s0-v0" / "suid").exists()
    assert (tmp_path / "t" / "s0-v0" / "etc" / "passwd").exists(), "the others go on"
    reason = next(row["reason"] for row in read_map(tmp_path / "t") if row["path"] == "suid")
    assert "content" in reason or "folder" in reason
    code, _, err = text("show", copy, "--path", "suid", "--content")
    assert code == 65
    assert "seq" in err


def test_extents_are_put_where_they_were(tmp_path, run):
    fields = {"path": "vm.img", "extents": [4096, 3, 1 << 30, 4], "logical_size": 1 << 34}
    bag = write_lines(tmp_path / "bag", [(fields, b"abcdefg"), ({**fields, "extents": [0, 3, 1, 4]}, b"abcdefg")])
    code, (row,) = run("export", bag, "--tree", tmp_path / "t")
    assert (code, row["files"], row["mismatched"]) == (65, 1, 1)
    with (tmp_path / "t" / "s0-v0" / "vm.img").open("rb") as file:
        assert os.fstat(file.fileno()).st_size == 1 << 34
        assert os.fstat(file.fileno()).st_blocks < 100
        file.seek(4096)
        assert file.read(4) == b"abc\0"
        file.seek(1 << 30)
        assert file.read(5) == b"defg\0"


def test_too_large_for_the_target_costs_one_file(tmp_path, run):
    huge = {"path": "huge", "extents": [0, 1], "logical_size": 1 << 53}
    bag = write_lines(tmp_path / "bag", [(huge, b"x"), ({"path": "ok"}, b"ok")])
    code, (row,) = run("export", bag, "--tree", tmp_path / "t")
    assert code == 0
    assert row["files"] + row["skipped"] == 2
    assert (tmp_path / "t" / "s0-v0" / "ok").read_bytes() == b"ok"


def test_full_disk_is_an_error_of_the_target(bag, tmp_path, text, needs):
    needs("linux")
    from forensics.hashing import write

    def full(fd: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "os_write", full)
        code, _, err = text("export", bag, "--tree", tmp_path / "t")
    assert code == 74
    assert "cannot write the tree" in err
    assert "--tree" in err
    assert set(files(tmp_path / "t")) == {b"map.jsonl"}, "the unfinished file is not left in place"
