"""What this process may read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

assert sys.platform != "win32"

# linux/capability.h
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


def _effective() -> int:
    """The effective capabilities as a bit mask (proc(5)); 0 where the system has none."""
    try:
        match = re.search(
            r"^CapEff:\s*([0-9a-f]{1,16})$", Path("/proc/self/status").read_text("ascii", "replace"), re.M
        )
    except OSError:
        return 0
    return int(match[1], 16) if match else 0


def privileges() -> Iterator[tuple[str, bool, str]]:
    """Yield (name, has it, why)."""
    root = os.geteuid() == 0
    yield "root", root, "the process is root" if root else "run as root: other users' files would be denied"
    if sys.platform.startswith("linux"):
        has = bool(_effective() & (1 << _CAP_DAC_READ_SEARCH | 1 << _CAP_DAC_OVERRIDE))
        why = (
            "every file can be read whatever its mode" if has else "without it files of others are denied (a gap each)"
        )
        yield "cap-dac-read-search", has, why
