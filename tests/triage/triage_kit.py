"""What the triage tests share: the real command, and readers of bags, workspaces and reports of their own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import zstandard

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
SEALBAG = (sys.executable, "-m", "forensics.cli.main")
#: control characters (tab and line feed apart), bidi controls, zero-width characters
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
Row = dict[str, Any]


def sealbag(*args: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    given = {"capture_output": True, "text": True, "timeout": 120, "stdin": subprocess.DEVNULL} | more
    return subprocess.run([*SEALBAG, *map(str, args)], check=False, **given)


def told(done: subprocess.CompletedProcess[str], schema: str) -> Row:
    """The one JSON object that a command printed, valid against its schema."""
    (line,) = done.stdout.splitlines()
    row: Row = json.loads(line)
    jsonschema.validate(row, json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8")))
    return row


def ledger(bag: Path) -> list[Row]:
    """The whole lines of a bag's ledger."""
    data = (bag / "custody/ledger.jsonl").read_bytes()
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def artefacts(bag: Path) -> dict[str, Row]:
    """Artefact lines by path, listings apart."""
    return {
        line["path"]: line for line in ledger(bag) if line["kind"] == "artefact" and line.get("method") != "listing"
    }


def results(bag: Path) -> list[Row]:
    """The result lines of a bag."""
    return [line for line in ledger(bag) if line["kind"] == "result"]


def stored(bag: Path, line: Row) -> bytes:
    """The content of an artefact line."""
    return (bag / "data/objects" / line["sha256"][:2] / line["sha256"]).read_bytes()


def unpacked(path: Path) -> Iterator[Row]:
    """The rows of a zstd JSONL file."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
        yield from (json.loads(line) for line in reader.read().splitlines())


def events(bag: Path) -> dict[str, Row]:
    """Every derived event of a bag by its id, with its result line as ``result``."""
    found: dict[str, Row] = {}
    for line in results(bag):
        if not line.get("stored"):
            continue
        data = (bag / line["stored"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == line["sha256"] and len(data) == line["size"]
        for row in unpacked(bag / line["stored"]):
            if "event_id" in row:
                assert row["event_id"] not in found
                found[row["event_id"]] = row | {"result": line}
    return found


def findings(work: Path) -> list[Row]:
    """The rows of a workspace's findings."""
    return [json.loads(line) for line in (work / "findings.jsonl").read_text("utf-8").splitlines()]


def same(rows: list[Row]) -> list[str]:
    """Findings without what two bags of the same host may differ in: the bag and numbers of lines."""
    out = []
    for row in rows:
        refs = [{k: v for k, v in ref.items() if k != "seq"} for ref in row.get("refs", [])]
        out.append(json.dumps({k: v for k, v in row.items() if k != "bag"} | {"refs": refs}, sort_keys=True))
    return sorted(out)


class Report:
    """A report file: its words, and the dictionary of each column of its tables."""

    def __init__(self, path: Path | str) -> None:
        self.text = Path(path).read_text("utf-8")
        bare = re.sub(r"<(script|style)\b.*?</\1>", "", self.text, flags=re.DOTALL)
        self.words = html.unescape(re.sub(r"<[^>]*>", " ", bare))

    def column(self, table: str, name: str) -> list[Any]:
        """The distinct words of a column."""
        pattern = rf'<script[^>]*data-table="{table}"[^>]*data-column="{name}"[^>]*>([^<]*)</script>'
        found = re.search(pattern, self.text)
        assert found, f"{table}.{name}"
        data = gzip.decompress(base64.b64decode(found[1]))
        length = int.from_bytes(data[:4], "little")
        words: list[Any] = json.loads(data[4:] if length == 0xFFFFFFFF else data[4 : 4 + length])
        return words
