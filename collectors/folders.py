"""Files of a folder that a user names: all of them, or an error; digest of what was read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from forensics.errors import ConfigError


def files_below(folder: Path, suffix: str, most: int) -> list[Path]:
    """Return the regular files below *folder* whose name ends in *suffix*, in any case, by name.

    :raises ConfigError: a folder cannot be read, there is no such file, or more than *most*.
    """
    found: list[Path] = []
    try:
        for above, _, names in os.walk(folder, onerror=_raise):
            files = (Path(above, name) for name in names if name.lower().endswith(suffix))
            found += [path for path in files if path.is_file()]
            if len(found) > most:
                break
    except OSError as error:
        where = str(error.filename or folder)
        raise ConfigError(f"cannot be read: {error.strerror or error}", where=where) from error
    if not 0 < len(found) <= most:
        count = f"more than {most}" if found else "no"
        raise ConfigError(f"holds {count} {suffix} files", where=str(folder))
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 (hex) over the lines ``SHA-256 of the content, two spaces, name``, as sha256sum writes them."""
    whole = hashlib.sha256()
    for name, raw in files:
        whole.update(f"{hashlib.sha256(raw).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
