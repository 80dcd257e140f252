"""Carving inside a supervised child: where chunks lie, as JSON. The parent copies the bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from collectors.parsers.evtx.carving import carve

#: of one answer, so that it stays below the bound of a message; the rest is asked for again
MAX_CHUNKS = 8192


def find(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the chunks of *item* (path, begin, end): rows, and where to go on (``end``, unless there were too many).

    A row is [offset, length, crc, records, in_file, sha256 of the active area].
    """
    rows: list[list[Any]] = []
    with Path(item["path"]).open("rb") as stream:
        for one in carve(stream, item["begin"], item["end"]):
            if len(rows) == MAX_CHUNKS:
                return {"rows": rows, "next": one.offset}
            active = hashlib.sha256(one.data[: one.found.free]).hexdigest()
            rows.append([one.offset, len(one.data), one.found.crc, len(one.found.records), one.in_file, active])
    return {"rows": rows, "next": item["end"]}
