"""Cases 32 to 35 and 37: names, members and sizes by which a bag or a transport would lead outside, and wrong keys."""

from __future__ import annotations

from functools import partial

from vector_bag import Bag, small
from vector_index import Vector, expect, expect_stream, register
from vector_stream import END_FRAME, FRAME, MOST, Stream, header, member, pax, repeats, stream_of, zeros, zstd_body
from vector_words import T, one_line, sha


def sealed(word: str = "bag") -> Bag:
    bag = small(word)
    bag.finish()
    return bag


def whole(bag: Bag | None = None, **fields: object) -> bytes:
    bag = bag or sealed()
    return stream_of(bag, **fields).end()  # type: ignore[arg-type]


# ---------------------------------------------------------------- case 32: names
NAMES = {
    "parent": ("../outside", "a component .."),
    "parent-within": ("custody/../../outside", "a component .. within"),
    "absolute": ("/etc/cron.d/x", "an absolute path"),
    "drive": ("C:/Windows/x", "a drive"),
    "drive-relative": ("c:x", "a path relative to a drive's folder"),
    "unc": ("//server/share/x", "a UNC path with slashes"),
    "unc-backslash": ("\\\\server\\share\\x", "a UNC path"),
    "backslash": ("custody\\x", "a backslash"),
    "device": ("CON", "a device of Windows"),
    "device-with-suffix": ("custody/keys/nul.pub", "a device of Windows with a suffix"),
    "device-superscript": ("COM\u00b9", "a device of Windows with a superscript digit"),
    "trailing-dot": ("bag-info.txt.", "a dot at the end, which Windows leaves out"),
    "trailing-space": ("custody /x", "a space at the end of a folder's name, which Windows leaves out"),
    "stream": ("bag-info.txt:hidden", "a stream of NTFS"),
    "stream-type": ("bag-info.txt::$DATA", "a stream of NTFS with its type"),
    "control": ("a\x1bb", "a control character"),
    "line-break": ("a\nb", "a line break"),
    "empty-component": ("custody//x", "an empty component"),
    "empty": ("", "no name at all"),
    "dot": ("./bagit.txt", "a component ."),
    "too-long": ("x/" * 2048 + "x", "4,097 bytes, nested 2,048 deep"),
    "deep": ("x/" * 16 + "x", "17 components"),
}


def _name(path: str) -> Vector:
    stream = Stream(sealed().id)
    stream.file(path, b"planted\n")
    return expect_stream(stream.end(), "UNSAFE", path="file/000000000000")


for _id, (_path, _what) in NAMES.items():
    register(f"stream-path-{_id}", "32", f"A file of a transport is named by {_what}")(partial(_name, _path))


def listed(path: str, manifest: str) -> Vector:
    """A sealed bag whose manifest names this path."""
    bag = small()
    bag.close()
    bag.checkpoint()
    bag.flush()
    bag.manifests()
    bag.files[manifest] = bag[manifest] + f"{sha(b'')}  {path}\n".encode()
    if manifest == "manifest-sha256.txt":
        bag.tagmanifest()
    bag.seal_only()
    return expect(bag, "UNSAFE", path=path.replace("\\", "\\\\"))


for _id, _path in (("parent", "data/../../outside"), ("absolute", "/etc/passwd"), ("drive", "data/C:/x"),
                   ("backslash", "data\\objects")):  # fmt: skip
    register(f"manifest-{_id}", "32", f"The manifest of a sealed bag names {_path}")(
        partial(listed, _path, "manifest-sha256.txt")
    )


@register("tagmanifest-parent", "32", "The tagmanifest of a sealed bag names a path that leads outside")
def _() -> Vector:
    return listed("../outside", "tagmanifest-sha256.txt")


def stored(path: str) -> Vector:
    bag = small()
    bag.line("artefact", path="/dev/sda", outcome="complete", sha256=sha(b""), size=0, stored=path)
    bag.finish()
    return expect(bag, "UNSAFE", seq=5)


for _id, _path in (("parent", "data/images/../../../outside"), ("elsewhere", "custody/seal.json"),
                   ("absolute", "/etc/passwd"), ("name", "data/images/hd1/Disk.raw"),
                   ("deep", "data/images/hd1/a/b")):  # fmt: skip
    register(f"stored-{_id}", "32", f"A line says that its content is stored as {_path}")(partial(stored, _path))


# ---------------------------------------------------------------- case 33: members that are no files
KINDS = {"hard-link": b"1", "link": b"2", "character-device": b"3", "block-device": b"4", "folder": b"5", "fifo": b"6"}


def _kind(kind: bytes) -> Vector:
    stream = Stream(sealed().id)
    stream.add("part/000000000000", kind=kind, link=b"/etc/passwd" if kind in b"12" else b"")
    return expect_stream(stream.end(), "UNSAFE", path="part/000000000000")


for _id, _type in KINDS.items():
    register(f"stream-{_id}", "33", f"A member of a transport is a {_id.replace('-', ' ')}")(partial(_kind, _type))


# ---------------------------------------------------------------- case 34, and members of other names and order
def after_files(name: str | bytes, data: bytes = b"") -> Vector:
    """A whole stream but for its end, then one member more."""
    stream = stream_of(sealed())
    stream.add(name, data)
    return expect_stream(stream.end(), "UNSAFE", path=name if isinstance(name, str) else "")


@register("stream-duplicate-part", "34", "A second part of one number")
def _() -> Vector:
    return after_files("part/000000000000", b"again")


@register("stream-duplicate-file", "34", "A second file of one number")
def _() -> Vector:
    return after_files("file/000000000000", one_line({"path": "x", "size": 0, "sha256": sha(b"")}) + b"\n")


@register("stream-duplicate-path", "34", "Two files of one path")
def _() -> Vector:
    stream = stream_of(sealed())
    at = f"file/{stream.files:012d}"
    stream.file("bag-info.txt", b"Bagging-Date: 2026-11-23\n")
    return expect_stream(stream.end(), "UNSAFE", path=at)


@register("stream-duplicate-head", "34", "A second transport.json")
def _() -> Vector:
    return after_files(
        "transport.json", one_line({"format": "sealbag-transport/1.0", "bag": sealed().id, "t": T}) + b"\n"
    )


@register("stream-ledger-as-file", "34", "The ledger comes as a file too")
def _() -> Vector:
    bag = sealed()
    stream = stream_of(bag)
    at = f"file/{stream.files:012d}"
    stream.file("custody/ledger.jsonl", bag["custody/ledger.jsonl"])
    return expect_stream(stream.end(), "UNSAFE", path=at)


@register("stream-unknown-member", "34", "A member of a name that section 16 does not have")
def _() -> Vector:
    return after_files("README", b"hello")


@register("stream-part-skipped", "34", "The number of a part leaves one out")
def _() -> Vector:
    stream = Stream(sealed().id)
    stream.add("part/000000000001", b"x")
    return expect_stream(stream.end(), "UNSAFE", path="part/000000000001")


@register("stream-ledger-gap", "34", "Lines of the ledger are left out between two members")
def _() -> Vector:
    bag = sealed()
    stream = Stream(bag.id)
    stream.ledger(bag.lines[:2])
    stream.lines = 3
    stream.ledger(bag.lines[3:])
    return expect_stream(stream.end(), "UNSAFE", path="ledger/000000000003")


@register("stream-without-head", "34", "The first member is no transport.json")
def _() -> Vector:
    return expect_stream(member("part/000000000000", b"x") + bytes(1024), "UNSAFE", path="part/000000000000")


@register("stream-behind-its-end", "34", "A member behind the last")
def _() -> Vector:
    stream = stream_of(sealed())
    tar = stream.end()[:-1024] + member(f"part/{stream.parts:012d}", b"x") + bytes(1024)
    return expect_stream(tar, "UNSAFE", path=f"part/{stream.parts:012d}")


# ---------------------------------------------------------------- case 35: bombs
def bomb(head: bytes, blocks: bytes, path: str) -> Vector:
    frame = FRAME + zstd_body(bytes(Stream(sealed().id).out) + head) + blocks + END_FRAME
    return expect_stream(b"", "UNSAFE", path=path, frame=frame)


@register("stream-bomb-part", "35", "A part of one GiB of zeros")
def _() -> Vector:
    return bomb(header(b"part/000000000000", 1 << 30), zeros(1 << 11), "part/000000000000")


@register("stream-bomb-base256", "35", "A part whose header asks for 2^62 bytes, in the binary form of the size")
def _() -> Vector:
    number = b"\x80" + (1 << 62).to_bytes(11, "big")
    return bomb(header(b"part/000000000000", 0, number=number), zeros(4), "part/000000000000")


@register("stream-bomb-pax", "35", "A pax header of one GiB")
def _() -> Vector:
    return bomb(header(b"PaxHeaders/x", 1 << 30, b"x"), zeros(1 << 11), "PaxHeaders/x")


@register("stream-bomb-pax-size", "35", "A pax header that gives the part behind it 2^50 bytes")
def _() -> Vector:
    head = pax(size=str(1 << 50)) + header(b"part/000000000000", 4)
    return bomb(head, zeros(4), "part/000000000000")


@register("stream-bomb-line", "35", "A file member whose line is 32 MiB")
def _() -> Vector:
    return bomb(header(b"file/000000000000", 2 * MOST), zeros(256), "file/000000000000")


@register("stream-bomb-lines", "35", "A ledger member of 16 MiB and one byte")
def _() -> Vector:
    return bomb(header(b"ledger/000000000000", MOST + 1), zeros(129), "ledger/000000000000")


@register("stream-beyond-its-size", "35", "The parts of a file are more bytes than it says")
def _() -> Vector:
    stream = Stream(sealed().id)
    stream.part(b"x" * 600)
    stream.file("bag-info.txt", b"y" * 600, size=600)
    return expect_stream(stream.end(), "UNSAFE", path="file/000000000000")


@register("stream-nested", "35", "The line of a file nests a hundred thousand arrays")
def _() -> Vector:
    stream = Stream(sealed().id)
    stream.add("file/000000000000", b'{"path":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")
    return expect_stream(stream.end(), "UNSAFE", path="file/000000000000")


@register("stream-million-members", "35", "A million members, all of one name")
def _() -> Vector:
    frame = FRAME + zstd_body(bytes(Stream(sealed().id).out) + header(b"part/000000000000", 0)) + repeats(3907)
    return expect_stream(b"", "UNSAFE", path="part/000000000000", frame=frame + END_FRAME)


# ---------------------------------------------------------------- digests, and case 37
@register("stream-file-flipped", "1", "A file of a transport has another digest than its line says")
def _() -> Vector:
    stream = Stream(sealed().id)
    stream.file("bag-info.txt", b"Bagging-Date: 2026-11-24\n", sha256=sha(b"another"))
    return expect_stream(stream.end(), "INVALID", path="file/000000000000")


@register("stream-file-shortened", "2", "A file of a transport is shorter than its line says")
def _() -> Vector:
    stream = Stream(sealed().id)
    stream.file("bag-info.txt", b"Bagging-Date: 2026-11-24\n", size=99)
    return expect_stream(stream.end(), "INVALID", path="file/000000000000")


@register("stream-payload-tampered", "1", "A transport of a bag whose content was changed before it was packed")
def _() -> Vector:
    bag = sealed()
    path = next(p for p in sorted(bag.files) if p.startswith("data/"))
    bag.flip(path)
    seq = next(s for s, line in enumerate(bag.lines) if path.rpartition("/")[2].encode() in line)
    return expect_stream(whole(bag), "INVALID", seq=seq, path=path)


@register("stream-of-another-bag", "12", "transport.json names another bag than the ledger")
def _() -> Vector:
    bag = sealed()
    stream, head = stream_of(bag), Stream(bag.id)
    other = Stream(sealed("another").id)
    stream.out[: len(head.out)] = other.out
    return expect_stream(stream.end(), "INVALID")


@register("stream-major-2", "30", "A transport of a major version that is not known")
def _() -> Vector:
    return expect_stream(Stream(sealed().id, format="sealbag-transport/2.0").end(), "UNTRUSTED")


@register("stream-wrong-key", "37", "The age identity is none of the recipients'")
def _() -> Vector:
    return expect_stream(whole(), "IO ERROR", key="somebody else")


@register("stream-no-age", "37", "What came is no age stream")
def _() -> Vector:
    vector = expect_stream(b"", "IO ERROR")
    vector.files["stream.tar.zst.age"] = b"<html>404 not found</html>\n"
    return vector


@register("stream", "", "A transport of a sealed bag, whole")
def _() -> Vector:
    return expect_stream(whole(), "VALID")


@register("stream-in-small-parts", "", "A transport whose parts are 200 bytes")
def _() -> Vector:
    return expect_stream(whole(cut=200), "VALID")
