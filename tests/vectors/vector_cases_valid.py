"""Cases 38 to 43 and 45, and what else is VALID: anchors, rotation, kinds of contents, notes."""

from __future__ import annotations

import hashlib

from vector_bag import HELLO, WORLD, Bag, Special, small
from vector_cases_tickets import WITNESS
from vector_index import SIGNED, Vector, expect, register
from vector_stream import zstd
from vector_words import EXAMINER, RUN, Signer, T, sha

EARLIER = "2026-11-24T12:06:37.123456789Z"


def sealed(word: str = "bag") -> Bag:
    bag = small(word)
    bag.finish()
    return bag


@register("signer", "38", "Anchored by the signer's own key alone")
def _() -> Vector:
    return expect(sealed(), "VALID", notes=("anchor",))


@register("seal-digest", "", "Anchored by the seal digest that was written down")
def _() -> Vector:
    bag = sealed()
    return expect(bag, "VALID", anchors={"seal": bag.seal_sha256})


@register("trust", "", "Anchored by an allowed_signers file")
def _() -> Vector:
    return expect(sealed(), "VALID", anchors={"trust": "signers"}, beside={"signers": EXAMINER.allowed().encode()})


@register("checkpoint", "", "Anchored by a checkpoint that left the host; the lines behind it are the signer's alone")
def _() -> Vector:
    bag = sealed()
    kept = bag["custody/checkpoints/000000000005.note"]
    return expect(bag, "VALID", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept}, notes=("anchor",))


@register("checkpoint-first", "", "Anchored by the checkpoint of the first line")
def _() -> Vector:
    bag = sealed()
    kept = RUN.note(bag.id, 1, hashlib.sha256(b"\0" + bag.lines[0]).digest())
    return expect(bag, "VALID", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept}, notes=("anchor",))


@register("witness", "", "Anchored by a witness that cosigned a checkpoint")
def _() -> Vector:
    bag = small()
    path = "custody/checkpoints/000000000005.note"
    bag.files[path] = WITNESS.cosigned(bag[path])
    bag.line("push", target="https://witness.example", state="all", pushed=1, failed=0, last_size=5, cosigned=1)
    bag.finish()
    text = "# ours\n\n" + WITNESS.verifier_key
    return expect(bag, "VALID", anchors={"witness": "w.txt"}, beside={"w.txt": text.encode()}, notes=("anchor",))


@register("witness-not-given", "", "A cosignature, but no witness was given: it is not checked and changes nothing")
def _() -> Vector:
    bag = small()
    path = "custody/checkpoints/000000000005.note"
    bag.files[path] = WITNESS.cosigned(bag[path])
    bag.finish()
    return expect(bag, "VALID", not_checked=("cosignatures",))


@register("all-anchors", "", "Signer, trust, seal, checkpoint and witness together")
def _() -> Vector:
    bag = small()
    path = "custody/checkpoints/000000000005.note"
    kept = bag[path]
    bag.files[path] = WITNESS.cosigned(kept)
    bag.finish()
    files = {"signers": EXAMINER.allowed().encode(), "kept.note": kept, "w.txt": WITNESS.verifier_key.encode()}
    given = {**SIGNED, "trust": "signers", "seal": bag.seal_sha256, "checkpoint": "kept.note", "witness": "w.txt"}
    return expect(bag, "VALID", anchors=given, beside={**files})


# ---------------------------------------------------------------- keys
@register("rotation", "", "The run key changes twice; each old key signs the checkpoint that covers its line")
def _() -> Vector:
    bag = small()
    bag.rotate("second")
    bag.artefact(b"after the first rotation")
    bag.rotate("third")
    bag.finish()
    return expect(bag, "VALID")


def handed_on() -> Bag:
    bag = Bag(signer=RUN)
    bag.source()
    bag.artefact(HELLO)
    bag.checkpoint()
    bag.rotate("second", signs=True)
    bag.artefact(WORLD)
    bag.rotate("third", signs=True)
    bag.finish()
    return bag


@register(
    "rotation-signers",
    "",
    "The run key signs the seal, and key lines hand on who signs: a checkpoint from before vouches",
)
def _() -> Vector:
    bag = handed_on()
    kept = bag["custody/checkpoints/000000000003.note"]
    return expect(bag, "VALID", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept}, notes=("anchor",))


@register(
    "rotation-signers-resumed",
    "27",
    "A resume line between the checkpoint and the signer: the checkpoint does not vouch",
)
def _() -> Vector:
    bag = Bag(signer=RUN)
    bag.source()
    kept = bag.checkpoint()
    bag.signer = Signer("second run")
    bag.resume("second run")
    bag.artefact(HELLO)
    bag.rotate("third", signs=True)
    bag.finish()
    return expect(bag, "UNTRUSTED", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept})


@register("fido", "", "Sealed by a FIDO key")
def _() -> Vector:
    signer = Signer("examiner", "ssh:sealbag")
    bag = small(signer=signer)
    bag.finish()
    return expect(bag, "VALID", anchors={"signer": signer.fingerprint})


@register("fido-trust", "", "Sealed by a FIDO key that an allowed_signers file has")
def _() -> Vector:
    signer = Signer("examiner", "ssh:")
    bag = small(signer=signer)
    bag.finish()
    return expect(bag, "VALID", anchors={"trust": "signers"}, beside={"signers": signer.allowed().encode()})


@register("further-signature", "", "A further signature of a kind that no verifier of 1.0 knows")
def _() -> Vector:
    bag = sealed()
    bag.files["custody/seal.json.mldsa44.sig"] = b"of later days"
    return expect(bag, "VALID", not_checked=("other-signatures",))


# ---------------------------------------------------------------- contents
@register("contents", "", "Contents in parts, as extents, under two names, of an image, of a parser; an empty one")
def _() -> Vector:
    bag = small()
    bag.line("artefact", path="/srv/again", outcome="complete", sha256=sha(HELLO), size=6, same_as=2)
    parts = [b"part one", b"part two!"]
    split = {"parts": [bag.store(part) for part in parts], "part_sizes": [8, 9]}
    first = bag.line("artefact", path="/srv/big", outcome="complete", sha256=sha(b"".join(parts)), size=17, **split)
    bag.line(
        "artefact", path="/srv/b", outcome="complete", sha256=sha(b"".join(parts)), size=17, same_as=first, **split
    )
    bag.artefact(b"sparse", extents=[0, 2, 4096, 4], logical_size=8192)
    bag.artefact(b"", path="/srv/empty")
    bag.files["data/images/hd1/disk.raw"] = b"image" * 50
    bag.line("artefact", path="disk", outcome="complete", sha256=sha(b"image" * 50), size=250, method="image",
             stored="data/images/hd1/disk.raw", image_offset=0)  # fmt: skip
    rows = zstd(b'{"action":"logon"}\n')
    bag.files[f"data/derived/evtx/{sha(rows)}.jsonl.zst"] = rows
    bag.line("result", parser="evtx", version="1", content=sha(HELLO), status="ok", sha256=sha(rows), size=len(rows),
             stored=f"data/derived/evtx/{sha(rows)}.jsonl.zst", key=sha(b"key"))  # fmt: skip
    bag.line("artefact", path="/run/fifo", type="fifo", outcome="not-regular")
    bag.finish()
    return expect(bag, "VALID")


def supplementing(bag: Bag) -> Bag:
    """A bag that adds to another."""
    other = Bag("supplement", supplements=[bag.seal_sha256])
    other.artefact(b"results")
    other.finish()
    return other


@register("supplement", "", "A supplementary bag, and a statement in the first that names it")
def _() -> Vector:
    bag = sealed()
    other = supplementing(bag)
    bag.statement("supplement", supplement_bag=other.id, supplement_seal=other.seal_sha256, text="results")
    vector = expect(bag, "VALID", notes=("statements",))
    vector.files.update({f"supplement/{name}": data for name, data in other.files.items()})
    return vector


@register("supplementary-bag", "", "The supplementary bag itself")
def _() -> Vector:
    return expect(supplementing(sealed()), "VALID")


# ---------------------------------------------------------------- notes: 39, 42, 43, 45, 45b, 45c
@register("clock-went-back", "39", "The wall clock went back by an hour between two lines")
def _() -> Vector:
    bag = small()
    bag.line("note", text="back", t=EARLIER)
    bag.finish()
    return expect(bag, "VALID", notes=("clock",))


@register("read-error", "42", "A range that could not be read stands as zeros, and the line says so")
def _() -> Vector:
    bag = small()
    bag.artefact(b"half" + bytes(512), path="/dev/sdb", outcome="partial", bad=[4, 512], code="EIO")
    bag.finish()
    return expect(bag, "VALID", notes=("gaps",))


@register("denied", "42", "An artefact that was denied, one over a cap and one that timed out")
def _() -> Vector:
    bag = small()
    for outcome in ("denied", "over-cap", "timed-out", "failed"):
        bag.line("artefact", path=f"/srv/{outcome}", outcome=outcome, code="EACCES")
    bag.finish()
    return expect(bag, "VALID", notes=("gaps",))


@register("changed", "43", "A file that changed while it was read")
def _() -> Vector:
    bag = small()
    bag.artefact(b"growing log\n", path="/var/log/syslog", flags=["changed"], after_size=99, after_m=T)
    bag.finish()
    return expect(bag, "VALID", notes=("gaps",))


@register("unknown-kind", "45", "A kind of line that a later writer may make")
def _() -> Vector:
    bag = small()
    bag.line("weather", sky="grey", wind=[3, 4])
    bag.finish()
    return expect(bag, "VALID", notes=("ledger",))


@register("future-minor", "45", "A later minor version of the format")
def _() -> Vector:
    bag = small(format="sealbag/1.7")
    bag.finish()
    return expect(bag, "VALID", notes=("ledger",))


@register("litter", "45b", "What operating systems leave behind")
def _() -> Vector:
    bag = sealed()
    bag.files.update({".DS_Store": b"1", "custody/._seal.json": b"2", "custody/checkpoints/Thumbs.db": b"3"})
    bag.files.update({"desktop.ini": b"4", "lost+found": Special("folder"), ".Trashes/501/old": b"5"})
    return expect(bag, "VALID", notes=("litter",))


@register("litter-below-data", "4", "The same below data/, where nothing is excused")
def _() -> Vector:
    bag = sealed()
    bag.files["data/.DS_Store"] = b"1"
    return expect(bag, "INVALID", path="data/.DS_Store")


@register("litter-in-the-tagmanifest", "4", "Litter that the tagmanifest names")
def _() -> Vector:
    bag = small()
    bag.files["desktop.ini"] = b"[x]\n"
    bag.finish()
    return expect(bag, "INVALID", path="desktop.ini")


@register("removed-after-store", "45c", "A content that a virus scanner took away before the seal, which a line says")
def _() -> Vector:
    bag = small()
    at = bag.artefact(b"EICAR")
    del bag.files[bag.object(b"EICAR")]
    bag.line("correct", corrects=at, text="gone", flags=["removed-after-store"], sha256=sha(b"EICAR"))
    bag.finish()
    return expect(bag, "VALID", notes=("removed-after-store",))


@register("removed-and-named-again", "45c", "A line behind the correction names the missing content again: not excused")
def _() -> Vector:
    bag = small()
    at = bag.artefact(b"EICAR")
    bag.line("correct", corrects=at, text="gone", flags=["removed-after-store"], sha256=sha(b"EICAR"))
    bag.artefact(b"EICAR")
    del bag.files[bag.object(b"EICAR")]
    bag.finish()
    return expect(bag, "INVALID", seq=5, path=bag.object(b"EICAR"))
