"""Run keys rotate: who takes the host later cannot have signed what came before; no crash or full disk breaks it."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testkit import check_needs

from forensics import Bag, Key, verify
from forensics.custody import bag as bag_module
from forensics.custody import sshsig
from forensics.custody.bag import BagWriter
from forensics.custody.keys import RunKey
from forensics.custody.ledger import Ledger
from forensics.custody.notes import checkpoint_body, parse_checkpoint, parse_note, sign_note, verify_note
from forensics.custody.seal import seal
from forensics.custody.tree import Tree
from forensics.errors import DiskFull, KeyInvalid
from forensics.hashing import write

ABOUT: dict[str, Any] = {
    "case": "7", "exhibit": "", "examiner": "", "actors": ["sealbag: program"], "tool": "sealbag", "version": "0",
    "profile": "full", "profile_sha256": "0" * 64,
}  # fmt: skip


def lines(bag: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bag / "custody/ledger.jsonl").read_bytes().splitlines()]


def of(bag: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in lines(bag) if line["kind"] == kind]


def raw(text: str) -> bytes:
    return base64.b64decode(text)


def note_of(bag: Path, size: int) -> Path:
    return bag / f"custody/checkpoints/{size:012d}.note"


def test_each_phase_of_a_collection_rotates(sealed: Bag) -> None:
    """The bag is sealed by an examiner's key: only run keys change."""
    said = lines(sealed.path)
    keys = [raw(said[0]["run_key"]), *(raw(line["run_key"]) for line in of(sealed.path, "key"))]
    assert len(keys) >= 4 and len(set(keys)) == len(keys)
    assert not any("signer" in line for line in of(sealed.path, "key"))
    # by hand: each checkpoint by the key of its time; over a rotation by the one that goes
    current, previous, tree = b"", b"", Tree()
    for data, line in zip((sealed.path / "custody/ledger.jsonl").read_bytes().splitlines(), said, strict=True):
        tree.append(data)
        if "run_key" in line:
            previous, current = current, raw(line["run_key"])
        path = note_of(sealed.path, tree.size)
        assert path.exists() or line["kind"] != "key"
        if path.exists():
            note = parse_note(path.read_bytes())
            signer = previous if line["kind"] == "key" else current
            assert verify_note(note, f"sealbag/{sealed.id}", signer)
            assert parse_checkpoint(note.text).root == tree.root()
            assert not any(verify_note(note, f"sealbag/{sealed.id}", key) for key in keys if key != signer)


def test_the_key_that_goes_is_erased_and_the_seal_is_by_the_last(tmp_path: Path) -> None:
    bag = BagWriter.create(tmp_path / "bag", ABOUT)
    used = [bag.run_key]
    for _ in range(3):
        bag.line("note", {"text": "work"})
        bag.phase()
        used.append(bag.run_key)
    assert [key.erased for key in used] == [True, True, True, False]
    with pytest.raises(KeyInvalid, match="erased"):
        used[0].sign_raw(b"a checkpoint of the past")
    done = seal(bag)
    assert done.signer == used[-1].fingerprint
    keys = of(tmp_path / "bag", "key")
    assert [line["signer"] for line in keys] == [key.fingerprint for key in used[1:]]
    assert verify(tmp_path / "bag", signer=done.signer).code == "VALID"
    assert verify(tmp_path / "bag", signer=used[0].fingerprint).code == "UNTRUSTED"


def test_a_key_serves_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(bag_module.time, "monotonic", lambda: now[0])
    bag = BagWriter.create(tmp_path / "bag", ABOUT)
    first = bag.run_key
    for passed, rotated in ((599.0, False), (601.0, True)):
        now[0] = 1000.0 + passed
        bag.line("note", {"text": "work"})
        bag.commit()
        assert (bag.run_key is not first) is rotated and first.erased is rotated
    seal(bag)
    assert len(of(tmp_path / "bag", "key")) == 1
    assert verify(tmp_path / "bag", signer=bag.signing.fingerprint).code == "VALID"


def forge(
    bag: Path, change: Callable[[list[dict[str, Any]]], None], sign: Callable[[int], RunKey], last: RunKey
) -> None:
    """What a thief of the last run key does: other lines, all checkpoints and the seal made anew."""
    said = lines(bag)
    change(said)
    tree, ident = Tree(), said[0]["bag"]
    text = [json.dumps(line, separators=(",", ":")).encode() for line in said]
    for data in text:
        tree.append(data)
        path = note_of(bag, tree.size)
        if path.exists():
            name = f"sealbag/{ident}"
            path.write_bytes(sign_note(checkpoint_body(name, tree.size, tree.root()), name, sign(tree.size)))
    (bag / "custody/ledger.jsonl").write_bytes(b"".join(data + b"\n" for data in text))
    tags = bag / "tagmanifest-sha256.txt"
    names = [line.split("  ", 1)[1] for line in tags.read_text().splitlines()]
    tags.write_text("".join(f"{hashlib.sha256((bag / name).read_bytes()).hexdigest()}  {name}\n" for name in names))
    sealed = json.loads((bag / "custody/seal.json").read_bytes())
    sealed |= {"root": tree.root().hex(), "tagmanifest_sha256": hashlib.sha256(tags.read_bytes()).hexdigest()}
    data = json.dumps(sealed, separators=(",", ":")).encode() + b"\n"
    (bag / "custody/seal.json").write_bytes(data)
    (bag / "custody/seal.json.sig").write_bytes(sshsig.sign(last, data, "sealbag-seal-v1"))


def test_who_has_the_last_key_cannot_rewrite_what_came_before(tmp_path: Path) -> None:
    bag = BagWriter.create(tmp_path / "bag", ABOUT)
    bag.line("note", {"text": "it was seen"})
    bag.phase()
    bag.line("note", {"text": "later"})
    bag.phase()
    last = bag.run_key
    seal(bag)
    path, signer = tmp_path / "bag", last.fingerprint
    assert verify(path, signer=signer).code == "VALID"
    held = tmp_path / "held.note"  # a checkpoint that left the host
    held.write_bytes(note_of(path, 4).read_bytes())
    tagged = of(path, "key")[-1]["seq"] + 1

    def lie(said: list[dict[str, Any]]) -> None:
        next(line for line in said if line.get("text") == "it was seen")["text"] = "nothing was"

    forge(path, lie, lambda _: last, last)
    verdict = verify(path, signer=signer)
    assert verdict.code == "INVALID" and verdict.first is not None
    assert verdict.first.path == "custody/checkpoints/000000000002.note"
    assert tagged > 4 and verify(path, checkpoint=held).code == "INVALID"

    # and if the first line names the thief's key for all of it, what left the host still says otherwise
    def own(said: list[dict[str, Any]]) -> None:
        for line in said:
            if "run_key" in line:
                line |= {"run_key": base64.b64encode(last.public_raw).decode(), "signer": signer}
                line["signer_key"] = line["run_key"]

    forge(path, own, lambda _: last, last)
    assert verify(path, signer=signer, checkpoint=held).code == "INVALID"


def killed(work: Callable[[], None]) -> None:
    """Run *work* in a child, which must end by SIGKILL."""
    check_needs("posix")
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.mark.parametrize("with_key", [False, True])
def test_killed_between_the_key_line_and_its_checkpoint(tmp_path: Path, with_key: bool) -> None:
    path, key = tmp_path / "bag", Key.one_off() if with_key else None

    def work() -> None:
        bag = BagWriter.create(path, ABOUT, key=key)
        bag.line("note", {"text": "work"})
        bag.phase()
        bag.line("note", {"text": "more"})
        bag.commit()
        Ledger.checkpoint = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign,assignment]
        bag.phase()

    killed(work)
    size = len(lines(path))
    assert lines(path)[-1]["kind"] == "key" and not note_of(path, size).exists()
    assert verify(path).code == "INCOMPLETE"
    bag = BagWriter.resume(path, ABOUT, key=key)
    bag.line("note", {"text": "after"})
    bag.phase()
    done = seal(bag)
    assert lines(path)[size]["kind"] == "resume" and not note_of(path, size).exists()
    verdict = verify(path, signer=done.signer)
    assert verdict.code == "VALID", verdict.first
    assert verify(path, checkpoint=note_of(path, 2), signer=done.signer).code == "VALID"


@pytest.mark.parametrize("at", ["ledger", "note"])
def test_a_full_disk_at_the_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """The key line, or its checkpoint, finds no room: said, resumed, VALID; the old key is gone or still in use."""
    path = tmp_path / "bag"
    bag = BagWriter.create(path, ABOUT)
    bag.line("note", {"text": "work"})
    bag.commit()
    first, really, armed = bag.run_key, os.write, [True]

    def full(fd: int, data: memoryview) -> int:
        if armed[0] and at in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(fd, data)

    check_needs("linux")
    monkeypatch.setattr(write, "os_write", full)
    with pytest.raises(DiskFull):
        bag.phase()
    # a key line that is not there changes nothing; once it is, the old key is gone whatever fails next
    assert first.erased is (at == "note") and (bag.run_key is first) is (at == "ledger")
    assert bag.ledger.run_key is bag.run_key and not bag.run_key.erased
    armed[0] = False
    bag.abandon("disk-full")
    assert lines(path)[-1] == {**lines(path)[-1], "kind": "close", "state": "disk-full"}
    verdict = verify(path)
    assert verdict.code == "INCOMPLETE", verdict.first
    again = BagWriter.resume(path, ABOUT)
    again.phase()
    done = seal(again)
    verdict = verify(path, signer=done.signer)
    assert verdict.code == "VALID", verdict.first
