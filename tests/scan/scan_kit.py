"""What the tests of scanning share: samples without their marks, packs, contents."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forensics.model.event import Receipt
from forensics.processing.contents import Content, Named
from forensics.processing.plugins import Loaded, load_plugins

SAMPLES = Path(__file__).with_name("samples.toml")


def sample_bytes(sample: Mapping[str, Any]) -> bytes:
    """A sample as it would be found: without the marks that keep scanners quiet."""
    text = sample.get("text", "").replace("~", "")
    encoded = text.encode("utf-16-le") if sample.get("wide") else text.encode()
    return bytes.fromhex(sample.get("hex", "")) + encoded


def samples() -> Iterator[tuple[str, bool, Mapping[str, Any]]]:
    """Rule, whether it must fire, sample."""
    for rule, kinds in tomllib.loads(SAMPLES.read_text(encoding="utf-8")).items():
        for kind in ("fires", "silent"):
            for sample in kinds[kind]:
                yield rule, kind == "fires", sample


def yara() -> Loaded:
    """The scanner as it is registered."""
    return load_plugins("forensics.scanners", ["yara"]).loaded[0]


def store(bag: Path, data: bytes, *names: str) -> Content:
    """A content as it lies in a bag."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = bag / "data" / "objects" / sha256[:2] / sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    found = [Named(seq, name, {"name": name}) for seq, name in enumerate(names or ("a",))]
    return Content(bag, sha256, len(data), {"sha256": sha256, "size": len(data)}, found)


class Keeping:
    """A sink that keeps the receipt and the rows."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        scratch.mkdir(exist_ok=True)
        self.receipts: list[Receipt] = []
        self.rows: list[dict[str, Any]] = []

    def has(self, key: str) -> bool:
        return key in {receipt.key for receipt in self.receipts}

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        import io
        import json

        import zstandard

        self.receipts.append(receipt)
        if rows is not None:
            with rows.open("rb") as stream:
                text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(stream), encoding="utf-8")
                self.rows += [json.loads(line) for line in text]
        return receipt

    @property
    def findings(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if "scanned" not in row]

    @property
    def ends(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if "scanned" in row]
