"""Run inside a mount namespace of its own (``unshare -m``) by test_source_mounts.py.

Mounts what a host can have below the folder given, then prints as JSON what the live and
the directory source say of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from collectors.sources.directory import DirectorySource
from collectors.sources.live import LiveSource
from forensics.model import Entry, Volume

top = Path(sys.argv[1])


#: Entries whose address names another device than their volume's.
others: set[str] = set()


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def rows(source: LiveSource | DirectorySource, volume: Volume) -> list[list[object]]:
    found: list[list[object]] = []
    for item in source.walk(volume):
        name = os.path.relpath(b"/" + item.path.raw, os.fsencode(top)) if volume.id != "." else item.path.raw
        assert isinstance(item, Entry), item
        body = ""
        if item.kind == "file":
            buffer = bytearray(99)
            stream = source.open(item)
            body = buffer[: stream.readinto(memoryview(buffer))].decode()
            stream.close()
        if "/" in item.address:
            others.add(os.fsdecode(name))
        found.append([os.fsdecode(name), item.volume, item.kind, *item.flags, *([body] if body else [])])
    return sorted(found, key=str)


disk = top / "disk"
disk.mkdir()
mount("-t", "tmpfs", "none", str(disk))
for name in ("inner", "bind", "second mount", "over", "proc", "sub"):
    (disk / name).mkdir()
(disk / "sub/file").write_text("in sub")
(disk / "filemount").write_text("below")
mount("-t", "tmpfs", "none", str(disk / "inner"))
(disk / "inner/file").write_text("in inner")
mount("--bind", str(disk / "sub"), str(disk / "bind"))
mount("--bind", str(disk), str(disk / "second mount"))
mount("-t", "tmpfs", "none", str(disk / "over"))
(disk / "over/hidden").write_text("hidden")
mount("-t", "tmpfs", "none", str(disk / "over"))
mount("-t", "proc", "proc", str(disk / "proc"))
mount("--bind", str(disk / "inner/file"), str(disk / "filemount"))

answer: dict[str, object] = {}
with LiveSource() as live:
    mine = [volume for volume in live.volumes() if volume.mount.startswith(str(disk))]
    answer["volumes"] = sorted([volume.mount[len(str(top)) + 1 :], volume.state, volume.code] for volume in mine)
    answer["ids"] = len({volume.id for volume in live.volumes()}) == len(list(live.volumes()))
    others.clear()
    answer["live"] = {
        volume.mount[len(str(top)) + 1 :]: rows(live, volume) for volume in mine if volume.state == "open"
    }
    answer["other devices"] = sorted(others)
with DirectorySource(str(disk)) as directory:
    answer["directory"] = rows(directory, next(iter(directory.volumes())))
print(json.dumps(answer).replace(str(disk), "DISK"))
