"""Cases 1 to 12, 20, 20b and 22: what was sealed is not what is there."""

from __future__ import annotations

from vector_bag import HELLO, WORLD, Bag, Special, small
from vector_index import Vector, expect, register
from vector_words import OTHER, RUN, Signer, tree

LEDGER, TAGS = "custody/ledger.jsonl", "tagmanifest-sha256.txt"


def sealed() -> Bag:
    bag = small()
    bag.finish()
    return bag


def retag(bag: Bag) -> None:
    """As an insider without the key does: manifests anew, the seal kept."""
    bag.files["manifest-sha256.txt"] = bag._names(data=True)
    bag.tagmanifest()


@register("flip-payload", "1", "One bit of a content is not as it was sealed")
def _() -> Vector:
    bag = sealed()
    path = bag.object(WORLD)
    bag.flip(path, 7)
    return expect(bag, "INVALID", seq=3, path=path)


@register("flip-payload-empty-line", "1", "A content grew by one byte")
def _() -> Vector:
    bag = sealed()
    path = bag.object(HELLO)
    bag.files[path] = HELLO + b"\n"
    return expect(bag, "INVALID", seq=2, path=path)


@register("shortened-payload", "2", "A content lost its last byte")
def _() -> Vector:
    bag = sealed()
    path = bag.object(HELLO)
    bag.files[path] = HELLO[:-1]
    return expect(bag, "INVALID", seq=2, path=path)


@register("deleted-payload", "3", "A content is not there")
def _() -> Vector:
    bag = sealed()
    path = bag.object(WORLD)
    del bag.files[path]
    return expect(bag, "INVALID", seq=3, path=path)


@register("deleted-payload-rewritten", "3", "A content is not there, and the manifests say so")
def _() -> Vector:
    bag = sealed()
    path = bag.object(WORLD)
    del bag.files[path]
    retag(bag)
    return expect(bag, "INVALID", seq=3, path=path)


@register("deleted-tag-file", "3", "A file outside data/ that the tagmanifest names is not there")
def _() -> Vector:
    bag = sealed()
    del bag.files["VERIFY.txt"]
    return expect(bag, "INVALID", path="VERIFY.txt")


@register(
    "deleted-checkpoint", "3", "The checkpoint that covers the last line is not there, and the tagmanifest is rewritten"
)
def _() -> Vector:
    bag = sealed()
    del bag.files["custody/checkpoints/000000000006.note"]
    bag.tagmanifest()
    return expect(bag, "INVALID", path="custody/checkpoints")


@register("added-to-data", "4", "A content that no line names")
def _() -> Vector:
    bag = sealed()
    bag.store(b"planted")
    return expect(bag, "INVALID", path=bag.object(b"planted"))


@register("added-to-root", "4", "A file beside bagit.txt that nothing provides for")
def _() -> Vector:
    bag = sealed()
    bag.files["README"] = b"planted\n"
    return expect(bag, "INVALID", path="README")


@register("added-to-custody", "4", "A file in custody/ that nothing provides for")
def _() -> Vector:
    bag = sealed()
    bag.files["custody/seal.json.bak"] = bag["custody/seal.json"]
    return expect(bag, "INVALID", path="custody/seal.json.bak")


@register("added-key", "4", "A key in custody/keys that the tagmanifest does not name")
def _() -> Vector:
    bag = sealed()
    bag.files["custody/keys/other.pub"] = OTHER.pub()
    return expect(bag, "INVALID", path="custody/keys/other.pub")


@register("added-folder", "4", "An empty folder below data/objects in which nothing is named")
def _() -> Vector:
    bag = sealed()
    bag.files["data/objects/00"] = Special("folder")
    return expect(bag, "INVALID", path="data/objects/00", needs=("links",))


@register("added-lock", "4", "The lock of a writer in a sealed bag")
def _() -> Vector:
    bag = sealed()
    bag.files["custody/lock"] = b"{}\n"
    return expect(bag, "INVALID", path="custody/lock")


@register("added-strange-name", "4", "A file whose name has a line break and a byte that is not UTF-8")
def _() -> Vector:
    bag = sealed()
    bag.files["a\n\udcff"] = b"planted\n"
    return expect(bag, "INVALID", path="a\\x0A\\xFF", needs=("names",))


@register("added-fifo", "4", "A FIFO in a sealed bag: it is not opened")
def _() -> Vector:
    bag = sealed()
    bag.files["custody/seal.tsr"] = Special("fifo")
    return expect(bag, "INVALID", path="custody/seal.tsr", needs=("links",))


@register("cut-at-a-line", "5", "The sealed ledger lost its last line, whole")
def _() -> Vector:
    return cut(sealed(), 5, LEDGER)


@register("cut-behind-no-checkpoint", "5", "The sealed ledger lost two lines, and no checkpoint covers what is left")
def _() -> Vector:
    return cut(sealed(), 4, "custody/checkpoints")


def cut(bag: Bag, count: int, path: str) -> Vector:
    bag.files[LEDGER] = b"".join(line + b"\n" for line in bag.lines[:count])
    return expect(bag, "INVALID", path=path)


@register("cut-in-a-line", "5", "The sealed ledger ends within a line")
def _() -> Vector:
    bag = sealed()
    bag.files[LEDGER] = bag[LEDGER][:-9]
    return expect(bag, "INVALID", path=LEDGER)


@register("shorter-than-a-checkpoint", "6", "An unsealed ledger is shorter than a checkpoint that was kept elsewhere")
def _() -> Vector:
    bag = small()
    bag.flush()
    bag.line("note", text="cut off")
    kept = RUN.note(bag.id, 6, tree(bag.lines))
    return expect(bag, "INVALID", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept})


@register("shorter-than-its-checkpoint", "6", "An unsealed ledger is shorter than a checkpoint in the bag")
def _() -> Vector:
    bag = small()
    bag.flush()
    bag.line("note", text="cut off")
    bag.checkpoint()
    return expect(bag, "INVALID", path=LEDGER)


@register("line-deleted", "7", "A line within the ledger was taken out")
def _() -> Vector:
    bag = sealed()
    bag.files[LEDGER] = b"".join(line + b"\n" for line in bag.lines[:2] + bag.lines[3:])
    return expect(bag, "INVALID", seq=2)


@register("lines-swapped", "8", "Two lines changed places")
def _() -> Vector:
    bag = sealed()
    lines = [*bag.lines[:2], bag.lines[3], bag.lines[2], *bag.lines[4:]]
    bag.files[LEDGER] = b"".join(line + b"\n" for line in lines)
    return expect(bag, "INVALID", seq=2)


@register("lines-renumbered", "8", "Two lines changed places and were numbered anew")
def _() -> Vector:
    bag = sealed()
    a, b = bag.lines[2].replace(b'"seq":2', b'"seq":3'), bag.lines[3].replace(b'"seq":3', b'"seq":2')
    bag.files[LEDGER] = b"".join(line + b"\n" for line in [*bag.lines[:2], b, a, *bag.lines[4:]])
    return expect(bag, "INVALID", path=LEDGER)


@register("line-replaced", "9", "A line was replaced under a checkpoint in a sealed bag")
def _() -> Vector:
    bag = sealed()
    bag.files[LEDGER] = bag[LEDGER].replace(b"/srv/file-2", b"/srv/file-9")
    return expect(bag, "INVALID", path=LEDGER)


@register("line-replaced-unsealed", "9", "A line was replaced under a checkpoint before the seal")
def _() -> Vector:
    bag = small()
    bag.flush()
    bag.files[LEDGER] = bag[LEDGER].replace(b"/srv/file-2", b"/srv/file-9")
    return expect(bag, "INVALID", path=LEDGER, anchors={})


@register(
    "manifests-rewritten", "10", "A content was planted and both manifests were rewritten; the seal is the old one"
)
def _() -> Vector:
    bag = sealed()
    bag.store(b"planted")
    retag(bag)
    return expect(bag, "INVALID", path=bag.object(b"planted"))


@register("tag-file-rewritten", "10", "bag-info.txt and the tagmanifest were rewritten; the seal is the old one")
def _() -> Vector:
    bag = sealed()
    bag.files["bag-info.txt"] = b"Bagging-Date: 2026-11-23\n"
    bag.tagmanifest()
    return expect(bag, "INVALID", path=TAGS)


@register("tag-file-flipped", "10", "bag-info.txt is not as the tagmanifest has it")
def _() -> Vector:
    bag = sealed()
    bag.flip("bag-info.txt", 3)
    return expect(bag, "INVALID", path="bag-info.txt")


def resealed() -> tuple[Bag, Bag]:
    """The bag as it was, and as an insider with every key made it anew, one content less."""
    told = small()
    told.finish()
    bag = Bag()
    bag.source()
    bag.artefact(HELLO)
    bag.line("rule", rule="full:all", state="matched", complete=1)
    bag.finish()
    return told, bag


@register(
    "resealed-checkpoint",
    "11",
    "Whoever holds all keys left a content out and sealed anew; a checkpoint had left the host",
)
def _() -> Vector:
    told, bag = resealed()
    kept = told["custody/checkpoints/000000000005.note"]
    return expect(bag, "INVALID", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept})


@register(
    "resealed-signer-and-checkpoint", "11", "The same: the signer holds, the checkpoint does not, and all anchors must"
)
def _() -> Vector:
    told, bag = resealed()
    given = {"signer": bag.signer.fingerprint, "checkpoint": "kept.note"}
    return expect(bag, "INVALID", anchors=given, beside={"kept.note": told["custody/checkpoints/000000000005.note"]})


@register("resealed-digest", "11", "The same, and the seal digest had been written down")
def _() -> Vector:
    told, bag = resealed()
    return expect(bag, "INVALID", anchors={"seal": told.seal_sha256})


@register("resealed-unseen", "11", "The same, and nothing had left their control: a verifier cannot see it")
def _() -> Vector:
    return expect(resealed()[1], "VALID", notes=("anchor",))


@register("checkpoint-of-another-key", "11", "A checkpoint of the right root, signed by no run key of the bag")
def _() -> Vector:
    bag = sealed()
    kept = OTHER.note(bag.id, 5, tree(bag.lines[:5]))
    return expect(bag, "INVALID", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept})


@register("seal-of-another-bag", "12", "Seal and signature of another case by the same examiner")
def _() -> Vector:
    bag, other = sealed(), small("another", case="8")
    other.finish()
    for name in ("custody/seal.json", "custody/seal.json.sig"):
        bag.files[name] = other.files[name]
    return expect(bag, "INVALID", path=LEDGER)


@register("seal-of-another-case", "12", "A seal that fits but for its case, signed by the examiner")
def _() -> Vector:
    bag = small()
    bag.finish(case="8")
    return expect(bag, "INVALID", path="custody/seal.json")


@register("seal-keys-in-another-order", "12", "The keys of the seal in another order, signed by the examiner")
def _() -> Vector:
    bag = small()
    bag.finish()
    data = bag["custody/seal.json"].replace(b'"case":"7","exhibit":"HD1"', b'"exhibit":"HD1","case":"7"')
    bag.files["custody/seal.json"], bag.files["custody/seal.json.sig"] = data, bag.signer.sshsig(data)
    return expect(bag, "INVALID", path="custody/seal.json")


@register("crlf", "20", "The ledger was converted to CRLF, as some programs do with text")
def _() -> Vector:
    bag = sealed()
    bag.files[LEDGER] = bag[LEDGER].replace(b"\n", b"\r\n")
    return expect(bag, "INVALID", seq=0)


@register("checkpoints-disagree", "20b", "A checkpoint by the right key is not consistent with an earlier one")
def _() -> Vector:
    bag = small()
    told = [*bag.lines[:3], bag.lines[3].replace(b"/srv", b"/etc")]
    bag.files["custody/checkpoints/000000000004.note"] = RUN.note(bag.id, 4, tree(told))
    bag.finish()
    return expect(bag, "INVALID", path=LEDGER)


@register("checkpoint-under-a-wrong-number", "20b", "The file of a checkpoint has another number than its size")
def _() -> Vector:
    bag = small()
    bag.files["custody/checkpoints/000000000003.note"] = bag.checkpoint(4)
    bag.finish()
    return expect(bag, "INVALID", path="custody/checkpoints/000000000003.note")


def grown() -> Bag:
    bag = sealed()
    bag.resume("second run")
    bag.artefact(b"later")
    bag.close()
    bag.checkpoint()
    bag.flush()
    return bag


@register("old-seal", "22", "The seal is of before: lines and contents came behind it")
def _() -> Vector:
    bag = grown()
    return expect(bag, "INVALID", path="custody/checkpoints/000000000009.note")


@register("old-seal-rewritten", "22", "The same, with manifests to fit")
def _() -> Vector:
    bag = grown()
    retag(bag)
    return expect(bag, "INVALID", path=LEDGER)


@register("rotation-uncovered", "20b", "A key line that no checkpoint covers, though the process went on")
def _() -> Vector:
    bag = small()
    bag.rotate("next", checkpoint=False)
    bag.line("note", text="went on")
    bag.finish()
    return expect(bag, "INVALID", seq=5)


@register(
    "rotation-covered-by-the-next-key",
    "20b",
    "The checkpoint over a key line is signed by the key that the line brings in",
)
def _() -> Vector:
    bag = small()
    bag.rotate("next")
    bag.checkpoint(by=Signer("next"))
    bag.finish()
    return expect(bag, "INVALID", path="custody/checkpoints/000000000006.note")
