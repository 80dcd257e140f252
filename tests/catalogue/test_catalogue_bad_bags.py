"""Bags that are none, are of the future, or damaged: exit code 65 and a hint, nothing written."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from catalogue_kit import write_lines

LEDGER = "custody/ledger.jsonl"


def commands(bag: Path, tmp_path: Path) -> Iterator[list[object]]:
    yield ["ls", bag]
    yield ["ls", bag, "--gaps"]
    yield ["ls", bag, "--rules"]
    yield ["show", bag, "--path", "a"]
    yield ["show", bag, "--seq", "2"]
    yield ["export", bag, "--tree", tmp_path / "tree"]
    yield ["export", bag, "--tree", tmp_path / "tree", "--dry-run"]
    yield ["catalogue", "rebuild", bag, "--db", tmp_path / "c.db"]


def future(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes().replace(b"sealbag/1.0", b"sealbag/2.0", 1))


def foreign(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes().replace(b"sealbag/1.0", b"other/1.0", 1))


def swap(old: bytes, new: bytes):  # type: ignore[no-untyped-def]
    def change(ledger: Path) -> None:
        data = ledger.read_bytes()
        assert old in data
        ledger.write_bytes(data.replace(old, new, 1))

    return change


def fifo(ledger: Path) -> None:
    ledger.unlink()
    os.mkfifo(ledger)


def folder(ledger: Path) -> None:
    ledger.unlink()
    ledger.mkdir()


DAMAGES = {
    "future": future, "foreign": foreign, "empty": lambda p: p.write_bytes(b""), "gone": lambda p: p.unlink(),
    "fifo": fifo, "folder": folder, "link": lambda p: (p.rename(p.with_name("x")), p.symlink_to("x")),
    "text": lambda p: p.write_bytes(b"no json\n"), "nested": swap(b'"path":"a"', b'"path":{"a":1}'),
    "number": swap(b'"path":"a"', b'"path":7'), "twice": swap(b'"path":"a"', b'"path":"a","path":"a"'),
    "outcome": swap(b'"outcome":"complete",', b""), "digest": swap(b'"sha256":"', b'"sha256":"../../'),
    "size": swap(b'"size":1', b'"size":-1'), "order": swap(b'"seq":1', b'"seq":9'),
    "control": swap(b'"path":"a"', b'"path":"\x1b"'), "long": lambda p: p.write_bytes(b"{" + b" " * (1 << 21)),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(damage, tmp_path, text):
    bag = write_lines(tmp_path / "bag", [({"path": "a"}, b"x")])
    DAMAGES[damage](bag / LEDGER)
    for words in commands(bag, tmp_path):
        code, out, err = text(*words)
        if damage == "order" and words[:1] == ["show"]:
            assert code == 65
        assert code == 65, (words, err)
        assert out == ""
        assert "do:" in err
        if damage == "future":
            assert "sealbag/2.0" in err
            assert "newer" in err
    assert not (tmp_path / "tree").exists()
    assert sorted(os.listdir(tmp_path)) == ["bag"]


def test_no_bag(tmp_path, text):
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").touch()
    for place in ("plain", "file", "none"):
        for words in commands(tmp_path / place, tmp_path):
            code, _, err = text(*words)
            assert (code, "custody/ledger.jsonl" in err) == (65, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"stored": "data/images/../../../outside"}, {"stored": "../outside"}, {"stored": "/etc/passwd"},
        {"parts": ["../../x"]},
        {"parts": ["0" * 64], "part_sizes": [2]}, {"parts": ["0" * 64]}, {"extents": [5, 1, 0, 1]}, {"extents": [1]},
    ],
)  # fmt: skip
def test_contents_that_lead_elsewhere(fields, tmp_path, text):
    line = {"path": "a", "sha256": hashlib.sha256(b"x").hexdigest(), "size": 1, **fields}
    bag = write_lines(tmp_path / "bag", [({"path": "x"}, b"x"), (line, None)])
    (tmp_path / "outside").write_bytes(b"x")
    (bag / "data" / "images").mkdir()
    if "extents" not in fields:
        assert text("show", bag, "--path", "a", "--content")[0] == 65
    assert text("export", bag, "--tree", tmp_path / "t")[0] == 65
    assert os.listdir(tmp_path / "t" / "s0-v0") == ["x"]


def test_torn_tail_and_unsealed_bags_are_read(tmp_path, run):
    bag = write_lines(tmp_path / "bag", [({"path": "a"}, b"x")])
    with (bag / LEDGER).open("ab") as file:
        file.write(b'{"seq":')
    assert [row["path"] for row in run("ls", bag)[1]] == ["a"]


def test_sealed_bag_is_only_read(bag, tmp_path, run):
    copy = shutil.copytree(bag, tmp_path / "copy")
    for folder, names, files in os.walk(copy, topdown=False):
        for name in [*names, *files]:
            os.chmod(os.path.join(folder, name), 0o500 if name in names else 0o400)
    before = sorted((str(p), p.lstat().st_mtime_ns) for p in copy.rglob("*"))
    for words in (["ls", copy], ["show", copy, "--path", "big"], ["export", copy, "--tree", tmp_path / "t"]):
        assert run(*words)[0] == 0
    assert run("catalogue", "rebuild", copy, "--db", tmp_path / "c.db")[0] == 0
    assert before == sorted((str(p), p.lstat().st_mtime_ns) for p in copy.rglob("*"))
