"""Cases 27 to 31 and the anchors: who vouches, until when, and what a time token or a revocation changes."""

from __future__ import annotations

import datetime
from typing import Any

import vector_fixed as fixed
from vector_bag import Bag, small
from vector_cases_tickets import WITNESS
from vector_index import SIGNED, Vector, expect, register, without
from vector_words import CA, EXAMINER, OTHER, RUN, Signer, Witness, b64, certificate, one_line, sha

SIG, TSR, CERT = "custody/seal.json.sig", "custody/seal.tsr", "custody/keys/signer-cert.pub"
ROOTS = {"roots.pem": "roots.pem"}
LATER = "2027-01-02T03:04:05.000000000Z"


def sealed() -> Bag:
    bag = small()
    bag.finish()
    return bag


def trusted(bag: Bag, verdict: str, text: str, **more: Any) -> Vector:
    """Judged by an allowed_signers file of this text."""
    return expect(bag, verdict, anchors={"trust": "signers"}, beside={"signers": text.encode()}, **more)


def stamped(bag: Bag, verdict: str, *, anchors: dict[str, str], beside: dict[str, bytes] | None = None,
            lacking: str = "VALID", path: str = "", notes: tuple[str, ...] = ()) -> Vector:  # fmt: skip
    """Judged with the roots of an authority."""
    files = {"roots.pem": fixed.read("roots.pem"), **(beside or {})}
    alone = without(lacking, "time-tokens", path=SIG if "revoked" in anchors else "")
    return expect(bag, verdict, anchors={**anchors, "tsa": "roots.pem"}, beside={**files}, needs=("tsa",), path=path,
                  notes=notes, without=alone)  # fmt: skip


def text_time(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


# ---------------------------------------------------------------- nobody vouches
@register("unknown-key", "27", "Made anew and signed by a key that the anchor does not name")
def _() -> Vector:
    bag = small(signer=OTHER)
    bag.finish()
    return expect(bag, "UNTRUSTED")


@register("no-anchor", "27", "No anchor was given: internally consistent, and anybody can make such a bag")
def _() -> Vector:
    return expect(sealed(), "UNTRUSTED", anchors={})


@register("trust-of-another", "27", "The allowed_signers file has other keys")
def _() -> Vector:
    return trusted(sealed(), "UNTRUSTED", OTHER.allowed())


@register("trust-for-another-namespace", "27", "The allowed_signers file has the key, for statements only")
def _() -> Vector:
    return trusted(sealed(), "UNTRUSTED", EXAMINER.allowed('namespaces="sealbag-after-*"'))


@register("signer-holds-trust-does-not", "27", "Of two anchors one holds: all must")
def _() -> Vector:
    given = {**SIGNED, "trust": "signers"}
    return expect(sealed(), "UNTRUSTED", anchors=given, beside={"signers": OTHER.allowed().encode()})


@register(
    "checkpoint-of-another-signer", "27", "The checkpoint holds, but a later line names another signer, who sealed"
)
def _() -> Vector:
    bag = small()
    kept = bag["custody/checkpoints/000000000005.note"]
    bag.close("interrupted")
    bag.signer = OTHER
    bag.resume("second run")
    bag.finish()
    return expect(bag, "UNTRUSTED", anchors={"checkpoint": "kept.note"}, beside={"kept.note": kept})


@register("witness-unknown", "27", "The witness that was given has cosigned nothing")
def _() -> Vector:
    bag = small()
    path = "custody/checkpoints/000000000005.note"
    bag.files[path] = WITNESS.cosigned(bag[path])
    bag.finish()
    other = Witness("another.example/w2")
    return expect(bag, "UNTRUSTED", anchors={"witness": "w.txt"}, beside={"w.txt": other.verifier_key.encode()})


@register("origin-of-no-subset", "27", "An origin was given and the bag is no subset")
def _() -> Vector:
    return expect(sealed(), "UNTRUSTED", anchors={**SIGNED, "origin": "00" * 32})


# ---------------------------------------------------------------- case 28 and time tokens
@register("token", "", "A time token by an authority that was given")
def _() -> Vector:
    bag = sealed()
    bag.files[TSR] = fixed.token("good", bag[SIG])
    return stamped(bag, "VALID", anchors=SIGNED)


@register("token-expired", "28", "The certificate of the authority has expired and no later token covers it")
def _() -> Vector:
    bag = sealed()
    bag.files[TSR] = fixed.token("brief", bag[SIG])
    return stamped(bag, "UNTRUSTED", anchors=SIGNED, path=TSR)


@register("token-of-another-authority", "28", "The token is by an authority whose root was not given")
def _() -> Vector:
    bag = sealed()
    bag.files[TSR] = fixed.token("elsewhere", bag[SIG])
    return stamped(bag, "UNTRUSTED", anchors=SIGNED, path=TSR)


@register("token-renewed", "28", "The same expired token, covered in time by a second one in a statement")
def _() -> Vector:
    bag = sealed()
    first = fixed.token("brief", bag[SIG])
    bag.files[TSR] = first
    bag.statement("token", token=b64(fixed.token("renewed", first)), over=sha(first))
    return stamped(bag, "VALID", anchors=SIGNED)


@register("token-before-the-seal", "40", "The time token is earlier than the time that the seal says")
def _() -> Vector:
    bag = late()
    bag.files[TSR] = fixed.token("rollback", bag[SIG])
    return stamped(bag, "VALID", anchors=SIGNED, notes=("clock",))


def late() -> Bag:
    """A bag whose seal says a time to come."""
    bag = small()
    bag.finish(t="2099-01-01T00:00:00.000000000Z")
    return bag


# ---------------------------------------------------------------- cases 29 and 41: revocation
def revoked(bag: Bag, verdict: str, since: str = "", **more: Any) -> Vector:
    text = f"{EXAMINER.fingerprint}{' since=' + since if since else ''}\n"
    given = {**SIGNED, "revoked": "revoked.txt"}
    return expect(bag, verdict, path=SIG, anchors=given, beside={"revoked.txt": text.encode()}, **more)


@register("revoked", "29", "The signer's key is revoked")
def _() -> Vector:
    return revoked(sealed(), "UNTRUSTED")


@register(
    "revoked-later", "29", "The key is revoked since a later time, but nothing proves that the seal existed before"
)
def _() -> Vector:
    return revoked(sealed(), "UNTRUSTED", LATER)


@register("revoked-as-public-key", "29", "The revocation list has the key as a .pub file has it")
def _() -> Vector:
    given = {**SIGNED, "revoked": "revoked.txt"}
    return expect(sealed(), "UNTRUSTED", path=SIG, anchors=given, beside={"revoked.txt": EXAMINER.pub()})


@register("revoked-another", "29", "Another key is revoked: nothing changes")
def _() -> Vector:
    given = {**SIGNED, "revoked": "revoked.txt"}
    return expect(sealed(), "VALID", anchors=given, beside={"revoked.txt": OTHER.fingerprint.encode() + b"\n"})


@register("revoked-by-krl", "29", "The signer's key stands in a KRL of OpenSSH")
def _() -> Vector:
    given = {**SIGNED, "revoked": "revoked.krl"}
    return expect(sealed(), "UNTRUSTED", path=SIG, anchors=given, beside={"revoked.krl": fixed.read("krl")},
                  needs=("krl",), without=without("VALID", "revocation"))  # fmt: skip


@register("revoked-by-statement", "29", "A statement by a vouched signer revokes the signer's key")
def _() -> Vector:
    bag = sealed()
    bag.statement("revoke", OTHER, revokes=EXAMINER.fingerprint, since=LATER, reason="stolen")
    return trusted(bag, "UNTRUSTED", EXAMINER.allowed() + OTHER.allowed(principal="head"), path=SIG)


@register("revoked-by-anybody", "29", "A statement by a signer whom no anchor vouches for revokes nothing")
def _() -> Vector:
    bag = sealed()
    bag.statement("revoke", OTHER, revokes=EXAMINER.fingerprint, since=LATER, reason="stolen")
    return trusted(bag, "VALID", EXAMINER.allowed(), notes=("statements",))


@register("ticket-signer-revoked", "29", "The key that signed the ticket is revoked")
def _() -> Vector:
    bag = small(signer=RUN)
    bag.under(**bag.ticket(Signer("job")))
    bag.checkpoint(5)
    bag.finish()
    return revoked(bag, "UNTRUSTED")


@register("revoked-before-the-token", "29", "The key is revoked since a time before the token's")
def _() -> Vector:
    bag = sealed()
    bag.files[TSR] = fixed.token("good", bag[SIG])
    text = f"{EXAMINER.fingerprint} since=2026-11-24T00:00:00.000000000Z\n"
    return stamped(bag, "UNTRUSTED", anchors={**SIGNED, "revoked": "revoked.txt"},
                   beside={"revoked.txt": text.encode()}, path=SIG, lacking="UNTRUSTED")  # fmt: skip


@register("revoked-after-the-token", "41", "The key is revoked since a time after a token that proves the seal existed")
def _() -> Vector:
    bag = sealed()
    bag.files[TSR] = fixed.token("good", bag[SIG])
    text = f"{EXAMINER.fingerprint} since={text_time(fixed.moment('good', 60))}\n"
    return stamped(bag, "VALID", anchors={**SIGNED, "revoked": "revoked.txt"}, beside={"revoked.txt": text.encode()},
                   lacking="UNTRUSTED", notes=("revocation",))  # fmt: skip


# ---------------------------------------------------------------- allowed_signers: periods and authorities
@register("trust-expired", "27", "valid-before= of the key's line is past and no token proves an earlier time")
def _() -> Vector:
    return trusted(sealed(), "UNTRUSTED", EXAMINER.allowed('valid-before="20261101"'))


@register("trust-not-yet", "27", "valid-after= of the key's line is to come")
def _() -> Vector:
    return trusted(sealed(), "UNTRUSTED", EXAMINER.allowed('valid-after="20991231235959Z"'))


@register("trust-in-its-period", "", "The present moment is in the period of the key's line")
def _() -> Vector:
    return trusted(sealed(), "VALID", EXAMINER.allowed('valid-after="20261101",valid-before="209912312359"'))


@register("trust-expired-after-the-token", "", "valid-before= is past, but a token proves a time before it")
def _() -> Vector:
    bag = sealed()
    bag.files[TSR] = fixed.token("good", bag[SIG])
    text = EXAMINER.allowed(f'valid-before="{fixed.moment("good", 60):%Y%m%d%H%M%S}"')
    return stamped(bag, "VALID", anchors={"trust": "signers"}, beside={"signers": text.encode()}, lacking="UNTRUSTED")


@register(
    "trust-namespaces", "", "The allowed_signers file has the key for all namespaces of sealbag, under two principals"
)
def _() -> Vector:
    return trusted(
        sealed(), "VALID", "# ours\n\n" + EXAMINER.allowed('namespaces="sealbag-*"', "anna,bert"), notes=("anchor",)
    )


def certified(cert: bytes, verdict: str, principal: str = "anna@*") -> Vector:
    bag = small()
    bag.files[CERT] = cert
    bag.finish()
    return trusted(bag, verdict, CA.allowed("cert-authority", principal))


@register("certificate", "", "An authority in the allowed_signers file has certified the signer")
def _() -> Vector:
    return certified(certificate(CA, EXAMINER, ["anna@hq"]), "VALID")


@register("certificate-fido", "", "An authority has certified a FIDO key")
def _() -> Vector:
    signer = Signer("examiner", "ssh:")
    bag = small(signer=signer)
    bag.files[CERT] = certificate(CA, signer, ["anna@hq"])
    bag.finish()
    return trusted(bag, "VALID", CA.allowed("cert-authority", "anna@*"))


@register("certificate-expired", "27", "The certificate's own period is past")
def _() -> Vector:
    return certified(certificate(CA, EXAMINER, ["anna@hq"], before=1_700_000_000), "UNTRUSTED")


@register("certificate-for-another", "27", "The certificate names no principal of the authority's line")
def _() -> Vector:
    return certified(certificate(CA, EXAMINER, ["bert@lab"]), "UNTRUSTED")


@register("certificate-by-another", "27", "The certificate is signed by another authority")
def _() -> Vector:
    return certified(certificate(OTHER, EXAMINER, ["anna@hq"]), "UNTRUSTED")


@register("certificate-of-a-host", "27", "The certificate is one for a host")
def _() -> Vector:
    return certified(certificate(CA, EXAMINER, ["anna@hq"], kind=2), "UNTRUSTED")


@register("certificate-with-a-condition", "27", "The certificate has a critical option")
def _() -> Vector:
    critical = b"\0\0\0\x0dforce-command\0\0\0\x08\0\0\0\x04true"
    return certified(certificate(CA, EXAMINER, ["anna@hq"], critical=critical), "UNTRUSTED")


@register(
    "certificate-authority-itself", "27", "The authority's own key sealed: its line vouches for certificates only"
)
def _() -> Vector:
    bag = small(signer=CA)
    bag.finish()
    return trusted(bag, "UNTRUSTED", CA.allowed("cert-authority", "anna@*"))


# ---------------------------------------------------------------- case 30
EVERY = ("layout", "ledger", "tree", "checkpoints", "objects", "manifest", "tagmanifest", "closed-list", "seal",
         "signature", "statements", "anchor")  # fmt: skip


@register("major-2", "30", "The format's major version is not known")
def _() -> Vector:
    bag = small(format="sealbag/2.0")
    bag.finish()
    return expect(bag, "UNTRUSTED", seq=0, not_checked=EVERY)


@register("major-2-other-lines", "30", "The same, and what follows is nothing that this version could read")
def _() -> Vector:
    bag = small(format="sealbag/2.0")
    bag.lines[1] = one_line({"entirely": {"other": 1.5}})
    bag.finish()
    return expect(bag, "UNTRUSTED", seq=0, not_checked=EVERY)
