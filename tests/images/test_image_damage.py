"""Hostile file systems: loops, damage anywhere, names that lie. A walk never raises."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter

import pytest
from image_tools import program, run, walk

from collectors.sources.image import ImageSource

MIB = 1 << 20

CHILD = """
import sys
from collectors.sources.image import ImageSource
from forensics.errors import BadRange, InputError, SourceError
from forensics.model import Entry
try:
    source = ImageSource(sys.argv[1])
except InputError:
    print("refused"); sys.exit(0)
seen, buffer = 0, memoryview(bytearray(1 << 16))
for volume in source.volumes():
    for row in source.walk(volume):
        seen += 1
        if seen > 20_000:
            print("endless"); sys.exit(3)
        if not isinstance(row, Entry) or row.kind != "file":
            continue
        try:
            stream = source.open(row)
        except SourceError:
            continue
        for _ in range(64):
            try:
                count = stream.readinto(buffer)
            except BadRange as bad:
                assert bad.length > 0
                stream.seek(bad.offset + bad.length)
                continue
            if not count:
                break
print("walked", seen)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    for name in ("a/b/c", "d"):
        (folder / "tree" / name).mkdir(parents=True)
    for number in range(20):
        (folder / f"tree/a/b/{number}").write_bytes(random.Random(number).randbytes(3000 * number))
    return folder / "tree"


def make(kind, tree, path):
    if kind == "ntfs":
        with path.open("wb") as out:
            out.truncate(2 * MIB)
        run(program("mkntfs"), "-Q", "-F", path)
        for number in range(6):
            run(program("ntfscp"), "-f", path, tree / f"a/b/{number}", f"file{number}")
        run(program("ntfscp"), "-f", "-N", "ads", path, tree / "a/b/3", "file3")
    else:
        run(program("mkfs." + kind), "-q", "-d", tree, path, "2M")
    return path.read_bytes()


def _damaged(content, kind, seed):
    """Change bytes where the structures are: most within the used quarter, some anywhere."""
    rng, changed = random.Random(f"{kind}{seed}"), bytearray(content)
    used = [i for i in range(0, len(content), 512) if any(content[i : i + 512])]
    for _ in range(rng.choice((1, 10, 200, 3000))):
        changed[rng.choice(used) + rng.randrange(512)] = rng.choice((0, 0xFF, rng.randrange(256)))
    return changed


@pytest.mark.parametrize("kind", ["ext2", "ext4", "ntfs"])
def test_damage_never_raises_out_of_a_walk(kind, tree, tmp_path):
    content, ends = make(kind, tree, tmp_path / "good"), Counter()
    for seed in range(12):
        (tmp_path / "bad.dd").write_bytes(_damaged(content, kind, seed))
        command = [sys.executable, "-c", CHILD, str(tmp_path / "bad.dd")]
        done = subprocess.run(command, capture_output=True, timeout=60, cwd=tmp_path)
        # The C library may crash: that is why a supervised child runs it. Python may not.
        ends["crash" if done.returncode < 0 else done.stdout.decode().split(" ")[0].strip()] += 1
        assert done.returncode <= 0, (seed, done.stdout, done.stderr.decode()[-2000:])
    assert ends["walked"] >= 6, ends


def test_a_folder_in_itself_is_a_loop_and_not_descended(tree, tmp_path):
    make("ext2", tree, tmp_path / "loop.dd")
    run(program("debugfs"), "-w", "-R", "ln a a/b/again", tmp_path / "loop.dd")
    with ImageSource(str(tmp_path / "loop.dd")) as source:
        entries, troubles = walk(source)
    again = next(e for e in entries if e.path.raw == b"a/b/again")
    assert again.flags == ("loop",) and again.kind == "dir" and not troubles
    assert not any(e.path.raw.startswith(b"a/b/again/") for e in entries)


def test_special_files_links_and_odd_names(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    os.symlink("/etc/passwd", root / "link")
    os.mkfifo(root / "pipe")
    (root / "new\nline").write_bytes(b"1")
    (root / ("n" * 255)).write_bytes(b"2")
    (root / os.fsdecode(b"\xff\xfe")).write_bytes(b"3")
    run(program("mkfs.ext4"), "-q", "-d", root, tmp_path / "fs", "2M")
    with ImageSource(str(tmp_path / "fs")) as source:
        entries, _ = walk(source)
    found = {e.path.raw: e for e in entries}
    assert (found[b"link"].kind, found[b"link"].target) == ("link", b"/etc/passwd")
    assert found[b"pipe"].kind == "fifo" and found[b"pipe"].size is None
    assert {b"new\nline", b"n" * 255, b"\xff\xfe"} <= found.keys()
    assert found[b"new\nline"].path.display == "new\\u{A}line"


def test_a_slash_in_a_name_is_flagged(tree, tmp_path):
    content = make("ext2", tree, tmp_path / "fs.dd")
    at = content.index(b"\x03\x01c\x00") if b"\x03\x01c\x00" in content else content.index(b"\x01\x02c")
    changed = bytearray(content)
    changed[content.index(b"c", at)] = ord("/")
    (tmp_path / "fs.dd").write_bytes(changed)
    with ImageSource(str(tmp_path / "fs.dd")) as source:
        entries, _ = walk(source)
    assert [e.path.raw for e in entries if "slash-in-name" in e.flags] == [b"a/b//"]


def test_a_deleted_name_is_deleted_until_its_inode_is_used_again(tree, tmp_path):
    make("ext2", tree, tmp_path / "fs.dd")
    with ImageSource(str(tmp_path / "fs.dd")) as source:
        inode = next(e.address for e in walk(source)[0] if e.path.raw == b"a/b/7")
    states = []
    for command in ("rm a/b/7", f"write {tree}/a/b/1 d/new"):
        run(program("debugfs"), "-w", "-R", command, tmp_path / "fs.dd")
        with ImageSource(str(tmp_path / "fs.dd")) as source:
            found = {e.path.raw: e for e in walk(source)[0]}
        states.append([(e.address, e.state) for e in found.values() if e.path.raw in (b"a/b/7", b"d/new")])
        assert found[b"a/b/8"].state == "allocated"
    assert states == [[(inode, "deleted")], [(inode, "reallocated"), (inode, "allocated")]]
