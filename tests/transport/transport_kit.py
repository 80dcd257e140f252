"""Streams made by hand: members in any order, with any header; and the bag that they carry."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from forensics.transfer.tarblocks import TRAILER, header, padding

BAG = "ab" * 16
T = "2026-11-24T12:00:00.000000000Z"


@dataclass(frozen=True)
class Identity:
    file: Path
    recipient: str


def new_identity(file: Path) -> Identity:
    """An age identity of the library's own making."""
    import pyrage

    key = pyrage.x25519.Identity.generate()
    file.write_text(f"# a test\n{key}\n")
    return Identity(file, str(key.to_public()))


def line(**fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def member(name: str, data: bytes) -> bytes:
    return header(name, len(data)) + data + padding(len(data))


def begin(**other: Any) -> bytes:
    return member("transport.json", line(**{"format": "sealbag-transport/1.0", "bag": BAG, "t": T, **other}))


def filed(number: int, path: str, data: bytes, part: int | None = None, **other: Any) -> bytes:
    """A file of one part."""
    about = {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **other}
    part = number if part is None else part
    return member(f"part/{part:012d}", data) + member(f"file/{number:012d}", line(**about))


def end(files: int, lines: int) -> bytes:
    return member("end", line(files=files, lines=lines)) + TRAILER


def odd_member(name: str, kind: bytes, link: str = "", data: bytes = b"") -> bytes:
    """A member that tarfile makes: a link, a device, a folder, GNU and pax headers."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + padding(len(data))


def untarred(data: bytes) -> list[tuple[str, bytes]]:
    """What Python's own tarfile finds."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]


@cache
def tar_of(stream: Path, identity: Path) -> bytes:
    """The tar within a stream, by the programs age and zstd alone."""
    plain = subprocess.run(["age", "-d", "-i", identity, stream], stdout=subprocess.PIPE, check=True).stdout
    return subprocess.run(["zstd", "-dcq"], input=plain, stdout=subprocess.PIPE, check=True).stdout


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below *folder*."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
