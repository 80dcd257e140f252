"""The seal: manifests, views, seal.json and its signature, in this order (docs/format.md §6, §7, §11)."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forensics.custody import layout
from forensics.custody.bag import SETTLE_SECONDS, BagWriter
from forensics.custody.ledger import write_file
from forensics.custody.lines import FORMAT, now, read_lines
from forensics.custody.resume import object_names
from forensics.custody.sshsig import sign
from forensics.custody.store import ObjectStore
from forensics.custody.texts import verify_text
from forensics.hashing.write import storage_error

NAMESPACE = "sealbag-seal-v1"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Seal:
    """A bag's seal.

    :param sha256: the seal digest: SHA-256 of seal.json, to be written down.
    """

    sha256: str
    signer: str
    size: int
    root: str
    removed: int


def seal(bag: BagWriter, write_views: Callable[[Path], None] | None = None) -> Seal:
    """Close and seal a bag; the writer lets go of it.

    :param write_views: called with the bag's folder when the ledger is frozen, to write
        ``catalogue.csv`` and ``verify.py``.
    :raises StorageError: the bag then stays unsealed and can be resumed.
    """
    bag.commit()
    removed = _note_removed(bag)
    close_seq = bag.close("complete", removed_after_store=removed)
    if bag.targets is not None:
        bag.targets.settle(SETTLE_SECONDS)
        bag.ledger.cosign()
    layout.remove_unfinished(bag.path)
    layout.free_reserve(bag.path)
    payload = _write_manifest(bag.path, bag.store)
    if write_views is not None:
        write_views(bag.path)
    _write_texts(bag, payload)
    _remove_folder(bag.path / "tmp")
    bag.release_lock()
    tags = _write_tagmanifest(bag.path)
    about = bag.state.open
    root = bag.ledger.tree.root().hex()
    text = {
        "format": FORMAT, "bag": bag.id, "case": about.get("case", ""), "exhibit": about.get("exhibit", ""),
        "size": bag.ledger.tree.size, "root": root, "tagmanifest_sha256": tags, "close_seq": close_seq,
        "t": now(), "signer": bag.signing.fingerprint,
    }  # fmt: skip
    data = json.dumps(text, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
    custody = bag.path / "custody"
    write_file(custody / "seal.json", data)
    write_file(custody / "seal.json.sig", sign(bag.signing, data, NAMESPACE))
    bag.release()
    return Seal(hashlib.sha256(data).hexdigest(), bag.signing.fingerprint, bag.ledger.tree.size, root, removed)


def _note_removed(bag: BagWriter) -> int:
    """Stat every object; one that was removed behind our back gets a ``correct`` line."""
    missing: set[str] = set()
    already: set[str] = set()
    first: dict[str, int] = {}
    for _, line in read_lines(bag.path):
        if line["kind"] == "correct" and "removed-after-store" in line.get("flags", ()):
            already.add(line["sha256"])
        for name in object_names(line):
            if name not in missing and not bag.store.has(f"data/objects/{name[:2]}/{name}"):
                missing.add(name)
                first[name] = line["seq"]
    for name in sorted(missing - already):
        bag.line(
            "correct",
            {
                "corrects": first[name],
                "sha256": name,
                "flags": ["removed-after-store"],
                "text": "stored and acknowledged, gone before the seal: another program (a virus scanner?) took it",
            },
        )
    return len(missing)


def _write_manifest(bag: Path, store: ObjectStore) -> tuple[int, int]:
    """Write manifest-sha256.txt from what the ledger names; return (octets, files)."""
    octets = files = 0
    objects: dict[bytes, int] = {}
    named: dict[str, tuple[str, int]] = {}
    for _, line in read_lines(bag):
        parts = line.get("part_sizes") or [line.get("size", 0)]
        objects.update((bytes.fromhex(name), size) for name, size in zip(object_names(line), parts, strict=False))
        if "stored" in line:
            named[line["stored"]] = (line["sha256"], line["size"])
    lines: list[str] = []
    # sorted by path as bytes: data/derived, data/images, data/objects
    for stored in sorted(named):
        sha256, size = named[stored]
        if store.has(stored):
            lines.append(f"{sha256}  {stored}\n")
            octets, files = octets + size, files + 1
    for digest in sorted(objects):
        name = digest.hex()
        if store.has(f"data/objects/{name[:2]}/{name}"):
            lines.append(f"{name}  data/objects/{name[:2]}/{name}\n")
            octets, files = octets + objects[digest], files + 1
    write_file(bag / "manifest-sha256.txt", "".join(lines).encode("ascii"))
    return octets, files


def _write_texts(bag: BagWriter, payload: tuple[int, int]) -> None:
    path, about = bag.path, bag.state.open
    write_file(path / "bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    info = [
        f"Bag-Software-Agent: sealbag {about['version']}",
        f"Bagging-Date: {time.strftime('%Y-%m-%d', time.gmtime())}",
        f"External-Identifier: {bag.id}",
        f"Payload-Oxum: {payload[0]}.{payload[1]}",
    ]
    write_file(path / "bag-info.txt", ("\n".join(info) + "\n").encode("utf-8"))
    public = f"{bag.signing.public_line.split(' ', 2)[0]} {bag.signing.public_line.split(' ', 2)[1]} signer\n"
    write_file(path / "custody" / "keys" / "signer.pub", public.encode("ascii"))
    if bag.signing.certificate:
        write_file(path / "custody" / "keys" / "signer-cert.pub", bag.signing.certificate.encode("ascii") + b"\n")
    write_file(path / "VERIFY.txt", verify_text(bag.signing.fingerprint).encode("utf-8"))


def _remove_folder(path: Path) -> None:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, str(path)) from error


def _tag_files(bag: Path) -> Iterator[str]:
    for path in bag.iterdir():
        if path.is_file() and path.name != "tagmanifest-sha256.txt":
            yield path.name
    custody = bag / "custody"
    for path in custody.iterdir():
        if path.is_file() and not path.name.startswith("seal.json") and not path.name.endswith(".tsr"):
            yield f"custody/{path.name}"
    for folder in ("checkpoints", "keys"):
        for path in (custody / folder).iterdir():
            yield f"custody/{folder}/{path.name}"
    # of a subset: what it was taken from
    for path in (custody / "origin").rglob("*"):
        if path.is_file():
            yield path.relative_to(bag).as_posix()


def _write_tagmanifest(bag: Path) -> str:
    lines = [f"{_sha256(bag / name)}  {name}\n" for name in sorted(_tag_files(bag), key=os.fsencode)]
    data = "".join(lines).encode("ascii")
    write_file(bag / "tagmanifest-sha256.txt", data)
    return hashlib.sha256(data).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
