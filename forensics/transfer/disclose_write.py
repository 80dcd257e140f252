"""The lines and contents of a subset, copied from its origin: hashed while they are copied."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forensics.catalogue.contents import files_of, pieces
from forensics.catalogue.reader import Line, check
from forensics.custody.bag import BagWriter
from forensics.errors import InputError, StorageError
from forensics.hashing.sink import FileSink
from forensics.model.artefact import REMOVED
from forensics.transfer.disclose_choice import Choice

#: fields that are the subset's own, or that name lines or files of the origin
OWN = frozenset((
    "seq", "kind", "actor", "t", "mono", "salt", "same_as", "again", "parts", "part_sizes", "stored",
))  # fmt: skip
NOT_STATED = "changed before it was disclosed; how was not stated"
CHUNK = 256 << 10
_READ: int = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


class SubsetLines:
    """Adds what is disclosed to the subset, line by line.

    :param bag: the origin; *subset*: the open bag that is written.
    """

    def __init__(self, bag: Path, subset: BagWriter, choice: Choice, redact: Mapping[int, Path], how: str) -> None:
        self.bag, self.subset, self.choice = bag, subset, choice
        self.redact, self.how = redact, how or NOT_STATED
        self.copied: dict[str, dict[str, Any]] = {}  # sha256 -> where the subset has it
        self.first: dict[str, int] = {}  # sha256 -> the subset's own seq of its first line
        self.missing: set[str] = set()
        self.bytes = 0

    def add(self, line: Line) -> None:
        """Add what one disclosed line of the origin becomes in the subset.

        :raises InputError: if a content is not what was sealed, or a line has no room for another field.
        :raises StorageError:
        """
        line, seq, kind = check(line), line["seq"], line["kind"]
        try:
            if kind == "source":
                self.subset.line("source", _own(line))
            elif kind == "artefact" and seq in self.redact:
                self._redacted(line, self.redact[seq])
            elif kind == "artefact" and seq in self.choice.artefacts:
                self._artefact(line)
            elif kind == "result" and seq in self.choice.results:
                self._result(line)
        except ValueError as error:
            raise InputError(f"the line cannot be repeated ({error})", where=f"{self.bag}, seq {seq}") from error

    def _artefact(self, line: Line) -> None:
        fields = _own(line) | {"origin_seq": line["seq"]}
        digest = line.get("sha256")
        if digest is None:
            self.subset.add(fields)
            return
        if self._gone(line):
            own = self.subset.add(fields | {name: line[name] for name in ("parts", "part_sizes") if name in line})
            self._missing(line, own)
            return
        known = self.copied.get(digest)
        if known is None:
            sink = self._copy(line)
            whole = len(sink.parts) == 1  # else it does not fit the destination as one file
            own = self.subset.add(fields, sink, line.get("stored", "") if whole else "")
            parts, sizes = self.subset.store.parts(sink)
            self.copied[digest] = {"parts": parts, "part_sizes": sizes, "stored": line.get("stored", "") * whole}
            self.first[digest] = own
            return
        same = {"same_as": self.first[digest]} if "same_as" in line else {}
        self.subset.add(fields | known | same)

    def _gone(self, line: Line) -> bool:
        """Whether the origin itself says that this content was removed after it was stored, and it is not there."""
        return self.choice.found.is_removed(line) and not all((self.bag / name).exists() for name, _ in files_of(line))

    def _missing(self, line: Line, own: int) -> None:
        for name in line.get("parts") or [line["sha256"]]:
            if name not in self.missing:
                self.missing.add(name)
                text = f"not in the origin either: removed after it was stored (its line there is seq {line['seq']})"
                self.subset.line("correct", {"corrects": own, "sha256": name, "flags": [REMOVED], "text": text})

    def _copy(self, line: Line) -> FileSink:
        sink = self.subset.store.sink()
        for piece in pieces(self.bag, line):
            if isinstance(piece, int):
                sink.hole(piece)
            else:
                sink.write(piece)
        sink.close()
        self.bytes += line["size"]
        return sink

    def _result(self, line: Line) -> None:
        fields = {name: value for name, value in line.items() if name not in OWN} | {"origin_seq": line["seq"]}
        plugin, digest = str(line.get("parser", "")), line.get("sha256", "")
        if not digest:
            self.subset.derive(plugin, "", "", fields)
            return
        if line.get("stored") != f"data/derived/{plugin}/{digest}.jsonl.zst":
            raise ValueError("a result that is stored elsewhere than results are")
        sink = self._copy(line)
        if len(sink.parts) > 1:
            raise StorageError("a file of results is too large for the output", where=line["stored"])
        self.subset.derive(plugin, sink.parts[0].path, digest, fields)

    def _redacted(self, line: Line, file: Path) -> None:
        sink = self.subset.store.sink()
        digest, size = read_into(file, sink)
        kept = ("source", "volume", "path", "stream", "enc", "type", "state")
        fields = {name: line[name] for name in kept if name in line} | {
            "outcome": "complete", "method": "redacted", "redacted_from": line["seq"], "detail": self.how[:4000],
            "sha256": digest, "size": size,
        }  # fmt: skip
        self.subset.add(fields, sink)
        self.bytes += size


def _own(line: Line) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in OWN}


def read_into(file: Path, sink: FileSink, on_bytes: Callable[[int], object] | None = None) -> tuple[str, int]:
    """Copy a regular file into a sink and close it; return SHA-256 and size of what was read.

    :raises InputError: if it cannot be read or is no regular file.
    """
    digest, size = hashlib.sha256(), 0
    try:
        fd = os.open(file, _READ)
        with os.fdopen(fd, "rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise InputError("not a regular file", where=str(file))
            while block := stream.read(CHUNK):
                digest.update(block)
                sink.write(memoryview(block))
                size += len(block)
                if on_bytes is not None:
                    on_bytes(len(block))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(file)) from error
    sink.close()
    return digest.hexdigest(), size
