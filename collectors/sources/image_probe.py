"""Does a path look like a disk image? Reads 66 KB at most, raises nothing, loads no library."""

from __future__ import annotations

import os
import stat
import sys

from collectors.sources.image_ewf_sections import MAGIC
from collectors.sources.image_magic import HEAD, recognise
from collectors.sources.image_media import RawMedia
from collectors.sources.image_open import EX01_MAGIC, image_path
from forensics.errors import SealbagError

_SUFFIXES = (".dd", ".raw", ".img", ".001", ".000", ".aa", ".iso", ".bin")


def score(uri: str) -> int:
    """Return 0 (no regular file or device) to 90 (its first bytes are those of an image)."""
    path = image_path(uri)
    if sys.platform == "win32" and uri.startswith("image:\\\\.\\"):
        return 90  # a raw volume, named by the live source
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISBLK(mode):
            return 70
        if not stat.S_ISREG(mode):
            return 0
        media = RawMedia(path)
    except (OSError, ValueError, SealbagError):
        return 0
    try:
        head = media.read(0, HEAD)
    except OSError:
        return 40
    finally:
        media.close()
    if head.startswith((MAGIC, EX01_MAGIC)) or recognise(head) is not None:
        return 90
    if head[510:512] == b"\x55\xaa":
        return 80
    return 60 if path.lower().endswith(_SUFFIXES) else 40
