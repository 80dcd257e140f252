"""The strict reader of a transport stream: events from a tar that anybody may have made (docs/format.md §16)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from forensics.transfer.form import (
    BEGIN,
    CHECKPOINT,
    END,
    FORMAT,
    MAX_FILES_AHEAD,
    MAX_MEMBER,
    MAX_NOTICE,
    MAX_OUTSIDE,
    MAX_PARTS,
    SEAL_SIG,
    Altered,
    Unsafe,
    check_path,
)
from forensics.transfer.tarblocks import BLOCK, Cut, Member, Reader, next_member, read_exactly

CHUNK = 1 << 18
_NUMBERED = re.compile(r"(part|file|ledger)/(\d{12})")
_PRINTABLE = re.compile(rb"[ -~]{1,65535}\n")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")


class AnotherFormat(ValueError):
    """A stream of a major version that is not known here."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The first event: the bag's id, and when the stream was begun."""

    bag: str
    t: str


@dataclass(frozen=True, slots=True)
class Content:
    """Some bytes of the file that the next :class:`Filed` names."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Filed:
    """A file is whole: its bytes were the contents since the one before, and have this digest."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines of the ledger, from *seq* on."""

    seq: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is whole, to its last byte."""

    files: int
    lines: int


Event: TypeAlias = Begun | Content | Filed | Lines | Ended


def read_transport(stream: Reader) -> Reading:
    """Yield what a decrypted, decompressed stream holds; memory is bounded by one ledger member (16 MiB).

    :raises Cut: if it ends before it is whole; everything yielded before was received.
    :raises Unsafe: for a member of another name, type or order, a path that leads elsewhere, a length beyond the
        bounds.
    :raises Altered: for a file or line that is not what the stream itself says of it.
    :raises AnotherFormat: for an unknown major version.
    """
    return Reading(stream)


class Reading:
    """The events of one stream; *member* is the name of the member that they come from."""

    def __init__(self, stream: Reader) -> None:
        self.stream = stream
        self.member = ""
        self.parts = self.files = self.lines = self.outside = self.ahead = 0
        self.parts_here = self.size = 0  # of the file whose name is still to come
        self.digest = hashlib.sha256()
        self.last_path = ""

    def __iter__(self) -> Iterator[Event]:
        yield self._begin()
        while True:
            member = self._member()
            if member.name == END:
                ended = self._end(member)
                behind = next_member(self.stream)
                if behind is not None:
                    self.member = behind.name
                    raise Unsafe("a member behind the last one")
                yield ended
                return
            match = _NUMBERED.fullmatch(member.name)
            if match is None:
                raise Unsafe(f"a member of another name: {member.name[:80]!r}")
            kind, number = match[1], int(match[2])
            if kind == "part":
                yield from self._part(member, number)
            elif kind == "file":
                yield self._file(member, number)
            else:
                yield self._ledger(member, number)

    def _member(self) -> Member:
        member = next_member(self.stream)
        if member is None:
            raise Cut("the tar ends without its last member")
        self.member = member.name
        return member

    def _body(self, member: Member, limit: int) -> bytes:
        if member.size > limit:
            raise Unsafe(f"{member.name[:80]!r} asks for {member.size} bytes")
        data = read_exactly(self.stream, member.size)
        self._pad(member.size)
        return data

    def _pad(self, size: int) -> None:
        if read_exactly(self.stream, -size % BLOCK).strip(b"\0"):
            raise Unsafe("bytes between two members")

    def _begin(self) -> Begun:
        member = self._member()
        if member.name != BEGIN:
            raise Unsafe(f"the first member is no {BEGIN}")
        fields = _notice(self._body(member, MAX_NOTICE), BEGIN)
        form, bag, t = fields.get("format"), fields.get("bag"), fields.get("t")
        if not isinstance(form, str) or not re.fullmatch(r"sealbag-transport/\d{1,6}\.\d{1,6}", form):
            raise Altered("transport.json names no format")
        if form.partition("/")[2].partition(".")[0] != FORMAT.partition("/")[2].partition(".")[0]:
            raise AnotherFormat(f"the stream's format is {form}; this release reads sealbag-transport/1.x")
        if not isinstance(bag, str) or not _ID.fullmatch(bag) or not isinstance(t, str):
            raise Altered("transport.json names no bag")
        return Begun(bag, t)

    def _part(self, member: Member, number: int) -> Iterator[Content]:
        if number != self.parts:
            raise Unsafe(f"part {number} where part {self.parts} was due")
        if member.size > MAX_MEMBER:
            raise Unsafe(f"part {number} asks for {member.size} bytes")
        if self.parts_here >= MAX_PARTS:
            raise Unsafe("a file of too many parts")
        self.parts += 1
        self.parts_here += 1
        left = member.size
        while left:
            data = read_exactly(self.stream, min(left, CHUNK))
            self.digest.update(data)
            left -= len(data)
            yield Content(data)
        self.size += member.size
        self._pad(member.size)

    def _file(self, member: Member, number: int) -> Filed:
        if number != self.files:
            raise Unsafe(f"file {number} where file {self.files} was due")
        fields = _notice(self._body(member, MAX_NOTICE), member.name)
        path = check_path(fields.get("path"))
        self._order(path)
        size, sha256 = fields.get("size"), fields.get("sha256")
        if type(size) is not int or not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
            raise Altered(f"{member.name} gives no size and digest")
        if self.size > size:
            raise Unsafe(f"{path} goes beyond its size")
        if self.size < size or self.digest.hexdigest() != sha256:
            raise Altered(f"{path} has not the size and digest that the stream gives")
        self.files += 1
        self.parts_here = self.size = 0
        self.digest = hashlib.sha256()
        return Filed(path, size, sha256)

    def _order(self, path: str) -> None:
        """Bounds on the number of files, and what may come when."""
        if self.last_path == SEAL_SIG:
            raise Unsafe("a file behind the seal's signature")
        note = CHECKPOINT.fullmatch(path)
        if note is not None and int(note[1]) > self.lines:
            raise Unsafe(f"{path} comes before the lines that it covers")
        self.last_path = path
        self.ahead += 1
        if self.ahead > MAX_FILES_AHEAD:
            raise Unsafe(f"more than {MAX_FILES_AHEAD} files between two ledger members")
        if not path.startswith("data/"):
            self.outside += 1
            if self.outside > MAX_OUTSIDE:
                raise Unsafe(f"more than {MAX_OUTSIDE} files outside data/")

    def _ledger(self, member: Member, number: int) -> Lines:
        if number != self.lines:
            raise Unsafe(f"lines from {number} on where line {self.lines} was due")
        if self.parts_here or self.last_path == SEAL_SIG:
            raise Unsafe("lines within a file, or behind the seal's signature")
        data = self._body(member, MAX_MEMBER)
        if not data.endswith(b"\n"):
            raise Altered(f"{member.name} does not hold whole lines")
        count = data.count(b"\n")
        self.lines += count
        self.ahead = 0
        return Lines(number, count, data)

    def _end(self, member: Member) -> Ended:
        fields = _notice(self._body(member, MAX_NOTICE), END)
        if self.parts_here:
            raise Unsafe("parts that no file member names")
        if (fields.get("files"), fields.get("lines")) != (self.files, self.lines):
            raise Altered(f"the stream has {self.files} files and {self.lines} lines, its end says otherwise")
        return Ended(self.files, self.lines)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _integer(text: str) -> int:
    if len(text) > 17 or not text.lstrip("-").isdigit():
        raise ValueError("no integer to 2^53")
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_integer, parse_constant=_integer
)  # fmt: skip


def _notice(data: bytes, name: str) -> dict[str, Any]:
    """The fields of a member that is one line."""
    try:
        if not _PRINTABLE.fullmatch(data):
            raise ValueError("no line of printable ASCII")
        fields = _DECODER.decode(data.decode("ascii"))
        if not isinstance(fields, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError) as error:
        raise Altered(f"{name[:80]!r} is damaged ({str(error)[:80]})") from None
    return fields
