"""Checks for plug-in authors: one call says whether a plug-in keeps its protocol.

They run the plug-in as sealbag does: looked up by its entry point, in a supervised child.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics import registry
from forensics.errors import BadRange, SourceError
from forensics.model import Entry, EvidenceSource, Stream, Trouble, entry_from_row, entry_row
from forensics.model.event import Receipt
from forensics.model.event_rows import event_from_row, finding_from_row
from forensics.processing.contents import Content, Named
from forensics.processing.plugins import CLAIM, load_plugins
from forensics.processing.scanning import scan_contents
from forensics.worker.batch import ItemResult, run_items

BUFFER = 1 << 16


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What :func:`check_source` saw."""

    volumes: int
    entries: int
    read: int
    bytes: int
    troubles: int


def _digest(stream: Stream, start: int = 0) -> tuple[str, int]:
    digest, size, buffer = hashlib.sha256(), start, memoryview(bytearray(BUFFER))
    stream.seek(start)
    while True:
        try:
            count = stream.readinto(buffer)
        except BadRange as bad:
            if bad.length <= 0 or bad.offset + bad.length <= size:
                raise AssertionError(f"a bad range that leads nowhere: {bad}") from bad
            size = bad.offset + bad.length
            stream.seek(size)
            continue
        if not 0 <= count <= BUFFER:
            raise AssertionError(f"readinto gave {count} for a buffer of {BUFFER}")
        if count == 0:
            return digest.hexdigest(), size
        digest.update(buffer[:count])
        size += count


def _check_stream(source: EvidenceSource, entry: Entry) -> int:
    stream = source.open(entry)
    try:
        first, size = _digest(stream)
        second, _ = _digest(stream)
        if first != second:
            raise AssertionError(f"two reads of {entry.path.display} differ")
        end = 0
        for offset, length in stream.extents() or ():
            if offset < end or length < 0:
                raise AssertionError(f"extents of {entry.path.display} overlap or go back")
            end = offset + length
        return size
    finally:
        stream.close()


def _check_entry(entry: Entry, volume_ids: set[str]) -> None:
    if entry_from_row(entry_row(entry)) != entry:
        raise AssertionError(f"{entry.path.display} does not survive its row")
    if entry.volume not in volume_ids and not entry.volume:
        raise AssertionError(f"{entry.path.display} names no volume")
    if entry.path.raw.startswith(b"/") or b"//" in entry.path.raw:
        raise AssertionError(f"{entry.path.display} is no path relative to its volume")


def check_source(opener: Callable[[], EvidenceSource], *, limit: int = 2000) -> SourceReport:
    """Open a source, walk every volume, read up to *limit* files twice.

    :param opener: makes the source; called twice, since two walks must agree.
    :raises AssertionError: at the first thing that breaks the protocol.
    """
    seen: list[list[tuple[str, bytes, str | None, str]]] = []
    read = total = troubles = volumes = 0
    for turn in range(2):
        names: list[tuple[str, bytes, str | None, str]] = []
        with opener() as source:
            found = list(source.volumes())
            ids = {volume.id for volume in found}
            if len(ids) != len(found):
                raise AssertionError("two volumes have one id")
            volumes = len(found)
            for volume in found:
                if volume.state != "open":
                    continue
                for entry in source.walk(volume):
                    if isinstance(entry, Trouble):
                        troubles += turn
                        continue
                    _check_entry(entry, ids)
                    names.append((entry.volume, entry.path.raw, entry.path.stream, entry.address))
                    if turn and entry.kind == "file" and read < limit:
                        try:
                            total += _check_stream(source, entry)
                        except SourceError:
                            continue  # a stated outcome of this entry; collect() puts it down
                        read += 1
        seen.append(names)
    if seen[0] != seen[1]:
        raise AssertionError("two walks of the same source differ")
    return SourceReport(volumes, len(seen[1]), read, total, troubles)


def _parse(
    plugin: registry.Plugin, data: bytes, inputs: Mapping[str, Any], folder: Path
) -> tuple[ItemResult, list[Any]]:
    """Parse *data* in a supervised child; return how it ended and the rows."""
    sample, out = folder / "sample", folder / "rows"
    sample.write_bytes(data)
    out.unlink(missing_ok=True)
    item = {
        "path": str(sample), "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "inputs": dict(inputs),
        "plugin": plugin.target, "out": str(out),
    }  # fmt: skip
    (result,) = run_items("forensics.tasks.parse_content:parse", [item])
    return result, _unpacked(out) if out.exists() else []


def check_parser(
    id: str,
    sample: str | Path,
    golden: str | Path,
    *,
    name: str = "",
    inputs: Mapping[str, Any] | None = None,
    cuts: int = 12,
) -> list[dict[str, Any]]:
    """Parse a sample twice and compare with a golden result; cut it, and see that nothing dies.

    :param id: of the entry point in ``forensics.parsers``.
    :param golden: JSONL, one event a line, as rows are stored; each field in it must be equal,
        fields that it leaves out are not compared.
    :param name: the path that the sample had, its own file name if not given.
    :param cuts: number of places at which the sample is cut short.
    :returns: the rows.
    :raises AssertionError: at the first thing that breaks the protocol.
    """
    plugin = registry.find("forensics.parsers", id)
    parser = registry.load("forensics.parsers", id)()
    data = Path(sample).read_bytes()
    given = {"name": name or Path(sample).name, "mtime": None, "zone": "+00:00"} | dict(inputs or {})
    claim = parser.claims(given["name"], data[:4096])
    if claim < CLAIM:
        raise AssertionError(f"{id} claims its own sample with {claim}, {CLAIM} are needed")
    declared = {field: given.get(field) for field in parser.inputs}
    with tempfile.TemporaryDirectory() as scratch:
        result, rows = _parse(plugin, data, declared, Path(scratch))
        if result.status != "ok":
            raise AssertionError(f"{id} ended {result.status}: {result.code} {result.detail}")
        _check_rows(id, rows)
        expected = [json.loads(line) for line in Path(golden).read_text("utf-8").splitlines() if line]
        if len(rows) != len(expected):
            raise AssertionError(f"{len(rows)} events, the golden result has {len(expected)}")
        for number, (row, wanted) in enumerate(zip(rows, expected, strict=True)):
            different = {field: row.get(field) for field, value in wanted.items() if row.get(field) != value}
            if different:
                raise AssertionError(f"event {number} differs from the golden result in {different}")
        if _parse(plugin, data, declared, Path(scratch))[1] != rows:
            raise AssertionError("two runs over the same bytes differ")
        for cut in range(cuts):
            short, some = _parse(plugin, data[: len(data) * cut // cuts], declared, Path(scratch))
            if short.status != "ok":
                raise AssertionError(
                    f"cut at {len(data) * cut // cuts} the parser's child ended {short.status}: {short.code}"
                )
            _check_rows(id, some)
    return rows


def _check_rows(id: str, rows: list[Any]) -> None:
    locators = set()
    for row in rows:
        event = event_from_row(row)
        if event.parser != id:
            raise AssertionError(f"an event names the parser {event.parser}, the entry point is {id}")
        if event.locator in locators:
            raise AssertionError(f"two events have the locator {event.locator}")
        locators.add(event.locator)
        if event.ts is None and event.tz_basis != "none":
            raise AssertionError(f"{event.locator} is undated, and yet has a time zone basis")


class _Kept:
    """A sink that keeps the rows of one scan."""

    def __init__(self, folder: Path) -> None:
        self.scratch = folder
        self.rows: list[Any] = []

    def has(self, key: str) -> bool:
        return False

    def find(self, key: str) -> Receipt | None:
        return None

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        if rows is not None:
            self.rows = _unpacked(rows)
        return receipt


def check_scanner(
    id: str, fires: Mapping[str, bytes], silent: Mapping[str, bytes], *, packs: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Scan samples in supervised children: each of *fires* must be found, none of *silent*.

    :param id: of the entry point in ``forensics.scanners``.
    :param fires, silent: samples by the path that they are to have.
    :param packs: rule files or folders; none: those that the scanner brings.
    :returns: the rows: findings, and one row a sample.
    :raises AssertionError: at the first thing that breaks the protocol.
    """
    (loaded,) = load_plugins("forensics.scanners", [id]).loaded
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        contents = [_content(folder, name, data) for name, data in {**fires, **silent}.items()]
        sink = _Kept(folder)
        report = scan_contents(contents, loaded, packs or tuple(map(str, getattr(loaded.obj, "packs", ()))), sink)
    problems = [problem for pack in report.packs for problem in pack.problems]
    if problems:
        raise AssertionError(f"a rule does not compile: {problems[0].where}: {problems[0].reason}")
    found = {ref.content for row in sink.rows if "by" in row for ref in finding_from_row(row).refs}
    for name, data in fires.items():
        if hashlib.sha256(data).hexdigest() not in found:
            raise AssertionError(f"nothing fires on {name}")
    for name, data in silent.items():
        if hashlib.sha256(data).hexdigest() in found:
            raise AssertionError(f"something fires on {name}")
    lost = [row for row in sink.rows if row.get("status") in ("failed", "quarantined")]
    if lost:
        raise AssertionError(f"a sample was not scanned: {lost[0]}")
    return sink.rows


def _content(folder: Path, name: str, data: bytes) -> Content:
    sha256 = hashlib.sha256(data).hexdigest()
    path = folder / "data" / "objects" / sha256[:2] / sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    inputs = {"name": name, "mtime": None, "zone": "", "state": "allocated", "outcome": "complete"}
    return Content(folder, sha256, len(data), {"seq": 0, "sha256": sha256, "size": len(data)}, [Named(0, name, inputs)])


def _unpacked(path: Path) -> list[Any]:
    """The rows of a JSONL file packed with zstd."""
    import zstandard

    with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        return [json.loads(line) for line in io.TextIOWrapper(stream, "utf-8")]
