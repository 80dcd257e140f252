"""What tests import by name: honest ways out, programs, sample images.

It is no conftest: a second file of that name would shadow the first for an import.
"""

from __future__ import annotations

import lzma
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_SHOWN = "not shown: "
NO_DATA = "no real data: "
SAMPLES = Path("/usr/share/forensics-samples")


def not_shown(what: str) -> NoReturn:
    """End the test as *not shown*.

    :param what: ``needs root``, ``needs sleuthkit (fls)``...
    """
    pytest.skip(NOT_SHOWN + what)


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _fuse() -> bool:
    return Path("/dev/fuse").exists() and shutil.which("fusermount3") is not None and os.access("/dev/fuse", os.W_OK)


#: What a test can need that is no program on PATH.
ABILITIES: dict[str, Callable[[], bool]] = {
    "root": is_root,
    "fuse": _fuse,
    "linux": lambda: sys.platform == "linux",
    "windows": lambda: sys.platform == "win32",
    "posix": lambda: os.name == "posix",
}
#: The Debian package of a program, where the names differ.
PACKAGES = {
    "bsdtar": "libarchive-tools",
    "dot": "graphviz",
    "ewfacquire": "ewf-tools",
    "ewfexport": "ewf-tools",
    "ewfverify": "ewf-tools",
    "fls": "sleuthkit",
    "fsstat": "sleuthkit",
    "icat": "sleuthkit",
    "mkfs.exfat": "exfatprogs",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mkntfs": "ntfs-3g",
    "setfattr": "attr",
    "ssh-keygen": "openssh-client",
    "tsk_recover": "sleuthkit",
}


def program(name: str) -> str | None:
    """Return the path of a program; /usr/sbin counts even when it is not on PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def check_needs(*names: str) -> None:
    """End the test as *not shown* unless every name is an ability or a program here."""
    for name in names:
        if name in ABILITIES:
            if not ABILITIES[name]():
                not_shown(f"needs {name}")
        elif program(name) is None:
            package = PACKAGES.get(name, name)
            not_shown(f"needs {name}" if package == name else f"needs {name} ({package})")


def data_folder() -> Path | None:
    """Return the folder of shared real data, None if it is not here."""
    folder = Path(os.environ.get("SEALBAG_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


@dataclass(frozen=True)
class Samples:
    """Debian's sample images, decompressed once for each user and kept between runs."""

    folder: Path

    def image(self, name: str) -> Path:
        """Return the image *name* (``ntfs``, ``ext4``, ``multiple``...), read-only."""
        packed = SAMPLES / f"fs.{name}.xz"
        if not packed.exists():
            not_shown(f"needs forensics-samples-{name}")
        stamp = packed.stat()
        target = self.folder / f"fs.{name}-{stamp.st_size}-{stamp.st_mtime_ns}.raw"
        if not target.exists():
            # Two xdist workers may both come here: each writes its own, the rename decides.
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as out, lzma.open(packed) as data:
                shutil.copyfileobj(data, out, 1 << 16)
            Path(out.name).chmod(0o444)
            Path(out.name).replace(target)
        return target
