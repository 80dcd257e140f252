"""Cases 21, 23 to 26 and 36: bags that are not whole, and what could not be read."""

from __future__ import annotations

import random

from vector_bag import HELLO, WORLD, Bag, Special, small, subset
from vector_index import SIGNED, Vector, expect, expect_stream, register, without
from vector_stream import Stream, stream_of
from vector_words import CUSTODIAN, EXAMINER, OTHER, T, one_line

LEDGER, SEAL, SUBSET = "custody/ledger.jsonl", "custody/seal.json", "custody/origin/lines.jsonl"
LOCK = one_line({"pid": 811, "host": "web1", "boot": "b", "t": T}) + b"\n"


def unsealed(bag: Bag, *, notes: tuple[str, ...] = (), anchors: dict[str, str] | None = None, tail: bytes = b"",
             beside: dict[str, bytes] | None = None) -> Vector:  # fmt: skip
    """INCOMPLETE: what was acknowledged is sound."""
    bag.flush()
    bag.files[LEDGER] = bag[LEDGER] + tail
    return expect(bag, "INCOMPLETE", path=SEAL, notes=notes, anchors=anchors, beside={**(beside or {})},
                  not_checked=("seal", "signature", "manifest", "tagmanifest"))  # fmt: skip


@register("torn-line", "21", "Not sealed, and the last line is torn")
def _() -> Vector:
    return unsealed(small(), tail=b'{"seq":5,"kind":"artefa', notes=("ledger",))


@register("torn-line-not-ascii", "21", "Not sealed, and the torn tail is no text at all")
def _() -> Vector:
    return unsealed(small(), tail=bytes(range(11, 99)), notes=("ledger",))


@register("killed-after-open", "23", "Killed after the first line and its checkpoint")
def _() -> Vector:
    bag = Bag()
    bag.checkpoint()
    bag.files["custody/lock"] = LOCK
    bag.files["custody/reserve"] = bytes(1 << 10)
    return unsealed(bag)


@register("killed-before-the-first-checkpoint", "23", "Killed between the first line and its checkpoint")
def _() -> Vector:
    bag = Bag()
    bag.files["custody/lock"] = LOCK
    return unsealed(bag)


@register("killed-while-copying", "23", "Killed while a content was written to tmp/")
def _() -> Vector:
    bag = small()
    bag.files.update({"custody/lock": LOCK, "custody/reserve": bytes(1 << 10), "tmp/0-1": b"half of a con"})
    return unsealed(bag)


@register("killed-before-the-line", "23", "Killed between a content's renaming into data/ and its line")
def _() -> Vector:
    bag = small()
    bag.store(b"not yet named")
    bag.files["custody/lock"] = LOCK
    return unsealed(bag, notes=("objects",))


@register("killed-after-a-key-line", "23", "Killed between a key line and the checkpoint that covers it")
def _() -> Vector:
    bag = small()
    bag.rotate("next", checkpoint=False)
    return unsealed(bag)


@register("killed-after-close", "23", "Killed after close and the last checkpoint")
def _() -> Vector:
    bag = small()
    bag.close()
    bag.checkpoint()
    return unsealed(bag)


@register("killed-before-seal-json", "23", "Killed after the tagmanifest and before seal.json")
def _() -> Vector:
    bag = small()
    bag.finish()
    del bag.files[SEAL], bag.files["custody/seal.json.sig"]
    return unsealed(bag)


@register("killed-before-the-signature", "23", "Killed between seal.json and its signature")
def _() -> Vector:
    bag = small()
    bag.finish()
    del bag.files["custody/seal.json.sig"]
    return unsealed(bag)


@register("killed-and-resumed", "23", "Killed after a key line, cut, resumed and sealed: what stands is sound")
def _() -> Vector:
    bag = small()
    bag.rotate("next", checkpoint=False)
    bag.resume("second run", cut=17, unacknowledged=["ab" * 32], unacknowledged_count=1)
    bag.artefact(b"taken by the second run")
    bag.finish()
    return expect(bag, "VALID")


@register("killed-known-checkpoint", "23", "Not sealed, with a checkpoint that was kept elsewhere and fits")
def _() -> Vector:
    bag = small()
    bag.artefact(b"behind the checkpoint")
    kept = bag["custody/checkpoints/000000000005.note"]
    return unsealed(bag, anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept})


@register("killed-and-signer", "23", "Not sealed, and a signer was given: without a seal nobody has signed")
def _() -> Vector:
    return unsealed(small(), anchors=SIGNED)


@register(
    "killed-payload-flipped", "23", "Not sealed, and an acknowledged content is not as it was: INVALID all the same"
)
def _() -> Vector:
    bag = small()
    bag.flush()
    bag.flip(bag.object(HELLO))
    return expect(bag, "INVALID", seq=2, path=bag.object(HELLO))


@register("seal-taken-away", "23", "The seal was taken away, and its digest had been written down")
def _() -> Vector:
    bag = small()
    digest = bag.finish()
    del bag.files[SEAL], bag.files["custody/seal.json.sig"]
    return expect(bag, "INVALID", anchors={"seal": digest})


@register("disk-full", "24", "The disk was full: the reserve was freed for a close line that says so")
def _() -> Vector:
    bag = small()
    bag.line("artefact", path="/srv/large", outcome="failed", code="stopped", detail="the output is full")
    bag.close("disk-full", failed=1)
    bag.checkpoint()
    bag.files["custody/lock"] = LOCK
    return unsealed(bag, notes=("gaps",))


@register("disk-full-torn", "24", "The disk was full within a line")
def _() -> Vector:
    bag = small()
    bag.files["tmp/0-7"] = b"as much as there was room for"
    return unsealed(bag, tail=b'{"seq":5,"kind":"close","actor":0,"t":"2026', notes=("ledger",))


# ---------------------------------------------------------------- case 25
def part_of(origin: Bag) -> Bag:
    bag = subset(origin, (0, 1, 3))
    bag.source()
    bag.artefact(WORLD, origin_seq=3, path="/srv/file-3")
    bag.finish()
    return bag


@register("subset", "25", "A subset with its proofs, both sides vouched for: sound, and never whole")
def _() -> Vector:
    origin = small()
    origin.finish()
    given = {"signer": CUSTODIAN.fingerprint, "origin": origin.seal_sha256}
    return expect(part_of(origin), "INCOMPLETE", path=SUBSET, anchors=given, notes=("origin",))


@register("subset-trust", "25", "The same, with both signers in one allowed_signers file")
def _() -> Vector:
    origin = small()
    origin.finish()
    text = CUSTODIAN.allowed(principal="carl") + EXAMINER.allowed()
    return expect(
        part_of(origin), "INCOMPLETE", path=SUBSET, anchors={"trust": "signers"}, beside={"signers": text.encode()}
    )


@register("subset-origin-unknown", "25", "A subset for whose origin nobody vouches: INCOMPLETE wins over UNTRUSTED")
def _() -> Vector:
    origin = small(signer=OTHER)
    origin.finish()
    return expect(part_of(origin), "INCOMPLETE", path=SUBSET, anchors={"signer": CUSTODIAN.fingerprint})


@register("subset-redacted", "25", "A subset whose content is a redacted one, and says of which line")
def _() -> Vector:
    origin = small()
    origin.finish()
    bag = subset(origin, (0, 1, 3))
    bag.source()
    bag.artefact(WORLD.replace(b"web1", b"####"), redacted_from=3, path="/srv/file-3", detail="the host's name")
    bag.finish()
    given = {"signer": CUSTODIAN.fingerprint, "origin": origin.seal_sha256}
    return expect(bag, "INCOMPLETE", path=SUBSET, anchors=given)


# ---------------------------------------------------------------- case 26
def noise(count: int) -> bytes:
    return random.Random(7).randbytes(count)


def large() -> Bag:
    bag = small()
    bag.artefact(noise(60_000))
    bag.finish()
    return bag


@register(
    "stream-cut", "26", "The age stream was cut behind its first 64 KiB: the ledger's lines had come, the seal had not"
)
def _() -> Vector:
    bag = large()
    stream = Stream(bag.id)
    for path in sorted(p for p in bag.files if p.startswith("data/objects") and bag[p] in (HELLO, WORLD)):
        stream.file(path, bag[path])
    stream.ledger(bag.lines[:5])
    checkpoint = "custody/checkpoints/000000000005.note"
    stream.file(checkpoint, bag[checkpoint])
    stream.file(bag.object(noise(60_000)), noise(60_000))
    stream.file("bag-info.txt", noise(9_000))  # so that the cut falls behind what was acknowledged
    return expect_stream(bytes(stream.out), "INCOMPLETE", cut=1 << 16 | 1 << 10, path=SEAL)


@register("stream-without-end", "26", "The stream ends, well encrypted, before the seal")
def _() -> Vector:
    bag = small()
    bag.finish()
    return expect_stream(bytes(stream_of(bag, seal=False).out), "INCOMPLETE", path=SEAL)


@register("stream-without-signature", "26", "Only the last file and the end are missing")
def _() -> Vector:
    bag = small()
    bag.finish()
    stream = stream_of(bag, seal=False)
    stream.file(SEAL, bag[SEAL])
    return expect_stream(bytes(stream.out), "INCOMPLETE", path=SEAL)


@register("stream-in-mid-part", "26", "The tar ends within a part")
def _() -> Vector:
    bag = small()
    bag.finish()
    stream = stream_of(bag, seal=False)
    stream.part(b"x" * 900)
    return expect_stream(bytes(stream.out)[:-700], "INCOMPLETE", path=SEAL)


# ---------------------------------------------------------------- case 36
@register("unreadable", "36", "A content that whoever verifies may not read (to root, who may read all, it is sound)")
def _() -> Vector:
    bag = small()
    bag.finish()
    path = bag.object(WORLD)
    bag.files[path] = Special("unreadable", WORLD)
    return expect(bag, "IO ERROR", seq=3, path=path, needs=("unreadable",), without=without("VALID"))
