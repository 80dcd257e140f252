"""systemd units on disk: what would be started, when, by which unit. Sources: systemd.unit(5), systemd.timer(5).

What systemd itself says it runs is ``systemctl list-units`` (tool/systemctl.txt).
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.procfs_linux import names_in, read_file, refusal
from collectors.volatile.rows import Row, shown
from forensics.model import display
from forensics.source.times import rfc3339

assert sys.platform == "linux"

FOLDERS = (
    "/etc/systemd/system", "/run/systemd/system", "/run/systemd/transient", "/run/systemd/generator",
    "/run/systemd/generator.early", "/run/systemd/generator.late", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/user", "/usr/lib/systemd/user",
)  # fmt: skip
KINDS = (".service", ".timer", ".socket", ".path", ".mount", ".automount", ".swap", ".target", ".slice", ".conf")
_LINKED = (".wants", ".requires", ".upholds", ".d")
MAX_UNIT = 1 << 20
MAX_VALUES = 64
#: Keys by which a unit runs something, or is made to run.
_KEYS = frozenset((
    "execstart", "execstartpre", "execstartpost", "execstop", "execstoppost", "execreload", "execcondition", "user",
    "group", "environmentfile", "oncalendar", "onbootsec", "onstartupsec", "onunitactivesec", "unit", "wantedby",
    "requiredby", "alias", "listenstream", "listendatagram", "pathexists", "pathchanged", "pathmodified", "what",
    "where", "restart", "type",
))  # fmt: skip


def unit_fields(text: bytes) -> dict[str, list[str]]:
    """Return the keys of a unit file that run something, each with its values in order.

    A line that ends in a backslash goes on in the next one.
    """
    found: dict[str, list[str]] = {}
    for line in text.replace(b"\\\n", b" ").split(b"\n"):
        key, equals, value = line.strip().partition(b"=")
        name = display(key.strip()).lower()
        if equals and name in _KEYS and not line.lstrip().startswith((b"#", b";")):
            values = found.setdefault(name, [])
            if len(values) < MAX_VALUES:
                values.append(shown(value.strip()))
    return found


def file_row(kind: str, path: str) -> tuple[Row, bytes]:
    """Return a row with path, size, times and digest of a small file, and its bytes; a link says where it leads.

    :raises OSError:
    """
    status = os.lstat(path)
    row: Row = {
        "type": kind, "path": display(os.fsencode(path)), "mode": status.st_mode,
        "owner": f"{status.st_uid}:{status.st_gid}",
        "mtime": rfc3339(status.st_mtime_ns), "mtime_ns": status.st_mtime_ns, "size": status.st_size,
    }  # fmt: skip
    if stat.S_ISLNK(status.st_mode):
        return row | {"target": shown(os.fsencode(os.readlink(path)))}, b""
    if not stat.S_ISREG(status.st_mode):
        return row | {"regular": False}, b""
    text, _ = read_file(path, MAX_UNIT)
    if len(text) == status.st_size:
        row["sha256"] = hashlib.sha256(text).hexdigest()
    return row, text


def unit_rows(host: Host) -> Iterator[Row]:
    """Yield each unit file, drop-in and enabling link; a folder that is a link to another is read once."""
    seen: set[tuple[int, int]] = set()
    for folder in FOLDERS:
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            yield from _folder(folder, True)
        except OSError as error:
            yield refusal(folder, error)


def _folder(folder: str, deeper: bool) -> Iterator[Row]:
    for name in names_in(folder):
        path = f"{folder}/{name}"
        try:
            if name.endswith(_LINKED) and deeper:
                yield from _folder(path, False)
            elif name.endswith(KINDS):
                row, text = file_row("unit", path)
                yield row | {"fields": unit_fields(text)} if text else row
        except OSError as error:
            yield refusal(path, error)
