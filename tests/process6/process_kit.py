"""What the tests of the parsing stage share: parsers of a stranger's that children load, contents, a sink."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from forensics.model.event import Event, Opened, Problem, Receipt
from forensics.processing import gathering, parsing
from forensics.processing.claiming import claim_all
from forensics.processing.completeness import Completeness
from forensics.processing.contents import Content, Named
from forensics.processing.gathering import gathered_of
from forensics.processing.parsing import Parsing
from forensics.processing.plugins import Loaded
from forensics.registry import Plugin
from forensics.worker.batch import ItemResult, run_items


class Lines:
    """One event a line of ``*.lines``; a line that begins in a part is the part's. ``die`` costs the process."""

    id, version, inputs = "made.lines", "1", ("name",)
    part = 64

    def claims(self, name: str, head: bytes) -> int:
        return 100 if name.endswith(".lines") else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        first, before = opened.span
        opened.tell("lines", 0)
        opened.tell("format", "lines")
        if first == 0:
            opened.tell("heads", 1)
        count = offset = 0
        with opened.open() as stream:
            for line in stream:
                if first <= offset < before:
                    if line == b"die\n":
                        import os

                        os.abort()
                    count += 1
                    opened.tell("lines", count)
                    text = line.decode().strip()
                    place = f"o{offset}"
                    yield Problem(place, "bad", text) if text == "bad" else opened.event(place, message=text)
                offset += len(line)


class Whole(Lines):
    """The same, never in parts."""

    part = 1 << 40


class Beside(Lines):
    """A companion: what it claims does not matter."""

    id, beside = "made.beside", "made.lines"
    part = 1 << 40

    def claims(self, name: str, head: bytes) -> int:
        return 100


class Helping(Beside):
    """A companion whose contents help each other: each event says how many different words all contents hold."""

    id = "made.helping"

    def gather(self, opened: Opened) -> Iterator[dict[str, Any]]:
        with opened.open() as stream:
            for line in stream:
                if line == b"die-gathering\n":
                    import os

                    os.abort()
                yield {"word": line.decode().strip()}
                yield {"word": line.decode().strip()}

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        words = [json.loads(line)["word"] for line in Path(opened.gathered).read_text().splitlines()]
        yield opened.event("o0", message=" ".join(words), state="recovered")


class Sink:
    """Keeps receipts and rows as a bag or workspace does."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.receipts: dict[str, Receipt] = {}
        self.rows: dict[str, bytes] = {}

    def has(self, key: str) -> bool:
        return key in self.receipts

    def find(self, key: str) -> Receipt | None:
        return self.receipts.get(key)

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        self.receipts[receipt.key] = receipt
        if rows is not None:
            self.rows[receipt.key] = unpacked(rows)
            rows.unlink()
        return receipt

    def of(self, plugin: str) -> list[tuple[Receipt, list[dict[str, Any]]]]:
        """Receipts and rows of a plug-in."""
        return [
            (one, [json.loads(line) for line in self.rows.get(key, b"").splitlines()])
            for key, one in self.receipts.items()
            if one.plugin == plugin
        ]


def unpacked(path: Path) -> bytes:
    """All frames of a row file."""
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes()), read_across_frames=True)
    return reader.read()


def loaded(kind: type[Any], **options: str) -> Loaded:
    """A parser of this file as if it were registered."""
    return Loaded(Plugin(kind.id, "forensics.parsers", f"process_kit:{kind.__name__}", "kit", "1"), kind(), "", options)


def content(folder: Path, name: str, data: bytes) -> Content:
    """A content as it lies in a bag."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = folder / "data" / "objects" / sha256[:2] / sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Content(folder, sha256, len(data), {"sha256": sha256, "size": len(data)}, [Named(0, name, {"name": name})])


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the children of parsing and gathering import this file."""

    def run(target: str, items: Iterable[Any], **more: Any) -> Iterator[ItemResult]:
        return run_items(target, items, options={"sys_path": [str(Path(__file__).parent)]}, **more)

    for module in (parsing, gathering):
        monkeypatch.setattr(module, "run_items", run)


def parse_all(parsers: Iterable[Loaded], contents: Iterable[Content], sink: Sink, *, workers: int = 2) -> Completeness:
    """The parsing stage as processing runs it."""
    found = Completeness()
    claims = claim_all(tuple(parsers), contents, found)
    with gathered_of(claims, sink, workers=workers) as gathered:
        return Parsing(sink, found, workers=workers, gathered=gathered).run(claims)


class Judge(Beside):
    """A companion that can be asked about records: ``die`` in the content costs the process."""

    id = "made.judge"

    def arbitrate(self, opened: Opened, locators: list[str]) -> Iterator[Event]:
        with opened.open() as stream:
            if b"die-judging" in stream.read():
                import os

                os.abort()
        opened.tell("asked", len(locators))
        for locator in locators:
            yield opened.event(locator, attrs={"verdict": "agree"})


def dying_detect(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The engine's child, which one content costs its life."""
    from forensics.detect.fast.child import detect

    if "path" in item and Path(item["path"]).read_bytes().endswith(b"die-detecting"):
        import os

        os.abort()
    return detect(item, options)


def terse_prepare(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The engine's child, which names one rule that does not compile and counts the others."""
    from forensics.detect.fast import child

    child.MAX_RULE_PROBLEMS = 1
    return child.prepare(item, options)
