"""Where results go: into a bag before its seal, or into a workspace after it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from forensics.custody.bag import BagWriter
from forensics.custody.lines import LIMIT
from forensics.model.event import Receipt

MAX_PROBLEM_LINES = 20
CHUNK = 1 << 20


class Sink(Protocol):
    """Takes receipts and their row files."""

    scratch: Path

    def has(self, key: str) -> bool:
        """Whether this result is there already."""

    def find(self, key: str) -> Receipt | None:
        """The receipt of a result that is there already."""

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        """Adopt a row file from scratch; return the receipt with its place and digest."""


class Store(Sink, Protocol):
    """A sink whose results can be read back."""

    def current(self) -> list[Receipt]:
        """What is there: one receipt for each plug-in and content, the last one made."""

    def rows_of(self, receipt: Receipt) -> Path | None:
        """Its row file; None if it has none, or it is not there."""


def measure(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def result_fields(receipt: Receipt) -> dict[str, Any]:
    """A receipt as fields of a ``result`` line; counts are ``n_<name>``, told words ``s_<name>``."""
    fields: dict[str, Any] = {
        "key": receipt.key,
        "content": receipt.content,
        "version": receipt.version,
        "status": receipt.status,
        "code": receipt.code,
        "detail": receipt.detail[:1000],
        "warnings": list(receipt.warnings[:MAX_PROBLEM_LINES]),
    }
    for name, value in receipt.counts.items():
        if isinstance(value, int):
            fields[f"n_{name}"[:80]] = max(-LIMIT, min(value, LIMIT))
        else:
            fields[f"s_{name}"[:80]] = value[:300]
    return fields


def receipt_from_line(line: Mapping[str, Any]) -> Receipt:
    """The receipt that a ``result`` line states."""
    counts = {name[2:]: value for name, value in line.items() if name[:2] in ("n_", "s_")}
    return Receipt(
        line.get("key", ""), line["parser"], line.get("version", ""), line.get("content", ""),
        line.get("status", "failed"), counts, line.get("stored", ""), line.get("sha256", ""), line.get("size", 0),
        tuple(line.get("warnings", ())), line.get("code", ""), line.get("detail", ""),
    )  # fmt: skip


class BagSink:
    """Results as payload of a bag that is still open: data/derived and ``result`` lines.

    :param receipts: of results that an earlier process of this bag stored.
    """

    def __init__(self, bag: BagWriter, receipts: Iterable[Receipt] = ()) -> None:
        self.bag = bag
        self.scratch = bag.path / "tmp"
        self._known = {receipt.key: receipt for receipt in receipts}

    def has(self, key: str) -> bool:
        """Whether it was stored, by this process or an earlier one of this bag."""
        return key in self._known

    def find(self, key: str) -> Receipt | None:
        """The receipt of a result that is there already."""
        return self._known.get(key)

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        """Add the result line and adopt the file with the next group."""
        if rows is not None:
            sha256, size = measure(rows)
            # it is adopted with the next group: until then whoever made it may clean up behind itself
            kept = self.scratch / f"adopted-{sha256}"
            os.replace(rows, kept)
            rows = kept
            stored = f"data/derived/{receipt.plugin}/{sha256}.jsonl.zst"
            receipt = replace(receipt, sha256=sha256, size=size, stored=stored)
            self.bag.derive(receipt.plugin, str(rows), sha256, result_fields(receipt) | {"size": size})
        else:
            self.bag.derive(receipt.plugin, "", "", result_fields(receipt))
        self._known[receipt.key] = receipt
        return receipt

    def current(self) -> list[Receipt]:
        """What this bag holds; the group so far is committed, so that its files lie in their place."""
        self.bag.commit()
        return list({(receipt.plugin, receipt.content): receipt for receipt in self._known.values()}.values())

    def rows_of(self, receipt: Receipt) -> Path | None:
        """Its row file, once it is committed."""
        path = self.bag.path / receipt.stored
        return path if receipt.stored and path.is_file() else None
