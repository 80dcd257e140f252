"""Bags written line by line, for tests of what looks into bags."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeAlias

from forensics.custody.bag import BagWriter

ABOUT = {"actors": ["test"], "tool": "test", "version": "0", "case": "", "exhibit": "", "examiner": ""}
Artefact: TypeAlias = tuple[dict[str, Any], bytes | None]


def write_lines(path: Path, artefacts: list[Artefact], *others: tuple[str, dict[str, Any]]) -> Path:
    """Write an unsealed bag: artefacts in order, then other lines."""
    bag = BagWriter.create(path, ABOUT)
    for fields, content in artefacts:
        line = {"source": "s0", "volume": "v0", "outcome": "complete"} | fields
        sink = None
        if content is not None:
            sink = bag.store.sink()
            sink.write(memoryview(content))
            sink.close()
            line = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} | line
        bag.add(line, sink)
    for kind, fields in others:
        bag.line(kind, fields)
    bag.close()
    bag.release()
    return path
