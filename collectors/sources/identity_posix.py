"""What a POSIX host says of itself: claims of a host that may lie, bounded."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

assert sys.platform != "win32"

MAX_FILE = 64 << 10
MAX_VALUE = 256


def _text(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_FILE).decode("utf-8", "replace").strip()
    except OSError:
        return None


def _os_release() -> str | None:
    text = _text("/etc/os-release") or _text("/usr/lib/os-release") or ""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip("\"'")
    return None


def host_identity() -> Mapping[str, str | int | None]:
    """Return hostname, machine_id, boot_id, kernel, machine and os; None where the host says nothing.

    Sources: uname(2), machine-id(5), os-release(5), random(4). Each value has at most 256
    characters.
    """
    name = os.uname()
    claims = {
        "hostname": name.nodename,
        "machine_id": _text("/etc/machine-id"),
        "boot_id": _text("/proc/sys/kernel/random/boot_id"),
        "kernel": f"{name.sysname} {name.release} {name.version}",
        "machine": name.machine,
        "os": _os_release(),
    }
    return {key: value[:MAX_VALUE] if value else None for key, value in claims.items()}
