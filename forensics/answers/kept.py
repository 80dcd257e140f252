"""Artefact lines kept for the many times that answers pass over them: compressed, about 60 bytes each."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

from forensics.answers.case import Held
from forensics.custody.compact import dumps

BATCH = 512


class Kept:
    """Append-only; iterated as often as one likes, also while another iteration runs."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._last: list[list[Any]] = []

    def add(self, held: Held) -> None:
        """Keep one (of a ledger; a listing's row has a place that is not kept)."""
        self._last.append([
            held.path, held.seq, held.sha256, held.size, held.type, held.outcome, held.m, held.c, held.b, held.mode,
            held.owner, held.target, held.flags, held.volume,
        ])  # fmt: skip
        if len(self._last) >= BATCH:
            self._blocks.append(zlib.compress(dumps(self._last).encode("ascii"), 1))
            self._last = []

    def __iter__(self) -> Iterator[Held]:
        for block in [*self._blocks, None]:
            rows = self._last if block is None else json.loads(zlib.decompress(block))
            for row in rows:
                row[12] = tuple(row[12])
                yield Held(*row)
