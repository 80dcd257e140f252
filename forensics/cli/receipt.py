"""What is printed of a bag that left as a stream."""

from __future__ import annotations

from typing import Any

from forensics.cli.options import human_bytes
from forensics.pipeline.streaming import Streamed


def stream_row(sent: Streamed) -> dict[str, Any]:
    """The JSON object of ``collect --to``."""
    bag = sent.bag
    return {
        "schema": "sealbag/collect-stream/1", "out": sent.out, "size": sent.size, "sha256": sent.sha256,
        "files": sent.files, "recipients": sent.recipients, "bag": bag.id, "seal_sha256": bag.seal_sha256,
        "signer": bag.signer, "lines": bag.lines, "bytes": bag.bytes, "counts": dict(sorted(bag.counts.items())),
        "gaps": [
            {"seq": gap.seq, "path": gap.path.display, "outcome": gap.outcome, "code": gap.code, "detail": gap.detail}
            for gap in bag.coverage.gaps
        ],
    }  # fmt: skip


def stream_text(sent: Streamed) -> str:
    """The same for people: to be pasted into a case file."""
    bag = sent.bag
    taken = bag.counts.get("complete", 0)
    lines = [
        "verdict      none yet: the contents have left this host; sealbag unpack gives it",
        f"taken        {taken:,} artefacts and listings complete, {human_bytes(bag.bytes)} read and hashed",
        f"gaps         {len(bag.coverage.gaps):,}" + ("" if bag.coverage.gaps else " (everything asked for was had)"),
    ]
    lines += [f"  {g.outcome} {g.code}: {g.path.display}"[:160] for g in bag.coverage.gaps[:10]]
    lines += [
        f"stream       {sent.out} ({human_bytes(sent.size)}), to {sent.recipients} recipients",
        f"sha256       {sent.sha256}",
        f"signer       {bag.signer}",
        f"seal digest  {bag.seal_sha256}",
        "             write the seal digest down, away from the stream: unpack it with --seal",
    ]
    return "\n".join(lines)
