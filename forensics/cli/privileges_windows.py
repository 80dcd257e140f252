"""What this process may read. Never run on Windows until a run is recorded."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator


def privileges() -> Iterator[tuple[str, bool, str]]:
    """Yield (name, has it, why)."""
    if sys.platform != "win32":
        return
    admin = bool(ctypes.windll.shell32.IsUserAnAdmin())
    why = "raw volumes and locked files can be read" if admin else "run as administrator: raw volumes are denied"
    yield "administrator", admin, why
