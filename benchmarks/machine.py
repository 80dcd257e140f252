"""What the figures were measured on and with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import ROOT


def _first(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text("utf-8"), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1).strip() if found else ""


def _file_system(path: Path) -> str:
    """Type of the file system that holds *path*."""
    best = ("", "")
    for line in Path("/proc/self/mounts").read_text("utf-8").splitlines():
        _, mount, kind, *_ = line.split()
        if path.is_relative_to(mount) and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def machine() -> dict[str, str]:
    """Processor, cores, memory, kernel, file system, Python, and the commit measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    memory = int(_first("/proc/meminfo", r"MemTotal:\s+(\d+)") or 0) >> 20
    flags = _first("/proc/cpuinfo", r"^flags\s*:(.*)").split()
    return {
        "processor": _first("/proc/cpuinfo", r"^model name\s*:(.*)") + (", SHA-NI" if "sha_ni" in flags else ""),
        "cores": str(os.cpu_count()),
        "memory": f"{memory} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(ROOT),
        "python": platform.python_version(),
        "commit": commit or "not a checkout",
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load before": f"{os.getloadavg()[0]:.2f}" if sys.platform != "win32" else "",
    }


def version(*command: str | Path) -> str:
    """The first line that a program prints about itself; "not here" if it is not installed."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not here"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"
