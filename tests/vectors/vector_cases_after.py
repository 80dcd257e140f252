"""Cases 44, 46 and 47: statements after the seal, names, citations."""

from __future__ import annotations

import json
from typing import Any

from vector_bag import HELLO, Bag, citation, small
from vector_cases_valid import sealed
from vector_index import Vector, expect, expect_citation, register, without
from vector_stream import zstd
from vector_words import EXAMINER, OTHER, RECIPIENT, Signer, T, b64, sha


# ---------------------------------------------------------------- statements, case 44
def offered() -> tuple[Bag, str]:
    bag = sealed()
    offer = bag.statement("offer", recipient=RECIPIENT.fingerprint, recipient_key=b64(RECIPIENT.public),
                          releaser="A. J\u00f6nes", recipient_name="B. Lab", purpose="analysis", place="HQ",
                          method="by hand", condition="sealed bag 7")  # fmt: skip
    return bag, offer


@register("offer-open", "44", "An offer without an answer")
def _() -> Vector:
    return expect(offered()[0], "VALID", notes=("statements",))


def answered(bag: Bag, offer: str, **fields: Any) -> str:
    base = {"offer": offer, "follows": [offer], "by": "B. Lab", "place": "lab",
            "condition": "intact", "verdict": "VALID",
            "verdict_sha256": sha(b"verdict"), "t": "2026-11-25T08:00:00.000000000Z"}  # fmt: skip
    return bag.statement("accept", RECIPIENT, **{**base, **fields})


@register("handover", "44", "Offered, accepted and noted: the whole chain, both signers in one allowed_signers file")
def _() -> Vector:
    bag, offer = offered()
    accept = answered(bag, offer)
    bag.statement("note", RECIPIENT, follows=[accept], text="stored in safe 3")
    text = EXAMINER.allowed() + RECIPIENT.allowed('namespaces="sealbag-after-v1"', "lab")
    return expect(bag, "VALID", anchors={"trust": "signers"}, beside={"signers": text.encode()}, notes=("statements",))


@register("fork", "44", "One offer is answered twice")
def _() -> Vector:
    bag, offer = offered()
    answered(bag, offer)
    answered(bag, offer, condition="torn", t="2026-11-25T09:00:00.000000000Z")
    return expect(bag, "VALID", notes=("statements",))


@register("answer-without-offer", "44", "An answer whose offer is in another copy")
def _() -> Vector:
    bag = sealed()
    answered(bag, sha(b"elsewhere"))
    return expect(bag, "VALID", notes=("statements",))


@register("statements", "44", "One statement of each further kind")
def _() -> Vector:
    bag = sealed()
    bag.statement("note", text="seen\n\u202etwice")
    bag.statement("correct", corrects=2, text="the path is a link's")
    hold = bag.statement("hold", text="case 9")
    bag.statement("release", text="over", releases=hold, follows=[hold])
    bag.statement("hold", text="case 10", t="2026-11-26T00:00:00.000000000Z")
    bag.statement("retain", until="2036-11-24T00:00:00.000000000Z", text="ten years")
    bag.statement("revoke", revokes=OTHER.fingerprint, since=T, reason="lost")
    bag.statement("destroy", text="copy 2", method="shredded", by="B. Lab", place="lab")
    bag.statement("note", Signer("examiner", "ssh:"), text="by a FIDO key")
    return expect(bag, "VALID", notes=("statements",))


@register(
    "statement-of-a-stranger", "44", "A statement by a signer whom nobody vouches for is listed and changes nothing"
)
def _() -> Vector:
    bag = sealed()
    bag.statement("destroy", OTHER, text="all copies", method="fire", by="M. Allory", place="")
    return expect(bag, "VALID", notes=("statements",))


# ---------------------------------------------------------------- names, cases 46 and 47
def named(*paths: str, **fields: Any) -> Vector:
    bag = small()
    for path in paths:
        bag.artefact(f"content of {len(bag.lines)}".encode(), path=path, **fields)
    bag.finish()
    return expect(bag, "VALID")


@register("names-case", "46", "Two files whose names differ only in case: both are kept")
def _() -> Vector:
    return named("/srv/README", "/srv/Readme")


@register("names-unicode", "47", "Two files whose names are NFC and NFD of one text: both are kept")
def _() -> Vector:
    return named("/srv/caf\u00e9", "/srv/cafe\u0301")


@register("names-long", "47", "Names of 4,096 bytes")
def _() -> Vector:
    return named("/" + "n" * 4095, "/" + "\u00e9" * 2047 + "x", "/" + "\\xFF" * 4095)


@register("names-odd", "47", "Names with line breaks, bytes that are not UTF-8, controls, bidi, surrogates, stars")
def _() -> Vector:
    return named("/srv/a\\u{A}b", "/srv/\\xFF\\xFE", "/srv/\\u{1B}[2J", "/srv/\\u{202E}gpj.exe", "/srv/\\\\x41",
                 "/srv/CON", "/srv/a:b", "/srv/\U0001f512", "/srv/\\u{D800}")  # fmt: skip


# ---------------------------------------------------------------- citations
@register("citation", "", "One artefact in one file, with the signer as anchor")
def _() -> Vector:
    return expect_citation(citation(sealed(), (0, 1, 3)), "VALID")


@register("citation-seal", "", "The same, anchored by the seal digest")
def _() -> Vector:
    bag = sealed()
    return expect_citation(citation(bag, (0, 1, 3)), "VALID", anchors={"seal": bag.seal_sha256})


@register("citation-no-anchor", "27", "The same, and nobody vouches")
def _() -> Vector:
    return expect_citation(citation(sealed(), (0, 1, 3)), "UNTRUSTED", anchors={})


def event() -> dict[str, object]:
    """A citation of an event: a row of a derived file."""
    bag = small()
    row = json.dumps({"action": "logon", "user": "anna"})
    rows = zstd((row + "\n" + row.replace("anna", "bert") + "\n").encode())
    at = bag.line("result", parser="evtx", version="1", content=sha(HELLO), status="ok", sha256=sha(rows),
                  size=len(rows), stored=f"data/derived/evtx/{sha(rows)}.jsonl.zst", key=sha(b"key"))  # fmt: skip
    bag.files[f"data/derived/evtx/{sha(rows)}.jsonl.zst"] = rows
    bag.finish()
    return citation(bag, (0, 2, at), row=row, content=b64(rows))


@register("citation-event", "", "One event: its row, the derived file and the line of it")
def _() -> Vector:
    lacking = without("INCOMPLETE", "origin")
    return expect_citation(event(), "VALID", needs=("zstd",), without=lacking)


@register("citation-event-other-row", "18", "The row of a citation stands nowhere in the derived file")
def _() -> Vector:
    cited = event()
    cited["row"] = str(cited["row"]).replace("anna", "mallory")
    return expect_citation(cited, "INVALID", needs=("zstd",), without=without("INCOMPLETE", "origin"))


@register("citation-event-other-content", "18", "The derived file of a citation is not that of its line")
def _() -> Vector:
    cited = event()
    cited["content"] = b64(zstd(b"another"))
    return expect_citation(cited, "INVALID")
