"""The bag's artefacts as rows: for ls, for export, and as CSV that a spreadsheet cannot run."""

from __future__ import annotations

import base64
import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from forensics.catalogue.reader import read
from forensics.catalogue.text import raw_of, safe
from forensics.hashing.osapi import datasync
from forensics.hashing.write import storage_error, write_all
from forensics.model.exporter import BagFacts

COLUMNS = (
    "seq", "source", "volume", "path", "stream", "type", "state", "size", "sha256", "outcome", "code", "flags",
    "m", "a", "c", "b", "address", "why", "detail",
)  # fmt: skip
#: a cell that begins so would be a formula; the apostrophe makes it text
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def row_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """One artefact line as a row of ``ls``; ``raw`` is None where the path is no whole display."""
    raw = raw_of(line["path"])
    row: dict[str, Any] = {
        "seq": line["seq"],
        "source": line.get("source"),
        "volume": line.get("volume"),
        "path": safe(line["path"]),
        "raw": None if raw is None else base64.b64encode(raw).decode(),
        "stream": line.get("stream"),
        "type": line.get("type", "file"),
        "state": line.get("state", "allocated"),
        "size": line.get("size", line.get("entry_size")),
        "sha256": line.get("sha256"),
        "outcome": line["outcome"],
        "flags": line.get("flags", []),
        "times": {name: line.get(name) for name in ("m", "a", "c", "b")},
    }
    optional = (
        "code", "detail", "why", "method", "address", "owner", "mode", "nlink", "target", "same_as", "again", "bad",
        "md5", "sha1", "parts", "part_sizes", "extents", "logical_size", "xattrs", "time_flags", "enc", "stored",
    )  # fmt: skip
    row.update((name, line[name]) for name in optional if name in line)
    return row


def rows(bag: Path) -> Iterator[dict[str, Any]]:
    """Every artefact of a bag, in the order of the ledger.

    :raises NotABag, FutureFormat, InputError:
    """
    for line in read(bag):
        if line["kind"] == "artefact":
            yield row_of(line)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_csv(bag: Path, path: Path) -> None:
    """Write the catalogue of *bag* as CSV (RFC 4180), UTF-8.

    :raises StorageError:
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        try:
            for chunk in _csv_chunks(rows(bag)):
                write_all(fd, chunk, str(path))
            datasync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise storage_error(error, str(path)) from error


class CsvExporter:
    """``sealbag export --as csv``: as catalogue.csv, of the artefacts that were asked for."""

    id = "csv"
    version = "1"
    suffix = ".csv"

    def export(self, facts: BagFacts, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """As :class:`forensics.model.exporter.Exporter`."""
        return _csv_chunks(rows)


def _csv_chunks(artefacts: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for artefact in artefacts:
        row = {**artefact, **artefact["times"]}
        writer.writerow([_cell(row.get(name)) for name in COLUMNS])
        if text.tell() > 1 << 18:
            yield text.getvalue().encode("utf-8", "backslashreplace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8", "backslashreplace")
