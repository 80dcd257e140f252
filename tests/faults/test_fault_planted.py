"""A planted tree, taken whole: everything is in the bag or its outcome is stated."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fault_tools import artefacts, check_acknowledged, code, take

from forensics.model import display
from forensics.source.times import rfc3339

pytestmark = pytest.mark.needs("linux")

LONG = b"n" * 255
NEWLINE = b"new\nline \xe2\x80\xae\\"
NOT_UTF8 = b"\xff\xfe\x80"
GIB = 1 << 30


@dataclass(frozen=True)
class Planted:
    root: bytes
    status: dict[bytes, os.stat_result]
    lines: dict[str, dict[str, Any]]
    bag: Path
    immutable: bool
    xattrs: bool


def plant_files(root: bytes) -> None:
    files = {
        b"etc/cron.d/job": b"* * * * * root /tmp/x\n", b"etc/systemd/system/evil.timer": b"[Timer]\nOnBootSec=1\n",
        LONG: b"long", NEWLINE: b"newline", NOT_UTF8: b"not utf-8", b"empty": b"", b"empty-2": b"",
        b"suid": b"#!/bin/sh\n", b"one": b"two names", b"fixed": b"immutable", b"deep/" + b"/".join([b"d" * 200] * 6)
        + b"/bottom": b"deep",
    }  # fmt: skip
    for name, content in files.items():
        path = Path(os.fsdecode(root + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.chmod(root + b"/suid", 0o4755)
    os.link(root + b"/one", root + b"/two")
    os.utime(root + b"/one", ns=(1, 1_234_567_890_123_456_789))
    with Path(os.fsdecode(root + b"/sparse.log")).open("wb") as log:
        log.write(b"first line\n")
        log.seek(GIB - 12)
        log.write(b"last line  \n")


def plant_others(root: bytes, beside: Path) -> None:
    os.mkfifo(root + b"/fifo")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(beside / "s"))
    os.rename(beside / "s", root + b"/socket")
    os.symlink(b"..", root + b"/deep/up")
    os.symlink(b"itself", root + b"/itself")
    os.symlink(NOT_UTF8, root + b"/link")


def try_xattrs(path: bytes) -> bool:
    try:
        os.setxattr(path, b"user.note", b"\0\xffvalue")
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    root = os.fsencode(folder / "tree")
    os.mkdir(root)
    plant_files(root)
    plant_others(root, folder)
    xattrs = try_xattrs(root + b"/one")
    fixed = root + b"/fixed"
    immutable = os.geteuid() == 0 and subprocess.run(["chattr", "+i", fixed], capture_output=True).returncode == 0
    status: dict[bytes, os.stat_result] = {}
    for parent, folders, files in os.walk(root):
        for name in folders + files:
            path = parent + b"/" + name
            if name not in folders or os.path.islink(path):
                status[path[len(root) + 1 :]] = os.lstat(path)
    try:
        bag = take(folder / "tree", folder / "bag")
        yield Planted(root, status, artefacts(bag.path), bag.path, immutable, xattrs)
    finally:
        if immutable:
            subprocess.run(["chattr", "-i", fixed], check=True)


def test_everything_is_collected_or_stated(planted: Planted) -> None:
    assert code(planted.bag) == "VALID"
    assert set(planted.lines) == {display(name) for name in planted.status}
    stated = {path: line["outcome"] for path, line in planted.lines.items() if line["outcome"] != "complete"}
    kinds = {"fifo": "fifo", "socket": "socket", "deep/up": "link", "itself": "link", "link": "link"}
    assert stated == dict.fromkeys(kinds, "not-regular")
    assert {path: planted.lines[path]["code"] for path in kinds} == kinds
    assert {path: planted.lines[path].get("target") for path in ("deep/up", "itself", "link")} == {
        "deep/up": "..", "itself": "itself", "link": r"\xff\xfe\x80".replace("f", "F").replace("e", "E"),
    }  # fmt: skip


def test_contents_are_those_of_the_files(planted: Planted) -> None:
    for name in planted.status:
        line = planted.lines[display(name)]
        if line["outcome"] == "complete" and name != b"sparse.log":
            with open(planted.root + b"/" + name, "rb") as file:  # noqa: PTH123  a name that is no text
                assert line["sha256"] == hashlib.sha256(file.read()).hexdigest(), name
    assert check_acknowledged(planted.bag) == len(planted.lines) - 5 + 1


def test_a_second_name_says_so(planted: Planted) -> None:
    one, two = planted.lines["one"], planted.lines["two"]
    first, second = (one, two) if "same_as" in two else (two, one)
    assert second["same_as"] == first["seq"] and "same_as" not in first
    assert (first["sha256"], first["address"], first["nlink"]) == (second["sha256"], second["address"], 2)


def test_mode_owner_times_and_attributes(planted: Planted) -> None:
    for name, status in planted.status.items():
        line = planted.lines[display(name)]
        assert line["mode"] == status.st_mode, name
        assert line["owner"] == f"{status.st_uid}:{status.st_gid}"
        assert (line["m"], line["c"]) == (rfc3339(status.st_mtime_ns), rfc3339(status.st_ctime_ns))
        assert line["address"] == str(status.st_ino)
    assert planted.lines["suid"]["mode"] == 0o104755
    assert planted.lines["one"]["m"] == "2009-02-13T23:31:30.123456789Z"
    if planted.xattrs:
        flat = planted.lines["one"]["xattrs"]
        assert (flat[0::2], [base64.b64decode(value) for value in flat[1::2]]) == (["user.note"], [b"\0\xffvalue"])


def test_holes_stay_holes(planted: Planted) -> None:
    line = planted.lines["sparse.log"]
    assert (line["size"], line["flags"]) == (GIB, ["sparse"])
    stored = [path for path in (planted.bag / "data" / "objects").rglob("*") if path.is_file()]
    taken = {(status.st_dev, status.st_ino): status.st_blocks for name, status in planted.status.items()
             if planted.lines[display(name)]["outcome"] == "complete"}  # fmt: skip
    listing = next(path for path in stored if path.read_bytes()[:4] == b"\x28\xb5\x2f\xfd")
    allocated = sum(path.stat().st_blocks for path in stored) - listing.stat().st_blocks
    assert allocated <= 1.1 * sum(taken.values())
    whole = hashlib.sha256(b"first line\n")
    zeros = bytes(1 << 20)
    left = GIB - 12 - 11
    while left:
        whole.update(zeros[: min(left, len(zeros))])
        left -= min(left, len(zeros))
    whole.update(b"last line  \n")
    assert line["sha256"] == whole.hexdigest()


def test_an_immutable_file_is_as_good_as_any(planted: Planted) -> None:
    if not planted.immutable:
        pytest.skip("this file system has no immutable files")
    assert planted.lines["fixed"]["outcome"] == "complete"
