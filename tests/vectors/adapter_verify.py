"""Our verifier behind the protocol of docs/format.md section 17.

``python adapter_verify.py [--alone]``; with --alone no hooks are given: forensics/verifier.py by itself, which
lacks tsa, krl, age and zstd.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from forensics.errors import SealbagError
from forensics.verifier import verify

Answer = dict[str, Any]


def _names(texts: Any) -> list[str]:
    """The names of checks, from texts that begin with them."""
    return sorted({text.partition(":")[0] for text in texts})


def answer(verdict: Any) -> Answer:
    """A Verdict as the protocol has it."""
    first = verdict.first and {"seq": verdict.first.seq, "path": verdict.first.path}
    undone = [check.name for check in verdict.checks if check.result == "not-checked"]
    return {"verdict": verdict.code, "exit": verdict.exit, "first": first, "not_checked": undone,
            "notes": _names(verdict.notes)}  # fmt: skip


def given(anchors: Answer, alone: bool) -> Answer:
    """The arguments of verify(): the anchors, and the hooks for what it cannot do itself."""
    out = {name: value for name, value in anchors.items() if name != "tsa"}
    if alone:
        return out
    if "tsa" in anchors:
        from forensics.custody.timestamps import token_checker

        out["times"] = token_checker(Path(anchors["tsa"]).read_bytes())
    if "revoked" in anchors:
        from forensics.custody.revocation import is_krl, load_revoked

        if is_krl(anchors["revoked"]):
            out["krl"] = load_revoked(anchors["revoked"])
    return out


def transport(asked: Answer) -> Answer:
    """Unpack a stream beside it; whatever is UNSAFE must leave nothing there."""
    from forensics.transfer.unpacking import unpack

    place = Path(tempfile.mkdtemp(dir=Path(asked["path"]).parent))
    try:
        done = unpack(asked["path"], place / "out", identity=asked["identity"], **given(asked["anchors"], False))
        left = sorted(path.name for path in place.iterdir())
        if done.code in ("UNSAFE", "IO ERROR") and left:
            return {"verdict": f"left behind: {left}", "exit": 70, "first": None}
        if done.verdict is not None and done.verdict.code == done.code:
            return {**answer(done.verdict), "exit": done.exit}
        return {"verdict": done.code, "exit": done.exit, "first": {"seq": None, "path": done.path}, "not_checked": [],
                "notes": []}  # fmt: skip
    finally:
        shutil.rmtree(place, ignore_errors=True)


def judge(asked: Answer, *, alone: bool = False) -> Answer:
    """The answer to one request."""
    if asked["kind"] == "transport":
        return {"unsupported": "age, zstd"} if alone else transport(asked)
    if alone:
        return answer(verify(asked["path"], **given(asked["anchors"], True)))
    return answer(verify(asked["path"], rows=holds_row, **given(asked["anchors"], False)))


def holds_row(content: bytes, row: bytes) -> bool:
    """Whether a derived file, zstd, holds the row as one of its lines: the hook of a citation."""
    import zstandard

    text = zstandard.ZstdDecompressor().stream_reader(content).read(1 << 24)
    return row in text.split(b"\n")


if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        try:
            found = judge(request, alone="--alone" in sys.argv[1:])
        except (ValueError, RuntimeError, OSError, SealbagError) as error:
            found = {"verdict": f"{type(error).__name__}: {error}", "exit": getattr(error, "exit", 70)}
        print(json.dumps({"id": request["id"], **found}), flush=True)
