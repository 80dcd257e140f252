"""The contents of a bag as processing sees them: bytes, and the names they had."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.catalogue.contents import pieces
from forensics.catalogue.reader import read
from forensics.source.times import parse_rfc3339

#: names of one content that plug-ins are asked about
MAX_NAMES = 16
HEAD = 4096
#: bytes beyond it that one parser may look at before it claims
LOOK = 64 << 10


@dataclass(frozen=True, slots=True)
class Named:
    """One artefact line's name for a content.

    :param inputs: what plug-ins may declare: name, mtime (ns), zone, os, state, outcome.
    """

    seq: int
    path: str
    inputs: Mapping[str, str | int | None]


@dataclass(slots=True)
class Content:
    """One content of a bag.

    :param names: the artefact lines that hold it, at most 16.
    """

    bag: Path
    sha256: str
    size: int
    line: Mapping[str, Any]
    names: list[Named] = field(default_factory=list)
    more_names: int = 0

    @property
    def whole_path(self) -> Path | None:
        """The object that holds all bytes; None if the content lies in parts or extents."""
        if "parts" in self.line or "extents" in self.line:
            return None
        return self.bag / "data" / "objects" / self.sha256[:2] / self.sha256

    def head(self) -> bytes:
        """The first 4,096 bytes.

        :raises OSError, InputError: if they are not to be had.
        """
        path = self.whole_path
        if path is not None:
            with path.open("rb") as stream:
                return stream.read(HEAD)
        for piece in pieces(self.bag, self.line):
            return bytes(piece[:HEAD]) if isinstance(piece, memoryview) else bytes(min(piece, HEAD))
        return b""

    def looker(self) -> Callable[[int, int], bytes]:
        """What a parser looks further with before it claims: bytes at an offset, LOOK in all.

        Of a content that lies in parts there are none: it is claimed by its head alone, or not.
        """
        left, path = LOOK, self.whole_path

        def read(offset: int, length: int) -> bytes:
            nonlocal left
            length = min(length, left)
            left -= max(length, 0)
            if path is None or offset < 0 or length <= 0:
                return b""
            with path.open("rb") as stream:
                stream.seek(offset)
                return stream.read(length)

        return read

    @contextmanager
    def as_file(self, scratch: Path) -> Iterator[Path]:
        """A local file with all bytes: the object itself, or a joined copy in *scratch*.

        :raises InputError: if a joined content is not what the ledger says.
        """
        path = self.whole_path
        if path is not None:
            yield path
            return
        # several plug-ins may be at the same content: each has a copy that goes when it ends
        joined = scratch / f"joined-{self.sha256}-{os.urandom(4).hex()}"
        try:
            with joined.open("wb") as out:
                for piece in pieces(self.bag, self.line):
                    if isinstance(piece, memoryview):
                        out.write(piece)
                    else:
                        out.truncate(out.seek(piece, 1))
            yield joined
        finally:
            joined.unlink(missing_ok=True)


def _ns(line: Mapping[str, Any], name: str) -> int | None:
    value = line.get(name)
    return parse_rfc3339(value) if isinstance(value, str) else None


def _named(line: Mapping[str, Any], host: Mapping[str, str]) -> Named:
    path = line.get("path", "")
    if "stream" in line:
        path = f"{path}:{line['stream']}"
    inputs: dict[str, str | int | None] = {
        "name": path,
        "mtime": _ns(line, "m"),
        "zone": host.get("zone", ""),
        "collected": _ns(line, "t"),
        "state": line.get("state", "allocated"),
        "outcome": line["outcome"],
    }
    return Named(line["seq"], path, inputs)


def contents_of(bag: Path) -> dict[str, Content]:
    """The distinct contents of a bag, in the order of their first line.

    Lines that a later one replaces (``again``) count no more. Listings are left out (they
    are sealbag's own), and so are images: their files are collected from them.

    :raises NotABag, FutureFormat, InputError:
    """
    found: dict[str, Content] = {}
    host: dict[str, str] = {}
    replaced = {line["again"] for line in read(bag) if "again" in line}
    for line in read(bag):
        if line["kind"] in ("open", "resume"):
            host["zone"] = str(line.get("zone", ""))
        if line["kind"] != "artefact" or "sha256" not in line or line["seq"] in replaced:
            continue
        if line.get("method") == "listing" or "stored" in line:
            continue
        content = found.get(line["sha256"])
        if content is None:
            content = found[line["sha256"]] = Content(bag, line["sha256"], line["size"], line)
        if len(content.names) < MAX_NAMES:
            content.names.append(_named(line, host))
        else:
            content.more_names += 1
    return found


def receipt_key(
    content: str, plugin: str, version: str, distribution: str, inputs: Mapping[str, Any], pack: str = ""
) -> str:
    """SHA-256 over what decides a plug-in's result: present in a workspace means done."""
    text = json.dumps([content, plugin, version, distribution, dict(sorted(inputs.items())), pack], ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
