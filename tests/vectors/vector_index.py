"""What a vector is: a folder of files, what a verifier is asked of it, and what the right answer is."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vector_bag import Bag, Link, Member, Special
from vector_stream import age, identity, zstd
from vector_words import EXAMINER

EXITS = {"VALID": 0, "INVALID": 1, "INCOMPLETE": 2, "UNTRUSTED": 3, "UNSAFE": 4, "IO ERROR": 5}
SIGNED = {"signer": EXAMINER.fingerprint}


@dataclass
class Vector:
    """One vector; *files* are those of its folder."""

    kind: str
    path: str
    files: dict[str, Member]
    anchors: dict[str, str]
    answer: dict[str, Any]
    needs: tuple[str, ...] = ()
    without: dict[str, Any] | None = None
    identity: str = ""
    number: str = ""
    name: str = ""
    title: str = ""

    def entry(self) -> dict[str, Any]:
        """Its object in index.json."""
        out: dict[str, Any] = {
            "id": self.name, "case": self.number, "title": self.title, "archive": f"{self.name}.tar.gz",
            "kind": self.kind, "path": self.path, "anchors": self.anchors,
        }  # fmt: skip
        if self.identity:
            out["identity"] = self.identity
        out.update({"needs": list(self.needs), **self.answer})
        return {**out, "without": self.without} if self.without else out

    def tar(self) -> bytes:
        """The archive before compression; the same on every run."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as out:
            for path in sorted(self.files, key=lambda path: path.encode("utf-8", "surrogateescape")):
                _add(out, f"{self.name}/{path}", self.files[path])
        return buffer.getvalue()

    def archive(self) -> bytes:
        return gzip.compress(self.tar(), 9, mtime=0)

    def write(self, folder: Path) -> None:
        """Write the archive, unless what is there holds the same (zlib may pack it otherwise)."""
        path = folder / f"{self.name}.tar.gz"
        if not path.exists() or gzip.decompress(path.read_bytes()) != self.tar():
            path.write_bytes(self.archive())


def _add(out: tarfile.TarFile, name: str, content: Member) -> None:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode, data = 1795525597, 0o644, b""
    if isinstance(content, Link):
        info.type, info.linkname = tarfile.SYMTYPE, content.target
    elif isinstance(content, Special):
        info.type = {"fifo": tarfile.FIFOTYPE, "folder": tarfile.DIRTYPE}.get(content.kind, tarfile.REGTYPE)
        info.mode, data = {"folder": 0o755, "unreadable": 0}.get(content.kind, 0o644), content.data
    else:
        data = content
    info.size = len(data)
    out.addfile(info, io.BytesIO(data))


def _answer(
    verdict: str, seq: int | None, path: str, not_checked: tuple[str, ...], notes: tuple[str, ...]
) -> dict[str, Any]:
    first = None if seq is None and not path else {"seq": seq, "path": path}
    return {"verdict": verdict, "exit": EXITS[verdict], "first": first, "not_checked": list(not_checked),
            "notes": list(notes)}  # fmt: skip


def without(verdict: str, *not_checked: str, seq: int | None = None, path: str = "") -> dict[str, Any]:
    """The answer of a verifier that lacks what the vector needs."""
    out = _answer(verdict, seq, path, not_checked, ())
    del out["notes"]
    return out


def expect(bag: Bag, verdict: str, *, seq: int | None = None, path: str = "", notes: tuple[str, ...] = (),
           not_checked: tuple[str, ...] = (), anchors: dict[str, str] | None = None, needs: tuple[str, ...] = (),
           beside: dict[str, Member] | None = None, without: dict[str, Any] | None = None) -> Vector:  # fmt: skip
    """A bag as vector; *beside* are files beside the folder `bag`, which anchors may name."""
    files = {f"bag/{name}": data for name, data in bag.files.items()}
    answer = _answer(verdict, seq, path, not_checked, notes)
    given = SIGNED if anchors is None else anchors
    return Vector("bag", "bag", {**files, **(beside or {})}, given, answer, needs, without)


def expect_citation(cited: dict[str, Any], verdict: str, *, path: str = "", not_checked: tuple[str, ...] = (),
                    anchors: dict[str, str] | None = None, needs: tuple[str, ...] = (),
                    without: dict[str, Any] | None = None, raw: bytes | None = None) -> Vector:  # fmt: skip
    data = json.dumps(cited, indent=1).encode() + b"\n" if raw is None else raw
    answer = _answer(verdict, None, path, not_checked, ())
    given = SIGNED if anchors is None else anchors
    return Vector("citation", "citation.json", {"citation.json": data}, given, answer, needs, without)


def expect_stream(tar: bytes, verdict: str, *, path: str = "", seq: int | None = None, notes: tuple[str, ...] = (),
                  not_checked: tuple[str, ...] = (), frame: bytes | None = None, cut: int | None = None,
                  key: str = "recipient one", anchors: dict[str, str] | None = None) -> Vector:  # fmt: skip
    """A transport; *frame* instead of the zstd frame of *tar*, *cut*: so many bytes of the age stream."""
    data = age(zstd(tar) if frame is None else frame, "recipient one", "recipient two")[:cut]
    files: dict[str, Member] = {"stream.tar.zst.age": data, "identity.txt": identity(key)}
    answer = _answer(verdict, seq, path, not_checked, notes)
    given = SIGNED if anchors is None else anchors
    return Vector("transport", "stream.tar.zst.age", files, given, answer, ("age", "zstd"), None, "identity.txt")


Maker = Callable[[], Vector]


@dataclass
class Register:
    """The vectors, by id."""

    makers: dict[str, tuple[str, str, Maker]] = field(default_factory=dict)

    def __call__(self, name: str, number: str, title: str) -> Callable[[Maker], Maker]:
        def put(maker: Maker) -> Maker:
            assert name not in self.makers, name
            self.makers[name] = number, title, maker
            return maker

        return put

    def made(self) -> Iterator[Vector]:
        for name, (number, title, maker) in self.makers.items():
            vector = maker()
            vector.name, vector.number, vector.title = name, number, title
            yield vector


register = Register()
