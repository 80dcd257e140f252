"""File-system UUIDs as udev tells them, without reading a block device."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

assert sys.platform == "linux"

BY_UUID = "/dev/disk/by-uuid"
MAX_LINKS = 10_000
_UUID = re.compile(r"[0-9A-Za-z-]{1,64}")


def uuids(folder: str = BY_UUID) -> dict[str, str]:
    """Return the UUID of each block device, by ``major:minor``; empty without udev.

    The links of *folder* are compared by the device number of what they name. A name that
    is no UUID (they are made by root on the host, but bounded all the same) is left out.
    """
    found: dict[str, str] = {}
    try:
        names = sorted(os.listdir(folder))[:MAX_LINKS]
    except OSError:
        return found
    for name in names:
        try:
            status = (Path(folder) / name).stat()
        except OSError:
            continue
        if stat.S_ISBLK(status.st_mode) and _UUID.fullmatch(name):
            found[f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"] = name
    return found
