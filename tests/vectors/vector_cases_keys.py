"""Cases 13, 14 and 17 to 19: signatures, keys, statements, proofs that are not what they should be."""

from __future__ import annotations

import hashlib
import json

import vector_fixed as fixed
from vector_bag import HELLO, WORLD, Bag, citation, small, subset
from vector_index import SIGNED, Vector, expect, expect_citation, register, without
from vector_words import (
    AFTER,
    CUSTODIAN,
    IDENTITY,
    ODD_IDENTITY,
    OTHER,
    RECIPIENT,
    L,
    Signer,
    add,
    b64,
    challenge,
    encode,
    point,
    sha,
)  # fmt: skip

SIG = "custody/seal.json.sig"


def sealed() -> Bag:
    bag = small()
    bag.finish()
    return bag


@register("token-over-another-digest", "13", "A time token is over other bytes than the seal's signature")
def _() -> Vector:
    bag = small("other seal")
    bag.finish()
    good = small()
    good.finish()
    bag.files["custody/seal.tsr"] = fixed.token("good", good[SIG])
    return expect(bag, "INVALID", path="custody/seal.tsr", anchors={**SIGNED, "tsa": "roots.pem"}, needs=("tsa",),
                  beside={"roots.pem": fixed.read("roots.pem")}, without=without("VALID", "time-tokens"))  # fmt: skip


@register("wrong-namespace", "14", "The seal is signed in the namespace of statements")
def _() -> Vector:
    bag = small()
    bag.finish(namespace=AFTER)
    return expect(bag, "INVALID", path=SIG)


@register("signed-by-another", "14", "The seal is signed by another key than the ledger names")
def _() -> Vector:
    bag = small()
    bag.finish(by=OTHER)
    return expect(bag, "INVALID", path=SIG)


@register("armour-crlf", "14", "The armoured signature has CRLF line ends")
def _() -> Vector:
    bag = sealed()
    bag.files[SIG] = bag[SIG].replace(b"\n", b"\r\n")
    return expect(bag, "INVALID", path=SIG)


@register("signature-cut", "14", "The signature file is empty")
def _() -> Vector:
    bag = sealed()
    bag.files[SIG] = b""
    return expect(bag, "INVALID", path=SIG)


# ---------------------------------------------------------------- case 17: statements
@register("accept-by-another", "17", "An offer to one key is accepted by another")
def _() -> Vector:
    bag = sealed()
    offer = bag.statement("offer", recipient=RECIPIENT.fingerprint, recipient_key=b64(RECIPIENT.public))
    bad = bag.statement("accept", OTHER, offer=offer, by="M. Allory", follows=[offer], verdict="VALID")
    return expect(bag, "INVALID", path=bag.after(bad))


@register("refuse-by-another", "17", "An offer to one key is refused by another")
def _() -> Vector:
    bag = sealed()
    offer = bag.statement("offer", recipient=RECIPIENT.fingerprint, recipient_key=b64(RECIPIENT.public))
    bad = bag.statement("refuse", OTHER, offer=offer, by="M. Allory", follows=[offer], reason="")
    return expect(bag, "INVALID", path=bag.after(bad))


@register("statement-signed-by-another", "17", "A statement is signed by another key than it names")
def _() -> Vector:
    bag = sealed()
    return expect(bag, "INVALID", path=bag.after(bag.statement("note", signed=OTHER, text="seen")))


@register("statement-of-another-seal", "17", "A statement names another seal")
def _() -> Vector:
    bag = sealed()
    return expect(bag, "INVALID", path=bag.after(bag.statement("note", text="seen", seal_sha256=sha(b"another"))))


@register("statement-without-signature", "17", "Of a pair only the statement is there")
def _() -> Vector:
    bag = sealed()
    path = bag.after(bag.statement("note", text="seen"))
    del bag.files[path + ".sig"]
    return expect(bag, "INVALID", path=path)


@register("signature-without-statement", "17", "Of a pair only the signature is there")
def _() -> Vector:
    bag = sealed()
    path = bag.after(bag.statement("note", text="seen"))
    del bag.files[path]
    return expect(bag, "INVALID", path=path + ".sig")


@register("statement-of-unknown-kind", "17", "A pair whose kind is none of section 9")
def _() -> Vector:
    bag = sealed()
    return expect(bag, "INVALID", path=bag.after(bag.statement("bless", text="seen")))


# ---------------------------------------------------------------- case 18: subsets and citations
def origin_and_subset(word: str = "", **fields: object) -> tuple[Bag, Bag]:
    """A subset that discloses the second artefact, and its origin; *word*: what is not as it must be."""
    origin = sealed()
    bag = subset(origin, (0, 1, 3), spoil_proof=word == "proof")
    bag.source()
    bag.artefact(WORLD, **{"origin_seq": 3, "path": "/srv/file-3", **fields})
    return origin, bag


def judged(origin: Bag, bag: Bag, verdict: str, seq: int | None = None, path: str = "") -> Vector:
    bag.finish()
    given = {"signer": CUSTODIAN.fingerprint, "origin": origin.seal_sha256}
    return expect(bag, verdict, anchors=given, seq=seq, path=path)


@register("subset-proof-altered", "18", "A hash of a subset's proof is another")
def _() -> Vector:
    return judged(*origin_and_subset("proof"), "INVALID", path="custody/origin/proofs/000000000003.tlog-proof")


@register("subset-proof-missing", "18", "A disclosed line has no proof")
def _() -> Vector:
    origin, bag = origin_and_subset()
    del bag.files["custody/origin/proofs/000000000003.tlog-proof"]
    return judged(origin, bag, "INVALID", path="custody/origin/proofs/000000000003.tlog-proof")


@register("subset-proof-too-many", "18", "A proof for which no line is disclosed")
def _() -> Vector:
    origin, bag = origin_and_subset()
    bag.files["custody/origin/proofs/000000000004.tlog-proof"] = bag["custody/origin/proofs/000000000003.tlog-proof"]
    return judged(origin, bag, "INVALID", path="custody/origin/proofs/000000000004.tlog-proof")


@register(
    "subset-line-altered", "18", "A disclosed line is not the origin's: its proof does not lead from it to the root"
)
def _() -> Vector:
    origin, bag = origin_and_subset()
    path = "custody/origin/lines.jsonl"
    bag.files[path] = bag[path].replace(b"/srv/file-3", b"/etc/file-3")
    return judged(origin, bag, "INVALID", path="custody/origin/proofs/000000000003.tlog-proof")


@register("subset-content-of-another-line", "18", "A content of the subset is not that of the line it names")
def _() -> Vector:
    origin = sealed()
    bag = subset(origin, (0, 1, 3))
    bag.source()
    bag.artefact(HELLO, origin_seq=3)
    return judged(origin, bag, "INVALID", seq=2)


@register("subset-line-not-disclosed", "18", "An artefact line names a line of the origin that is not disclosed")
def _() -> Vector:
    origin, bag = origin_and_subset(origin_seq=2)
    return judged(origin, bag, "INVALID", seq=2)


@register("subset-seal-altered", "18", "The origin's seal in the subset is signed by nobody whom it names")
def _() -> Vector:
    origin, bag = origin_and_subset()
    bag.files["custody/origin/seal.json.sig"] = OTHER.sshsig(origin["custody/seal.json"])
    return judged(origin, bag, "INVALID", path="custody/origin/seal.json")


@register("subset-of-another-origin", "18", "The origin that was given is another")
def _() -> Vector:
    _origin, bag = origin_and_subset()
    bag.finish()
    given = {"signer": CUSTODIAN.fingerprint, "origin": sha(b"another")}
    return expect(bag, "INVALID", anchors=given)


@register("citation-proof-altered", "18", "A citation whose proof does not lead to the root")
def _() -> Vector:
    cited = citation(sealed(), (0, 3))
    cited["proofs"][1] = cited["proofs"][0].replace("index 0", "index 3")
    return expect_citation(cited, "INVALID")


@register("citation-line-altered", "18", "A citation whose line was changed")
def _() -> Vector:
    cited = citation(sealed(), (0, 3))
    cited["lines"][1] = cited["lines"][1].replace("/srv", "/etc")
    return expect_citation(cited, "INVALID")


@register("citation-seal-of-another", "18", "A citation with the seal of another bag")
def _() -> Vector:
    other = small("another")
    other.finish()
    cited = citation(sealed(), (0, 3))
    cited.update(seal=other["custody/seal.json"].decode(), seal_sig=other[SIG].decode())
    return expect_citation(cited, "INVALID")


@register("citation-no-json", "18", "A citation that is cut off")
def _() -> Vector:
    data = json.dumps(citation(sealed(), (0, 3))).encode()
    return expect_citation({}, "INVALID", raw=data[: len(data) // 2])


# ---------------------------------------------------------------- case 19: Ed25519
class Odd(Signer):
    """Signs the seal in a way that some verifiers let pass."""

    how = ""

    def raw(self, message: bytes) -> bytes:
        good = self.private.sign(message)
        if b"SSHSIG" not in message[:6]:
            return good
        r, s = good[:32], int.from_bytes(good[32:], "little")
        if self.how == "S + L":
            return r + (s + L).to_bytes(32, "little")
        if self.how == "R not canonical":  # R is the neutral point, S = kA
            k = challenge(ODD_IDENTITY, self.public, message)
            return ODD_IDENTITY + (k * self.scalar % L).to_bytes(32, "little")
        if self.how == "R with torsion":  # holds with the cofactor alone
            nonce = int.from_bytes(hashlib.sha512(message).digest(), "little") % L
            base = point(Signer(f"{nonce}").public)
            r = encode(add(base, (0, -1 % (2**255 - 19))))
            s = Signer(f"{nonce}").scalar + challenge(r, self.public, message) * self.scalar
            return r + (s % L).to_bytes(32, "little")
        assert self.how == "any message"  # under a key of order 1: R = [S]B
        return Signer("any").public + (Signer("any").scalar % L).to_bytes(32, "little")


def odd(how: str, public: bytes = b"") -> Vector:
    signer = Odd("examiner")
    signer.how, signer.public = how, public or signer.public
    bag = small(signer=signer)
    bag.finish()
    return expect(bag, "INVALID", path=SIG, anchors={"signer": signer.fingerprint})


@register("ed25519-s-beyond-l", "19", "S of the signature is S + L: it must be below L")
def _() -> Vector:
    return odd("S + L")


@register(
    "ed25519-small-order-key", "19", "The signer's key is the neutral point: it fits every message, and is refused"
)
def _() -> Vector:
    return odd("any message", IDENTITY)


@register("ed25519-key-not-canonical", "19", "The signer's key is a point whose y is not below p")
def _() -> Vector:
    return odd("any message", ODD_IDENTITY)


@register("ed25519-r-not-canonical", "19", "R is a point whose y is not below p")
def _() -> Vector:
    return odd("R not canonical")


@register("ed25519-r-with-torsion", "19", "The equation holds with the cofactor alone: it is checked without")
def _() -> Vector:
    return odd("R with torsion")


@register("ed25519-small-order-run-key", "19", "The run key is the neutral point: its checkpoints do not verify")
def _() -> Vector:
    class Neutral(Signer):
        def raw(self, message: bytes) -> bytes:
            return Signer("any").public + (Signer("any").scalar % L).to_bytes(32, "little")

    run = Neutral("run")
    run.public = IDENTITY
    bag = small(run=run)
    bag.finish()
    return expect(bag, "INVALID", path="custody/checkpoints/000000000005.note")


@register("fido-nobody-present", "19", "A FIDO key signed and nobody touched it")
def _() -> Vector:
    signer = Signer("examiner", "ssh:", flags=0)
    bag = small(signer=signer)
    bag.finish()
    return expect(bag, "INVALID", path=SIG, anchors={"signer": signer.fingerprint})


@register("fido-as-plain-key", "19", "A FIDO key's signature over the plain message")
def _() -> Vector:
    plain = Signer("examiner", "ssh:")
    bag = small(signer=plain)
    bag.finish()
    bag.files[SIG] = Signer("examiner").sshsig(bag["custody/seal.json"])
    return expect(bag, "INVALID", path=SIG, anchors={"signer": plain.fingerprint})
