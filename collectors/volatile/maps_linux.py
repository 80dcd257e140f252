"""/proc/PID/maps in short: what can be executed, and what of it has no file behind it. Source: proc_pid_maps(5)."""

from __future__ import annotations

import re
import sys

from collectors.volatile.rows import Row, shown

assert sys.platform == "linux"

#: A table of 200,000 mappings, three times the kernel's own default limit, is below this.
MAX_MAPS = 32 << 20
MAX_LISTED = 256
_EXECUTABLE = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) ([r-][w-]x[ps]) [0-9a-f]+ (\S+) ([0-9]+) *(.*)$", re.MULTILINE)
# Code that the kernel itself maps into every process.
_KERNEL = frozenset((b"[vdso]", b"[vsyscall]", b"[uprobes]", b"[sigpage]", b"[vectors]"))
_DELETED = b" (deleted)"


def _why(perms: bytes, inode: bytes, path: bytes) -> list[str]:
    why = []
    if path.startswith((b"/memfd:", b"/dev/shm/", b"/SYSV")):
        why.append("memory-file")
    if path.endswith(_DELETED):
        why.append("deleted")
    if inode == b"0" and path not in _KERNEL:
        why.append("anonymous")
    if b"w" in perms:
        why.append("writable")
    return why


def summary(text: bytes) -> Row:
    """Return ``maps``, ``maps_executable``, ``libraries`` and ``odd_maps``.

    ``libraries`` are the distinct files mapped to be executed; ``odd_maps`` those executable
    mappings that are writable, anonymous, deleted or of a memory file (a just-in-time
    compiler makes such too). A name that ends in `` (deleted)`` of itself looks deleted.
    """
    libraries: dict[bytes, None] = {}
    odd: list[Row] = []
    count = odd_count = 0
    for first, last, perms, _, inode, path in _EXECUTABLE.findall(text):
        count += 1
        if path.startswith(b"/"):
            libraries[path] = None
        why = _why(perms, inode, path)
        if why:
            odd_count += 1
            if len(odd) < MAX_LISTED:
                odd.append({
                    "start": first.decode(), "end": last.decode(), "perms": perms.decode(),
                    "path": shown(path), "inode": int(inode), "why": why,
                })  # fmt: skip
    row: Row = {
        "maps": text.count(b"\n"),
        "maps_executable": count,
        "libraries": [shown(path) for path in list(libraries)[:MAX_LISTED]],
        "odd_maps": odd,
    }
    if len(libraries) > MAX_LISTED or odd_count > MAX_LISTED:
        row["maps_cut"] = True
    return row
